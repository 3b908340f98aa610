"""Leftovers of runs in real buckets: a version that the catalog has stays whole, what a run finds stays for it."""

import json
import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog_servers import start_of, version
from cutroom.errors import ObjectMissing, StoreUnavailable
from cutroom.media import keys
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog
from cutroom.stores.leftovers import collect_leftovers
from cutroom.stores.s3 import S3Store, s3_client

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(stack: Settings) -> Settings:
    """Settings of four empty buckets."""
    names = {
        f"{kind}_bucket": f"{kind}-{uuid.uuid4().hex[:8]}" for kind in ("work", "media", "blocks", "uploads")
    }
    for bucket in names.values():
        s3_client(stack).create_bucket(Bucket=bucket)
    return stack.model_copy(update=names)


def test_what_no_version_needs_goes_and_a_dry_run_only_tells(settings: Settings, catalog: Catalog) -> None:
    client = s3_client(settings)
    work, media = S3Store(client, settings.work_bucket), S3Store(client, settings.media_bucket)
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
        f"sidecars/{'a' * 64}/{'c' * 64}": b"x",
    }
    gone = {
        "plans/pl_gone/plan.json": json.dumps(other).encode(),
        "encodes/en_gone/media": b"xxx",
        f"chunks/{'b' * 64}/0/2/0-1.nut": b"x",
        f"sidecars/{'b' * 64}/{'c' * 64}": b"x",
    }
    for key, data in {**kept, **gone}.items():
        work.put_bytes(key, data)
    media.put_bytes("renditions/rn_720/seg_1.m4s", b"x")
    media.put_bytes("renditions/rn_gone/seg_1.m4s", b"x")
    media.put_bytes(published.hls, b"x")
    client.create_multipart_upload(Bucket=settings.uploads_bucket, Key="incoming/half")

    with pytest.raises(ObjectMissing, match="rn_360"):
        collect_leftovers(settings, catalog.database, grace_s=-60)
    media.put_bytes("renditions/rn_360/seg_1.m4s", b"x")
    young = collect_leftovers(settings, catalog.database, grace_s=3600)
    assert (young.objects, young.uploads_in_parts) == (0, 0)
    foreseen = collect_leftovers(settings, catalog.database, grace_s=-60, dry_run=True)
    assert sorted(info.key for info in work.list("")) == sorted([*kept, *gone])
    done = collect_leftovers(settings, catalog.database, grace_s=-60)
    assert done == foreseen
    assert (done.objects, done.uploads_in_parts) == (5, 1)
    assert done.by_kind == {"chunks": 1, "encodes": 1, "plans": 1, "renditions": 1, "sidecars": 1}
    assert sorted(info.key for info in work.list("")) == sorted(kept)
    assert sorted(info.key for info in media.list("")) == sorted(
        [published.hls, "renditions/rn_360/seg_1.m4s", "renditions/rn_720/seg_1.m4s"]
    )
    assert collect_leftovers(settings, catalog.database, grace_s=-60).objects == 0


def test_a_collection_that_dies_leaves_the_plan_of_what_it_left(
    settings: Settings, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, media = (
        S3Store(s3_client(settings), name) for name in (settings.work_bucket, settings.media_bucket)
    )
    plan = {"version_id": "av_gone", "source": {"sha256": "b" * 64}, "uses": ["rn_gone"]}
    work.put_bytes("plans/pl_gone/plan.json", json.dumps(plan).encode())
    media.put_bytes("renditions/rn_gone/rendition.json", b"{}")
    delete = S3Store.delete

    def dies(store: S3Store, key: str) -> None:
        if key.startswith("renditions/"):
            raise StoreUnavailable("S3 is away.")
        delete(store, key)

    with monkeypatch.context() as patch:
        patch.setattr(S3Store, "delete", dies)
        with pytest.raises(StoreUnavailable):
            collect_leftovers(settings, catalog.database, grace_s=-60)
    assert [info.key for info in work.list("")] == ["plans/pl_gone/plan.json"]
    assert collect_leftovers(settings, catalog.database, grace_s=-60).objects == 2


class Runs:
    """Runs of one source each, again and again, with a collector that lets nothing grow old before it takes it."""

    def __init__(self, settings: Settings, catalog: Catalog) -> None:
        self.settings, self.catalog = settings, catalog
        self.work = S3Store(s3_client(settings), settings.work_bucket)
        self.over = threading.Event()
        self.reused = self.removed = 0

    def source(self, number: int) -> None:
        """Plans and encodes under a few profiles, and reads all of it when that is done, as `assemble` does."""
        dice, sha256 = random.Random(number), f"{number:064x}"
        begun = start_of(number, title=f"film {number}", key=f"incoming/{number}.mp4")
        for attempt in range(1, 200):
            if attempt > 8 and self.reused and self.removed:
                return
            self.catalog.start_run(**begun, attempt=attempt)
            self.catalog.record_source(run_id=begun["run_id"], sha256=sha256, source={})
            names = [f"en_{'abcdefgh'[number]}{letter}" for letter in dice.sample("abcd", 3)]
            plan = {"version_id": "av", "source": {"sha256": sha256}, "uses": names}
            self.work.put_bytes(keys.plan("pl_" + "".join(sorted(names))), json.dumps(plan).encode())
            for name in names:
                if self.work.head(keys.encode_facts(name)):
                    self.reused += 1
                else:
                    self.work.put_bytes(keys.encode(name), name.encode())
                    self.work.put_bytes(keys.encode_facts(name), b"{}")
            for name in names:
                self.work.get_bytes(keys.encode_facts(name))
                assert self.work.get_bytes(keys.encode(name)) == name.encode()
            self.catalog.end_run(run_id=begun["run_id"], status="failed", reason="to be begun again")

    def collector(self) -> int:
        rounds = 0
        while not self.over.is_set():
            self.removed += collect_leftovers(self.settings, self.catalog.database, grace_s=-60).objects
            rounds += 1
        return rounds


def test_what_a_run_finds_stays_for_it_whenever_garbage_is_collected(
    settings: Settings, catalog: Catalog
) -> None:
    runs = Runs(settings, catalog)
    with ThreadPoolExecutor(5) as pool:
        collecting = pool.submit(runs.collector)
        sources = [pool.submit(runs.source, number) for number in range(1, 5)]
        try:
            for source in sources:
                source.result()
        finally:
            runs.over.set()
        assert collecting.result() > 1
    assert runs.reused
    assert runs.removed
    collect_leftovers(settings, catalog.database, grace_s=-60)
    assert list(runs.work.list("")) == []
