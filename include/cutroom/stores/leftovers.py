"""Removes what runs left in the work and media buckets and nobody needs, and uploads in parts that nobody finished."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.orm import Session

from cutroom.errors import ObjectMissing
from cutroom.media import keys
from cutroom.media.leftovers import (
    Found,
    PlanNames,
    Roots,
    is_leftover,
    lost_renditions,
    named_in_plan,
    needed,
    plan_removal,
    young,
)
from cutroom.settings import Settings
from cutroom.stores.database import Database
from cutroom.stores.gates import RUNS
from cutroom.stores.s3 import S3Store, s3_client, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

_AT_ONCE = 16

_STEP = 50
"""Objects that are removed in one go: about a second, in which no run can begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedLeftovers:
    """What was removed, or would be."""

    objects: int
    bytes: int
    by_kind: dict[str, int]
    """Objects by the first part of their keys."""
    uploads_in_parts: int


def collect_leftovers(
    settings: Settings, database: Database, *, grace_s: int, dry_run: bool = False
) -> CollectedLeftovers:
    """Remove what no version and no run that is under way needs, and that is older than the grace period.

    The grace period has to be longer than the longest run: what a run found it does not look for again.

    Raises:
        ObjectMissing: Something that a version needs is missing; nothing was removed.
    """
    client = s3_client(settings)
    before = datetime.now(UTC) - timedelta(seconds=grace_s)
    work, media = settings.work_bucket, settings.media_bucket
    # What is listed first can't be named by what is read afterwards without being older than the grace period.
    found = {bucket: list(_listed(client, bucket)) for bucket in (work, media)}
    with database.snapshot() as session:
        roots = _roots(session, grace_s)
    if lost := lost_renditions(found[media], roots):
        raise ObjectMissing(
            f"{len(lost)} renditions of versions that the catalog has are not in s3://{media} ({lost[0]}"
            f"{', …' if len(lost) > 1 else ''}), so nothing is removed. Is it the right bucket?"
        )
    plans = _plans(S3Store(client, work), found[work])
    staying = young((one for objects in found.values() for one in objects), before=before)
    need = needed(roots, plans, staying)
    removal = {bucket: plan_removal(objects, need, before=before) for bucket, objects in found.items()}
    if not dry_run:
        # Plans go last: a run that begins after a collection died finds what is left named by the plan of its source.
        for bucket in (media, work):
            objects = removal[bucket]
            removal[bucket] = _remove(database, S3Store(client, bucket), objects, plans, grace_s=grace_s)
    by_kind: dict[str, int] = {}
    for one in (one for objects in removal.values() for one in objects):
        kind = one.key.partition("/")[0]
        by_kind[kind] = by_kind.get(kind, 0) + 1
    buckets = dict.fromkeys((settings.uploads_bucket, settings.blocks_bucket, work, media))
    parts = sum(_end_uploads_in_parts(client, bucket, before, dry_run=dry_run) for bucket in buckets)
    return CollectedLeftovers(
        objects=sum(by_kind.values()),
        bytes=sum(one.size_bytes for objects in removal.values() for one in objects),
        by_kind=by_kind,
        uploads_in_parts=parts,
    )


def _listed(client: "S3Client", bucket: str) -> Iterator[Found]:
    with translated(f"s3://{bucket}"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for item in page.get("Contents", ()):
                yield Found(key=item["Key"], size_bytes=item["Size"], modified_at=item["LastModified"])


def _remove(
    database: Database, store: S3Store, chosen: list[Found], plans: list[PlanNames], *, grace_s: int
) -> list[Found]:
    """Remove what still nobody needs; gives what went.

    A run that is under way by now may have found any of it; one that begins later finds it gone, and makes it again.
    """
    gone = []
    for start in range(0, len(chosen), _STEP):
        with database.transaction() as session:
            RUNS.shut_out(session)
            need = needed(_roots(session, grace_s), plans)
            # One after the other, as order matters: the facts go before what they speak of.
            for one in chosen[start : start + _STEP]:
                if is_leftover(one.key, need):
                    store.delete(one.key)
                    gone.append(one)
    return gone


def _roots(session: Session, grace_s: int) -> Roots:
    versions = session.execute(text("SELECT version_id, run_id FROM asset_versions")).all()
    renditions = session.execute(
        text("SELECT DISTINCT rendition_key FROM asset_version_renditions")
    ).scalars()
    runs = session.execute(
        text(
            "SELECT r.run_id, r.status, v.sha256 FROM runs r JOIN file_versions v USING (file_version_id)"
            " WHERE r.ended_at IS NULL OR r.ended_at > now() - make_interval(secs => :grace)"
        ),
        {"grace": grace_s},
    ).all()
    return Roots(
        versions=frozenset(row.version_id for row in versions),
        renditions=frozenset(renditions),
        # A run that failed a while ago may be taken up again from where it was.
        runs=frozenset(row.run_id for row in [*versions, *runs]),
        sources=frozenset(row.sha256 for row in runs if row.sha256),
        unplanned=any(row.status == "processing" and not row.sha256 for row in runs),
    )


def _plans(work: S3Store, found: list[Found]) -> list[PlanNames]:
    plan_ids = [
        plan_id
        for one in found
        if one.key == keys.plan(plan_id := one.key.removeprefix("plans/").partition("/")[0])
    ]

    def read(plan_id: str) -> PlanNames:
        data = work.get_bytes(keys.plan(plan_id))
        value = json.loads(data)
        return named_in_plan(plan_id, data, version_id=value["version_id"], sha256=value["source"]["sha256"])

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(read, plan_ids))


def _end_uploads_in_parts(client: "S3Client", bucket: str, before: datetime, *, dry_run: bool) -> int:
    count = 0
    with translated(f"s3://{bucket}"):
        for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", ()):
                if upload["Initiated"] >= before:
                    continue
                count += 1
                if not dry_run:
                    client.abort_multipart_upload(
                        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
    return count
