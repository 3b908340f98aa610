"""Where a step works: the stores, a scratch folder, and whom it tells how far it is.

Steps get a workshop and know neither Airflow nor S3: the same steps run in a DAG and in `cutroom transcode`.
"""

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from cutroom.errors import UsageError
from cutroom.media import keys
from cutroom.media.content_key import ContentKey
from cutroom.media.limits import Limits, SourceLimits
from cutroom.media.progress import PartProgress
from cutroom.media.source import Source
from cutroom.media.threads import places_for, places_of
from cutroom.media.upload import UploadedObject
from cutroom.steps.cores import Places, held

if TYPE_CHECKING:
    from cutroom.ffmpeg.served import Readable
    from cutroom.settings import Settings
    from cutroom.steps.scratch import Scratch
    from cutroom.stores.objects import ObjectStore

logger = logging.getLogger(__name__)

REPORT_EVERY_S = 1.0
LOG_EVERY_S = 5.0


class Record(Protocol):
    """Who keeps what steps report; the catalog in a DAG, a progress bar on the command line."""

    def record_plan(self, *, run_id: str, parts: Iterable[PartProgress]) -> None:
        """Name all parts that will report."""

    def record_source(self, *, run_id: str, sha256: str, source: Mapping[str, Any]) -> None:
        """Keep what the probe found."""

    def record_progress(
        self, *, run_id: str, step: str, part: str, done: float, total: float, unit: str = "s"
    ) -> None:
        """How far a part of a step is."""

    def record_tool(
        self, *, run_id: str, step: str, part: str, command: str, versions: Any, log_key: str
    ) -> None:
        """The exact command that ran, the versions of the tools, and where its log is."""


class Sources(Protocol):
    """Where the bytes of uploads come from; what is read was verified."""

    def open(self, upload: UploadedObject) -> BinaryIO | Path:
        """The upload as a seekable file, or where it lies on this machine."""

    def takes_bytes(self, upload: UploadedObject) -> int:
        """How much of the disk a fetched upload takes."""

    def fetch(self, upload: UploadedObject, path: Path) -> str:
        """Put the upload at `path`; gives its SHA-256."""


def _no_keys(name: str) -> ContentKey:
    raise UsageError(f"There are no content keys here, and the profile asks for {name!r}.")


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Everything that a step needs from its surroundings."""

    run_id: str
    work: "ObjectStore"
    media: "ObjectStore"
    scratch: "Scratch"
    """Keeps files that are needed while steps run."""
    sources: Sources
    sidecars: Callable[[UploadedObject], Mapping[str, bytes]] = lambda _: {}
    """Reads the files of subtitles beside an uploaded object: their bytes by their names."""
    record: Record
    limits: Limits = field(default_factory=Limits)
    source_limits: SourceLimits = field(default_factory=SourceLimits)
    cores: int = 0
    """How many cores media tools may keep busy on this machine; 0: all."""
    content_key: Callable[[str], ContentKey] = _no_keys
    """Gives the content key of a name."""
    version_folder: str | None = None
    """Where a version's files go; None: where `keys.version` says. The command line puts them at the top."""

    @contextlib.contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder that is gone afterwards."""
        with self.scratch.folder(name) as path:
            yield path

    @contextlib.contextmanager
    def busy(self, threads: Fraction | int) -> Iterator[Places]:
        """Wait until this machine can serve so many more busy threads; they are accounted for until the block ends."""
        places = places_of(self.cores or os.cpu_count() or 1)
        with held(self.scratch.root / "cores", places_for(threads), places) as mine:
            yield mine

    def progress(self, step: str, part: str, total: float, unit: str = "s") -> "Reporter":
        """Reports how far a part of a step is, not more often than is useful."""
        return Reporter(self, step, part, total, unit)

    def tool_ran(
        self, step: str, part: str, argv: Sequence[str], log: Path, versions: dict[str, str]
    ) -> None:
        """Keep the tool's full log and note the command."""
        import shlex

        log_key = keys.tool_log(self.run_id, step, part)
        self.work.put_bytes(log_key, log.read_bytes(), content_type="text/plain; charset=utf-8")
        self.record.record_tool(
            run_id=self.run_id,
            step=step,
            part=part,
            command=shlex.join(argv),
            versions=versions,
            log_key=log_key,
        )

    @contextlib.contextmanager
    def source(self, upload: UploadedObject) -> Iterator[tuple[Path, str]]:
        """The uploaded object as a local file, and its SHA-256; fetched once for all tasks of this machine."""
        takes_bytes = self.sources.takes_bytes(upload)
        with self.scratch.source(
            upload.file_version_id, takes_bytes, partial(self.sources.fetch, upload)
        ) as kept:
            yield kept

    @contextlib.contextmanager
    def steady(self, upload: UploadedObject, source: Source) -> Iterator[Path]:
        """The uploaded object as a local file with the clock that the probe's times are of."""
        from cutroom.ffmpeg.steady import steadied

        with self.source(upload) as (path, _):
            if not source.jumps_s:
                yield path
                return
            with self.folder("clock") as folder:
                steadied(path, folder / "steady", log=folder / "clock.log", limits=self.limits)
                yield folder / "steady"

    @contextlib.contextmanager
    def opened(self, upload: UploadedObject) -> Iterator[BinaryIO | Path]:
        """The uploaded object for one who reads it once, or little of it.

        It is the local copy where this machine has one; else it comes piece by piece from the store, and needs no
        room on the disk.
        """
        with self.scratch.kept_source(upload.file_version_id) as kept:
            source = kept or self.sources.open(upload)
            if isinstance(source, Path):
                yield source
            else:
                with source:
                    yield source

    @contextlib.contextmanager
    def reading(self, upload: UploadedObject) -> "Iterator[Readable]":
        """The uploaded object for a tool of ours that reads it once."""
        from cutroom.ffmpeg.served import Readable, served

        with self.opened(upload) as source:
            if isinstance(source, Path):
                yield Readable(name=str(source))
            else:
                with served(source) as readable:
                    yield readable


class Reporter:
    """Tells the record and the log how far a part is: percent and time left."""

    def __init__(self, shop: Workshop, step: str, part: str, total: float, unit: str) -> None:
        self._shop, self._step, self._part, self._total, self._unit = shop, step, part, total, unit
        self._began = time.monotonic()
        self._reported = self._logged = self._began
        self._send(0.0)

    def __call__(self, done: float) -> None:
        """So much is done."""
        now = time.monotonic()
        if now - self._reported >= REPORT_EVERY_S:
            self._reported = now
            self._send(min(done, self._total))
        if now - self._logged >= LOG_EVERY_S and self._total > 0 and done > 0:
            self._logged = now
            elapsed = now - self._began
            left = elapsed * max(0.0, self._total - done) / done
            logger.info(
                "%s %s: %.0f %%, %.0f s left", self._step, self._part, 100 * min(1, done / self._total), left
            )

    def finish(self) -> None:
        """All of it is done."""
        self._send(self._total)

    def _send(self, done: float) -> None:
        self._shop.record.record_progress(
            run_id=self._shop.run_id,
            step=self._step,
            part=self._part,
            done=done,
            total=self._total,
            unit=self._unit,
        )


def tool_limits(settings: "Settings") -> Limits:
    """What a media tool may take on this installation."""
    return Limits(
        memory_bytes=settings.tool_memory_bytes,
        cpu_s=settings.tool_cpu_s,
        output_bytes=settings.tool_output_bytes,
        free_bytes=settings.disk_free_bytes,
        stall_s=settings.stall_timeout_s,
        total_s=settings.tool_timeout_s,
    )


def source_limits(settings: "Settings") -> SourceLimits:
    """How large a source of this installation may be."""
    return SourceLimits(
        size_bytes=settings.source_max_bytes,
        pixels=settings.source_max_pixels,
        duration_s=settings.source_max_duration_s,
        frames=settings.source_max_frames,
        tracks=settings.source_max_tracks,
    )


def sha256_of(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
