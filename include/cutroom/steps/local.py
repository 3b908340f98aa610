"""The whole flow on this machine, without Airflow, S3 or a database: what `cutroom transcode` does."""

import json
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from cutroom import ids
from cutroom.errors import ObjectCorrupt, ObjectMissing, UsageError
from cutroom.media import keys
from cutroom.media.profile import load_profile
from cutroom.media.progress import PartProgress, percent_of
from cutroom.media.upload import UploadedObject
from cutroom.media.version import PublishedVersion
from cutroom.settings import Settings
from cutroom.steps import assembling, encoding, out_folder, planning, publishing, sound, stills, stored
from cutroom.steps.scratch import Scratch
from cutroom.steps.source_check import check_source
from cutroom.steps.workshop import Workshop, sha256_of, source_limits, tool_limits

if TYPE_CHECKING:
    from cutroom.stores.objects import ObjectStore


@dataclass
class LocalRecord:
    """Keeps progress in memory and tells a listener the percentage."""

    dag_id: str
    listener: Callable[[float, str], None]
    parts: dict[tuple[str, str], PartProgress] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def record_progress(
        self,
        *,
        run_id: str,  # noqa: ARG002
        step: str,
        part: str,
        done: float,
        total: float,
        unit: str = "s",
    ) -> None:
        """How far a part of a step is."""
        with self.lock:
            self.parts[step, part] = PartProgress(step=step, part=part, done=done, total=total, unit=unit)
            percent = percent_of(list(self.parts.values()), dag_id=self.dag_id)
        self.listener(percent, step)

    def record_plan(self, *, run_id: str, parts: Iterable[PartProgress]) -> None:  # noqa: ARG002
        """Name all parts that will report."""
        with self.lock:
            self.parts |= {(part.step, part.part): part for part in parts}

    def record_source(self, **_: Any) -> None:
        """What the probe found is in the work folder."""

    def record_tool(self, **_: Any) -> None:
        """The command is in the tool's log, which lies in the work folder."""


@dataclass(frozen=True)
class LocalSources:
    """The one file that is worked on."""

    source: Path

    def open(self, _: UploadedObject, /) -> Path:
        """The file."""
        return self.source

    @staticmethod
    def takes_bytes(_: UploadedObject, /) -> int:
        """Nothing: a link."""
        return 0

    def fetch(self, _: UploadedObject, path: Path, /) -> str:
        """A link to the file."""
        path.symlink_to(self.source)
        return sha256_of(path)


def transcode(
    source: Path,
    out: Path,
    *,
    profile: str,
    settings: Settings,
    listener: Callable[[float, str], None] = lambda _percent, _step: None,
) -> PublishedVersion:
    """Make a folder of HLS and DASH from a file.

    Args:
        source: The file.
        out: The folder; its manifests appear last, after everything was verified. A version that is there already is
            replaced then.
        profile: Name of a profile, or path of a YAML file.
        settings: Limits and the number of encodes at a time.
        listener: Told the percentage and the step.

    Returns:
        The version, with keys relative to `out`.

    Raises:
        SourceRejected: The source can't become media.
        ProfileInvalid: There is no such profile, or it asks for what is not allowed.
        UsageError: `source` is no file that can be read, or `out` no folder that can be written.
        Conflict: Another run is writing `out`.
    """
    _must_be_readable(source)
    recipe, upload = load_profile(profile), _as_upload(source)
    with out_folder.work_in(out) as work:
        # What another source or profile left when it was stopped stays out of this version; encodes know their own.
        media = work / f"media-{ids.digest([upload.version, recipe.digest], 12)}"
        record = LocalRecord(dag_id=f"process_{upload.kind}", listener=listener)
        shop = _workshop(work, media, source, record, settings)
        slots = settings.encode_slots or os.cpu_count() or 1
        version = _run(shop, {"upload": upload.to_json(), "profile": profile}, slots)
        out_folder.reveal(media, out, version)
    listener(100.0, "done")
    return version


def _must_be_readable(source: Path) -> None:
    try:
        is_file = stat.S_ISREG(source.stat().st_mode)
        if is_file:
            source.open("rb").close()
    except OSError as error:
        raise UsageError(f"{source} can't be read: {error.strerror}.") from error
    if not is_file:
        raise UsageError(
            f"{source} is {'a folder' if source.is_dir() else 'no file on a disk'}; name a file."
        )


def _as_upload(source: Path) -> UploadedObject:
    found = source.stat()
    return UploadedObject(
        bucket="file",
        # File systems take any bytes as a name.
        key=os.fsencode(source.name).decode(errors="replace"),
        version=ids.digest([os.fsencode(source.resolve()).hex(), found.st_size, found.st_mtime_ns]),
        versioned=False,
        size_bytes=found.st_size,
        uploaded_at=datetime.fromtimestamp(found.st_mtime, UTC).isoformat(),
    )


def _workshop(work: Path, media: Path, source: Path, record: LocalRecord, settings: Settings) -> Workshop:
    from cutroom.media.sidecars import MAX_SIDECAR_BYTES, sidecars_of
    from cutroom.stores.content_keys import content_key
    from cutroom.stores.files import FileStore

    return Workshop(
        run_id="transcode",
        work=FileStore(work / "work"),
        media=FileStore(media),
        scratch=Scratch(work / "scratch", settings.scratch_bytes, settings.disk_free_bytes),
        sources=LocalSources(source.resolve()),
        sidecars=lambda _: {
            name: (source.parent / name).read_bytes()
            for name in sidecars_of(
                source.name, (one.name for one in source.parent.iterdir() if one.is_file())
            )
            if (source.parent / name).stat().st_size <= MAX_SIDECAR_BYTES
        },
        record=record,
        limits=tool_limits(settings),
        source_limits=source_limits(settings),
        cores=settings.encode_cores,
        content_key=partial(content_key, settings),
        version_folder="",
    )


def _run(shop: Workshop, job: dict[str, Any], slots: int) -> PublishedVersion:
    job = planning.plan(shop, planning.probe(shop, job))
    with ThreadPoolExecutor(slots, thread_name_prefix="step") as pool:
        audio = [pool.submit(sound.encode_audio, shop, job, work) for work in planning.tracks(shop, job)]
        chunks = planning.split(shop, job)
        video = [pool.submit(encoding.encode_video, shop, job, work) for work in chunks]
        pictured = pool.submit(stills.thumbnails, shop, job)
        _finish([*audio, *video], beside=[pictured])
        # Stills take longest, and nothing of a rendition is made of them.
        assembled = [
            pool.submit(assembling.assemble, shop, job, work) for work in planning.renditions(shop, job)
        ]
        _finish([pictured, *assembled])
    publishing.manifest(shop, job)
    publishing.verify(shop, job)
    return publishing.version(shop, job)


def _finish(futures: Sequence[Future[Any]], beside: Sequence[Future[Any]] = ()) -> None:
    """Wait for all futures; the first failure, also of what runs beside them, stops what has not begun."""
    pending = {*futures, *beside}
    while not pending.isdisjoint(futures):
        ended, pending = wait(pending, return_when=FIRST_COMPLETED)
        if all(one.exception() is None for one in ended):
            continue
        for one in pending:
            one.cancel()
        for one in (*futures, *beside):
            if not one.cancelled():
                one.result()


def check_folder(out: Path, settings: Settings, source: Path | None = None) -> dict[str, Any]:
    """Read a folder of `transcode` back: its report, and every file against the digest that was kept of it.

    Args:
        out: The folder.
        settings: Limits for the media tools, and content keys.
        source: The file that it was made of, to decode and compare the frames and the sound of both.

    Raises:
        UsageError: It is not such a folder.
        ObjectCorrupt: Its report can't be read.
    """
    from cutroom.stores.files import FileStore

    if not (out / stored.REPORT).is_file():
        raise UsageError(f"{out} holds no {stored.REPORT}; name a folder that `cutroom transcode` made.")
    renditions = [path.parent.name for path in sorted(out.glob("renditions/*/rendition.json"))]
    return _checked(FileStore(out), "", renditions, settings, source)


def check_asset(asset_id: str, settings: Settings, source: Path | None = None) -> dict[str, Any]:
    """Read what an asset plays back, as `check_folder` does.

    Raises:
        UsageError: The asset plays nothing yet.
    """
    from cutroom.stores.buckets import open_stores
    from cutroom.stores.catalog import Catalog

    record = Catalog(settings.database_url).asset(asset_id).to_json(media_base_url="")
    if record["playback"] is None:
        raise UsageError(f"{record['title']} has nothing published yet (it is {record['status']}).")
    folder = keys.version(record["asset_id"], record["version_id"], "")
    renditions = [one["rendition_key"] for one in record["renditions"]]
    return _checked(open_stores(settings).media, folder, renditions, settings, source)


def _checked(
    store: "ObjectStore", folder: str, renditions: list[str], settings: Settings, source: Path | None
) -> dict[str, Any]:
    from cutroom.packaging.facts import RenditionFacts
    from cutroom.stores.content_keys import content_key

    report = _report(store, f"{folder}{stored.REPORT}")
    facts = []
    for key in renditions:
        # Facts that are gone or spoilt are told by the check of what the report names.
        with suppress(ObjectMissing, ValueError):
            facts.append(RenditionFacts.load(store.get_bytes(keys.rendition_facts(key))))
    own = stored.check(store, folder, report, facts)
    is_whole = all(one["ok"] for one in own)
    again = stored.read_again(store, folder, report.get("files") or (), facts) if is_whole else []
    # Those that were made of the same before.
    made = {one["name"] for one in again}
    checks = [*(one for one in report["checks"] if one["name"] not in made), *own, *again]
    if source is not None and is_whole:
        checks += check_source(
            store,
            facts,
            source,
            content_key=partial(content_key, settings),
            limits=tool_limits(settings),
        )
    return {**report, "ok": report["ok"] and all(one["ok"] for one in checks), "checks": checks}


def _report(store: "ObjectStore", key: str) -> dict[str, Any]:
    with suppress(ValueError):
        report = json.loads(store.get_bytes(key))
        if isinstance(report, dict) and {"ok", "checks"} <= report.keys():
            return report
    raise ObjectCorrupt(f"{key} is no report of a version (any more); make the version anew.")
