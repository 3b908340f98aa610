"""Which objects of the work and media buckets nobody needs any more."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

_NAMED = re.compile(rb'"((?:en|rn)_[a-z2-7]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One object, as a listing tells of it."""

    key: str
    size_bytes: int
    modified_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNames:
    """What a stored plan names."""

    plan_id: str
    version_id: str
    sha256: str
    """Of its source."""
    names: frozenset[str]
    """Every encode and rendition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """What is needed by itself, by the catalog's word."""

    versions: frozenset[str] = frozenset()
    """Every version that the catalog has: it plays, or can be gone back to."""
    renditions: frozenset[str] = frozenset()
    """The renditions of these."""
    runs: frozenset[str] = frozenset()
    """Runs that are under way, or made one of these versions."""
    sources: frozenset[str] = frozenset()
    """SHA-256 of the sources of the runs that are under way."""
    unplanned: bool = False
    """Whether a run is under way whose source is not known yet: it may come to need anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """The roots, and what follows from them."""

    roots: Roots
    plans: frozenset[str] = field(default=frozenset())
    versions: frozenset[str] = field(default=frozenset())
    sources: frozenset[str] = field(default=frozenset())
    made: frozenset[str] = field(default=frozenset())
    """Encodes and renditions."""


def named_in_plan(plan_id: str, data: bytes, *, version_id: str, sha256: str) -> PlanNames:
    """What a plan names, whatever release wrote it."""
    names = frozenset(name.decode() for name in _NAMED.findall(data))
    return PlanNames(plan_id=plan_id, version_id=version_id, sha256=sha256, names=names)


def needed(roots: Roots, plans: Iterable[PlanNames], staying: frozenset[str] = frozenset()) -> Needed:
    """Everything that the roots need: plans of versions that the catalog has and of sources that are worked on.

    Args:
        roots: What is needed by itself.
        plans: Every plan that is stored.
        staying: Encodes and renditions that are too young to go, see `young`. A plan of theirs is needed: without it
            nothing would tell that they are of its source, once they are old and a run of it is under way.
    """
    plans = list(plans)
    kept = [plan for plan in plans if plan.version_id in roots.versions or plan.sha256 in roots.sources]
    return Needed(
        roots=roots,
        plans=frozenset(plan.plan_id for plan in kept)
        | {plan.plan_id for plan in plans if plan.names & staying},
        versions=roots.versions | {plan.version_id for plan in kept},
        sources=roots.sources | {plan.sha256 for plan in kept},
        made=roots.renditions.union(*(plan.names for plan in kept)),
    )


def young(found: Iterable[Found], *, before: datetime) -> frozenset[str]:
    """Encodes and renditions of which something is not older."""
    return frozenset(
        one.key.split("/")[1]
        for one in found
        if one.modified_at >= before and one.key.startswith(("encodes/", "renditions/"))
    )


def plan_removal(found: Iterable[Found], need: Needed, *, before: datetime) -> list[Found]:
    """The objects that nobody needs and that are older, facts first: without them nothing counts as made."""
    chosen = [one for one in found if one.modified_at < before and is_leftover(one.key, need)]
    return sorted(chosen, key=lambda one: (not one.key.endswith(("/facts.json", "/rendition.json")), one.key))


def lost_renditions(found: Iterable[Found], roots: Roots) -> list[str]:
    """Renditions of versions that the catalog has, and of which the media bucket has nothing."""
    there = {one.key.split("/")[1] for one in found if one.key.startswith("renditions/")}
    return sorted(roots.renditions - there)


def is_leftover(key: str, need: Needed) -> bool:
    """Whether nobody needs an object, whatever its age; what no rule here speaks of is not ours to remove."""
    kind, name, *below = [*key.split("/"), ""]
    if kind == "logs":
        return name not in need.roots.runs
    kept = {
        # Cut again from the source whenever an encode is missing.
        "chunks": need.roots.sources,
        "sources": need.sources,
        "sidecars": need.sources,
        "encodes": need.made,
        "renditions": need.made,
        "plans": need.plans,
        "assets": need.versions,
    }
    if kind == "assets":
        name = below[0]
    return kind in kept and not need.roots.unplanned and name not in kept[kind]
