"""A track packaged for delivery: its files as players fetch them, and what players see of them."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from cutroom.errors import PlanInvalid, VerificationFailed
from cutroom.media.content_key import ContentKey, iv_of
from cutroom.media.limits import Limits
from cutroom.media.plan import Plan
from cutroom.media.rendition_plan import RenditionPlan
from cutroom.steps.workshop import Workshop, sha256_of

if TYPE_CHECKING:
    from cutroom.packaging.facts import LockFacts, TrickPlay
    from cutroom.packaging.packager_output import Packaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One packaged track in a scratch folder."""

    packaged: "Packaged"
    files: Sequence[Path]
    """As players fetch them, in order."""
    track: Sequence[Path]
    """Files that are all of it one after the other, in clear (`in_clear`)."""
    trick_play: "TrickPlay | None"
    lock: "LockFacts | None"
    bitstream_codec: str | None
    """The codec string as the initialization segment has it, read without the packager; None: it has none in MP4."""
    lead_ticks: int
    """What the edit list of the initialization segment leaves out in front."""

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file, by its name."""
        with ThreadPoolExecutor(2, thread_name_prefix="digest") as pool:
            found = pool.map(sha256_of, self.files)
            return {file.name: digest for file, digest in zip(self.files, found, strict=True)}


def pack(
    shop: Workshop,
    made: Plan,
    rendition: RenditionPlan,
    encoded: Path,
    folder: Path,
    *,
    inherited: Sequence[int] = (),
) -> Packed:
    """Package an encoded track into `files` of a folder, lock it where the plan says so, and open it again.

    Args:
        shop: Where it is made.
        made: The plan.
        rendition: The rendition.
        encoded: Its track; it is read once, in order.
        folder: An empty folder but for `encoded`.
        inherited: Open files that `encoded` needs (`ffmpeg.piped`).

    Raises:
        PlanInvalid: The content key is not the one that the plan was made with.
        VerificationFailed: The packager's manifests and its files do not agree.
    """
    from cutroom.packaging import facts, packager, packager_output, webm
    from cutroom.packaging.boxes import edited_out
    from cutroom.packaging.codec_string import codec_string
    from cutroom.packaging.containers import CONTAINERS

    files = folder / "files"
    files.mkdir()
    key = None if made.lock is None else _key(shop, made)
    is_aes = made.lock is not None and made.lock.scheme == "aes-128"
    ends = webm.read_ends(encoded) if _is_sound_in_webm(rendition) else None
    packager.package(
        rendition.kind,
        _in_webm(shop, encoded, folder, ends.earlier_s) if ends else encoded,
        files,
        container=rendition.container,
        single_file=made.segments == "single_file",
        segment_s=made.segment_s,
        lock=None
        if made.lock is None or key is None or is_aes
        else (made.lock.scheme, key, iv_of(rendition.key)),
        log=folder / "packager.log",
        limits=shop.limits,
        trick_play=rendition.trick_play,
        inherited=inherited,
    )
    if ends:
        last = max(files.glob(CONTAINERS["webm"].segment.replace("%05d", "*")))
        last.write_bytes(webm.ended_early(last.read_bytes(), ends.behind_ns))
    packaged = packager_output.read(files, rendition.container)
    lock = None
    if made.lock is not None and key is not None:
        if is_aes:
            _lock_segments(rendition, packaged, files, key)
            packaged = packager_output.locked(packager_output.read(files, rendition.container))
        ivs = [iv_of(rendition.key, number) for number in range(len(packaged.segments) if is_aes else 1)]
        lock = facts.LockFacts(
            scheme=made.lock.scheme,
            key_name=made.lock.key_name,
            key_id=made.lock.key_id,
            key_uri=made.lock.key_uri,
            ivs=tuple((iv[:8] if made.lock.scheme == "cenc" else iv).hex() for iv in ivs),
            pssh=packaged.pssh,
        )
    init = _init_of(packaged, files)
    return Packed(
        packaged=packaged,
        files=[files / name for name in packaged.files],
        track=in_clear(
            rendition.kind,
            rendition.container,
            [files / name for name in packaged.files],
            folder,
            lock=lock,
            key=key,
            limits=shop.limits,
        ),
        trick_play=_trick_play(files, len(packaged.segments)) if rendition.trick_play else None,
        lock=lock,
        bitstream_codec=codec_string(init) if init else None,
        lead_ticks=edited_out(init) if init else 0,
    )


def _trick_play(files: Path, count: int) -> "TrickPlay":
    from cutroom.packaging import facts, packager

    segments = [packager.TRICK_SEGMENT % number for number in range(1, count + 1)]
    made = {path.name for path in files.glob("trick_*.m4s")}
    if made != set(segments):
        raise VerificationFailed(f"The packager wrote {len(made)} keyframes alone, and {count} segments.")
    return facts.TrickPlay(
        files={name: sha256_of(files / name) for name in (packager.TRICK_INIT, *segments)},
        sizes_bytes=tuple((files / name).stat().st_size for name in segments),
    )


def _init_of(packaged: "Packaged", files: Path) -> bytes | None:
    """The initialization segment, where it is MP4."""
    if packaged.init is None or not packaged.init.file.endswith(".mp4"):
        return None
    with (files / packaged.init.file).open("rb") as file:
        return file.read(packaged.init.size_bytes)


def _key(shop: Workshop, made: Plan) -> ContentKey:
    assert made.lock is not None
    key = shop.content_key(made.lock.key_name)
    if key.key_id != made.lock.key_id:
        raise PlanInvalid(
            f"The content key {made.lock.key_name!r} has another id now than when the plan was made. "
            "Clear the task `plan` and all after it."
        )
    return key


def _is_sound_in_webm(rendition: RenditionPlan) -> bool:
    return rendition.kind == "audio" and rendition.container == "webm"


def _in_webm(shop: Workshop, encoded: Path, folder: Path, earlier_s: Fraction) -> Path:
    """The packager makes WebM of sound only out of WebM, and keeps its times."""
    from cutroom.ffmpeg import argv, runner

    path = folder / "encoded.webm"
    command = argv.copy([encoded], path, container="webm", earlier_s=[earlier_s])
    runner.run(command, log=folder / "copy.log", limits=shop.limits, on_line=lambda _: None)
    return path


def _lock_segments(rendition: RenditionPlan, packaged: "Packaged", files: Path, key: ContentKey) -> None:
    from cutroom.packaging import aes128

    for number, segment in enumerate(packaged.segments):
        aes128.lock(files / segment.file, key, iv_of(rendition.key, number))


def in_clear(
    kind: str,
    container: str,
    files: Sequence[Path],
    folder: Path,
    *,
    lock: "LockFacts | None",
    key: ContentKey | None,
    limits: Limits,
) -> Sequence[Path]:
    """A packaged track in clear, in one or more files.

    Sound has times on the presentation's timeline, pictures those of the container, `containers.Container.start_s`
    later.

    Args:
        kind: `video` or `audio`.
        container: What it is packaged as.
        files: Its files in the order in which they are played.
        folder: Where others are written, if these are not it.
        lock: How the files are encrypted; None: they are not.
        key: What they were locked with.
        limits: What the tools may take.
    """
    from cutroom.ffmpeg import argv, runner
    from cutroom.packaging import aes128, packager
    from cutroom.packaging.containers import CONTAINERS

    form = CONTAINERS[container]
    whole = folder / "whole.mp4"
    if lock and key and lock.scheme == "aes-128":
        opened = [folder / f"clear-{file.name}" for file in files]
        for file, into, iv in zip(files, opened, lock.ivs, strict=True):
            into.write_bytes(aes128.unlock(file.read_bytes(), key, bytes.fromhex(iv)))
        files = opened
    elif lock and key:
        packager.unlock(
            kind,
            in_one_file(files, folder),
            whole,
            key=key,
            log=folder / "unlock.log",
            limits=limits,
        )
        return [whole]
    if kind == "video" or not form.start_s:
        return files
    command = argv.copy(
        [in_one_file(files, folder)], whole, container="mp4", read_as=form.demuxer, earlier_s=[form.start_s]
    )
    runner.run(command, log=folder / "copy.log", limits=limits, on_line=lambda _: None)
    return [whole]


def in_one_file(files: Sequence[Path], folder: Path) -> Path:
    """These files one after the other in one, for tools that take no more."""
    if len(files) == 1:
        return files[0]
    whole = folder / f"in-one{files[-1].suffix}"
    with whole.open("wb") as target:
        for file in files:
            with file.open("rb") as piece:
                shutil.copyfileobj(piece, target)
    return whole
