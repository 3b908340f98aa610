"""Leftovers of runs in real buckets: a version that the catalog has stays whole, everything else goes."""

import json
import uuid

import pytest

from catalog_servers import start_of, version
from cutroom.errors import ObjectMissing
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog
from cutroom.stores.leftovers import collect_leftovers
from cutroom.stores.s3 import S3Store, s3_client

pytestmark = pytest.mark.stack


def test_what_no_version_needs_goes_and_a_dry_run_only_tells(stack: Settings, catalog: Catalog) -> None:
    names = {
        f"{kind}_bucket": f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("work", "media", "blocks", "uploads")
    }
    settings = stack.model_copy(update=names)
    client = s3_client(settings)
    for bucket in names.values():
        client.create_bucket(Bucket=bucket)
    work, media = S3Store(client, names["work_bucket"]), S3Store(client, names["media_bucket"])
    begun = start_of(1)
    catalog.start_run(**begun, attempt=1)
    catalog.record_source(run_id=begun["run_id"], sha256="a" * 64, source={})
    published = version(1, of=begun["upload"])
    catalog.publish(run_id=begun["run_id"], version=published)
    plan = {"version_id": published.version_id, "source": {"sha256": "a" * 64}, "uses": ["en_kept", "rn_720"]}
    other = {"version_id": "av_other", "source": {"sha256": "b" * 64}, "uses": ["en_gone"]}
    kept = {
        "plans/pl_kept/plan.json": json.dumps(plan).encode(),
        "encodes/en_kept/media": b"x",
        "encodes/en_kept/facts.json": b"x",
    }
    gone = {
        "plans/pl_gone/plan.json": json.dumps(other).encode(),
        "encodes/en_gone/media": b"xxx",
        f"chunks/{'b' * 64}/0/0-1.nut": b"x",
    }
    for key, data in {**kept, **gone}.items():
        work.put_bytes(key, data)
    media.put_bytes("renditions/rn_720/seg_1.m4s", b"x")
    media.put_bytes("renditions/rn_gone/seg_1.m4s", b"x")
    media.put_bytes(published.hls, b"x")
    client.create_multipart_upload(Bucket=names["uploads_bucket"], Key="incoming/half")

    with pytest.raises(ObjectMissing, match="rn_360"):
        collect_leftovers(settings, catalog.database, grace_s=-60)
    media.put_bytes("renditions/rn_360/seg_1.m4s", b"x")
    young = collect_leftovers(settings, catalog.database, grace_s=3600)
    assert (young.objects, young.uploads_in_parts) == (0, 0)
    foreseen = collect_leftovers(settings, catalog.database, grace_s=-60, dry_run=True)
    assert sorted(info.key for info in work.list("")) == sorted([*kept, *gone])
    done = collect_leftovers(settings, catalog.database, grace_s=-60)
    assert done == foreseen
    assert (done.objects, done.uploads_in_parts) == (4, 1)
    assert done.by_kind == {"chunks": 1, "encodes": 1, "plans": 1, "renditions": 1}
    assert sorted(info.key for info in work.list("")) == sorted(kept)
    assert sorted(info.key for info in media.list("")) == sorted(
        [published.hls, "renditions/rn_360/seg_1.m4s", "renditions/rn_720/seg_1.m4s"]
    )
    assert collect_leftovers(settings, catalog.database, grace_s=-60).objects == 0
