"""What is needed stays, whatever its age; what is not goes when it is old, facts first."""

from datetime import UTC, datetime, timedelta

import pytest

from cutroom.media.leftovers import Found, PlanNames, Roots, named_in_plan, needed, plan_removal, young

NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEYS = [
    "chunks/sha1/0/2/0-100.nut",
    "encodes/en_kept/facts.json",
    "encodes/en_kept/media",
    "encodes/en_old/facts.json",
    "encodes/en_old/media",
    "plans/pl_kept/plan.json",
    "plans/pl_old/plan.json",
    "plans/pl_old/stills.json",
    "sources/sha1/facts.json",
    "sources/sha2/facts.json",
    "logs/run_kept/probe/x.log",
    "logs/run_old/probe/x.log",
    "renditions/rn_kept/seg_1.m4s",
    "renditions/rn_old/seg_1.m4s",
    "renditions/rn_old/rendition.json",
    "assets/as_1/av_kept/master.m3u8",
    "assets/as_1/av_old/master.m3u8",
    "something/else",
]
PLANS = [
    PlanNames(
        plan_id="pl_kept", version_id="av_kept", sha256="sha1", names=frozenset({"en_kept", "rn_kept"})
    ),
    PlanNames(plan_id="pl_old", version_id="av_old", sha256="sha2", names=frozenset({"en_old", "rn_old"})),
]


def removed(roots: Roots, *, age_h: int = 100) -> list[str]:
    found = [Found(key=key, size_bytes=1, modified_at=NOW - timedelta(hours=age_h)) for key in KEYS]
    return [one.key for one in plan_removal(found, needed(roots, PLANS), before=NOW - timedelta(hours=72))]


def test_what_a_version_needs_stays_and_all_else_goes() -> None:
    roots = Roots(
        versions=frozenset({"av_kept"}), renditions=frozenset({"rn_kept"}), runs=frozenset({"run_kept"})
    )
    gone = removed(roots)
    kept = {
        "encodes/en_kept/facts.json", "encodes/en_kept/media", "plans/pl_kept/plan.json", "sources/sha1/facts.json",
        "logs/run_kept/probe/x.log", "renditions/rn_kept/seg_1.m4s", "assets/as_1/av_kept/master.m3u8",
        "something/else",
    }  # fmt: skip
    assert set(gone) == set(KEYS) - kept
    # Without its facts a thing counts as not made: they go before what they speak of.
    facts = [key for key in gone if key.endswith(("facts.json", "rendition.json"))]
    assert gone[: len(facts)] == facts


def test_what_is_young_stays() -> None:
    assert removed(Roots(), age_h=71) == []


def test_a_run_that_is_under_way_keeps_what_its_source_was_made_into() -> None:
    gone = removed(Roots(sources=frozenset({"sha2"}), runs=frozenset({"run_old"})))
    assert not [key for key in gone if "old" in key or "sha2" in key]
    assert "encodes/en_kept/media" in gone


def test_while_a_run_does_not_know_its_source_only_logs_go() -> None:
    assert removed(Roots(unplanned=True)) == ["logs/run_kept/probe/x.log", "logs/run_old/probe/x.log"]


@pytest.mark.parametrize("kind", ["en", "rn"])
@pytest.mark.parametrize("age_h", [71, 73])
def test_a_plan_is_as_young_as_what_it_names(age_h: int, kind: str) -> None:
    """Once that is old, only the plan tells a run that is under way, and the collection beside it, whose it is."""
    made = {"en": "encodes/en_old/media", "rn": "renditions/rn_old/seg_1.m4s"}[kind]
    ages = {made: age_h}
    found = [
        Found(key=key, size_bytes=1, modified_at=NOW - timedelta(hours=ages.get(key, 100))) for key in KEYS
    ]
    before = NOW - timedelta(hours=72)
    gone = [
        one.key
        for one in plan_removal(found, needed(Roots(), PLANS, young(found, before=before)), before=before)
    ]
    assert ("plans/pl_old/plan.json" in gone) == (made in gone) == (age_h > 72)
    assert "plans/pl_kept/plan.json" in gone


@pytest.mark.parametrize("kind", ["en", "rn"])
def test_a_plan_names_whatever_it_mentions(kind: str) -> None:
    data = b'{"anything": [{"deep": "%s_abc234"}], "other": "xx_abc"}' % kind.encode()
    assert named_in_plan("pl", data, version_id="av", sha256="s").names == {f"{kind}_abc234"}
