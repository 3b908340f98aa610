"""Shaka Packager: one encoded track in, the files of one rendition out."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from mmap import mmap
from pathlib import Path

from cutroom.errors import VerificationFailed
from cutroom.ffmpeg import runner
from cutroom.media.content_key import ContentKey
from cutroom.media.limits import Limits
from cutroom.packaging.boxes import Writable, boxes
from cutroom.packaging.containers import CONTAINERS, TS_START_S
from cutroom.packaging.segment_index import state_by_presentation

PLAYLIST = "media.m3u8"
IFRAMES = "iframes.m3u8"
MPD = "representation.mpd"
MULTIVARIANT = "multivariant.m3u8"

TRICK_INIT = "trick.mp4"
TRICK_SEGMENT = "trick_%05d.m4s"
"""The keyframes alone, one in each segment; in CMAF."""

THREADS = (
    # The main thread does the work: it would wait for ever for a thread that ended before it began to wait
    # (`JobManager::RunJobs` of version 3.8).
    "--single_threaded",
    # Of each file, between the thread that reads or writes it and the one that works on it. With the default, 32 MiB,
    # it takes twice as much CPU time, as that is more than a core's cache holds.
    f"--io_cache_size={2**20}",
)


def package(
    kind: str,
    encoded: Path,
    folder: Path,
    *,
    segment_s: Fraction,
    log: Path,
    limits: Limits,
    container: str = "cmaf",
    single_file: bool = False,
    lock: tuple[str, ContentKey, bytes] | None = None,
    trick_play: bool = False,
    inherited: Sequence[int] = (),
) -> None:
    """Write a rendition's initialization segment, media segments and media playlist into a folder.

    The segments begin at the keyframes of the grid. Beside them lie the packager's own one-track manifests, from
    which `packager_output.read` takes what was measured.

    Args:
        kind: `video` or `audio`.
        encoded: The joined track; it is read once, in order.
        folder: An empty folder.
        segment_s: Segment length S in seconds.
        log: Where the packager's log is kept.
        limits: What it may take.
        container: A name of `containers.CONTAINERS`.
        single_file: Write one file with an index instead of a file for each segment.
        lock: Scheme, key and initialization vector of Common Encryption.
        trick_play: Write the keyframes once more, alone, as segments of their own.
        inherited: Open files that `encoded` needs (`ffmpeg.piped`).
    """
    form = CONTAINERS[container]
    if single_file:
        files = [f"output={form.single}"]
    else:
        init = [f"init_segment={form.init}"] if form.init else []
        files = [*init, f"segment_template={form.segment_template()}"]
    # Relative, as a comma in a folder's name would end the field.
    descriptor = ",".join(
        [
            f"in={os.path.relpath(encoded, folder)}",
            f"stream={kind}",
            *files,
            f"playlist_name={PLAYLIST}",
            *(["hls_group_id=audio", "hls_name=audio"] if kind == "audio" else []),
            *([f"iframe_playlist_name={IFRAMES}"] if kind == "video" else []),
        ]
    )
    trick = ",".join(
        [
            f"in={os.path.relpath(encoded, folder)}",
            f"stream={kind}",
            "trick_play_factor=1",
            f"init_segment={TRICK_INIT}",
            f"segment_template={TRICK_SEGMENT.replace('%05d', '$Number%05d$')}",
            "playlist_name=trick.m3u8",
        ]
    )
    arguments = [
        descriptor,
        *([trick] if trick_play else []),
        f"--segment_duration={float(segment_s):g}",
        "--hls_playlist_type=VOD",
        f"--hls_master_playlist_output={MULTIVARIANT}",
        *([] if single_file else ["--generate_static_live_mpd"]),
        f"--mpd_output={MPD}",
        f"--transport_stream_timestamp_offset_ms={TS_START_S.numerator * 1000 // TS_START_S.denominator}",
        *THREADS,
        # The same input gives the same bytes: no version and no date in them.
        "--test_packager_version=cutroom",
    ]
    with _secret(_lock_flags(*lock) if lock else []) as (flags, opened):
        runner.run(
            ["packager", *flags, *arguments],
            log=log,
            limits=limits,
            cwd=folder,
            descriptors=[*inherited, *opened],
        )
    for path in folder.glob("*.mp4"):
        # Mapped, as a single file has all of the film in it.
        with path.open("r+b") as file, mmap(file.fileno(), 0) as mp4:
            zero_dates(mp4)
            zero_pre_skip(mp4)
            if kind == "video":
                # Sound is shown in the order in which it is decoded; what its edit list leaves out is the packager's
                # to reckon.
                state_by_presentation(mp4)


def unlock(kind: str, locked: Path, output: Path, *, key: ContentKey, log: Path, limits: Limits) -> None:
    """Write a locked track in clear, to see what players see of it.

    Args:
        kind: `video` or `audio`.
        locked: The initialization segment and all media segments.
        output: The MP4 that is written.
        key: What it was locked with.
        log: Where the packager's log is kept.
        limits: What it may take.
    """
    folder = output.parent
    descriptor = f"in={os.path.relpath(locked, folder)},stream={kind},output={output.name}"
    with _secret(["--enable_raw_key_decryption", _key_flag(key)]) as (flags, opened):
        runner.run(
            ["packager", *flags, descriptor, *THREADS],
            log=log,
            limits=limits,
            cwd=folder,
            descriptors=opened,
        )


def codec_string(encoded: Path, *, log: Path, limits: Limits) -> str:
    """RFC 6381 codec strings of the tracks of an MP4, from their bitstreams, with commas between."""
    argv = ["packager", f"in={encoded.name}", "--dump_stream_info"]
    told = runner.run(argv, log=log, limits=limits, cwd=encoded.parent).stdout
    found = re.findall(r"codec_string: (\S+)", told.decode())
    if not found:
        raise VerificationFailed("The packager found no track in a download.")
    return ",".join(found)


def _lock_flags(scheme: str, key: ContentKey, iv: bytes) -> list[str]:
    return [
        "--enable_raw_key_encryption",
        f"--protection_scheme={scheme}",
        # All of it, from the first segment on.
        "--clear_lead=0",
        _key_flag(key),
        f"--iv={(iv if scheme == 'cbcs' else iv[:8]).hex()}",
    ]


def _key_flag(key: ContentKey) -> str:
    return f"--keys=label=:key_id={key.key_id}:key={key.key}"


@contextmanager
def _secret(flags: Sequence[str]) -> Iterator[tuple[list[str], list[int]]]:
    """Flags that nobody but the packager sees: arguments are seen by everybody and logged, files are on a disk.

    Yields:
        Arguments that stand for them, and the open files that the packager has to inherit.
    """
    if not flags:
        yield [], []
        return
    descriptor = os.memfd_create("flags")
    try:
        os.write(descriptor, "\n".join([*flags, ""]).encode())
        yield [f"--flagfile=/dev/fd/{descriptor}"], [descriptor]
    finally:
        os.close(descriptor)


def zero_dates(mp4: Writable) -> None:
    """Zero the times of creation and modification: the same input, the same bytes.

    They stand at the front of `mvhd`, `tkhd` and `mdhd`, in 32 bits each, or 64 in version 1 of these boxes
    (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2).
    """
    for box in boxes(mp4):
        if box.kind in {b"mvhd", b"tkhd", b"mdhd"}:
            length = 16 if mp4[box.start] == 1 else 8
            mp4[box.start + 4 : box.start + 4 + length] = bytes(length)


def zero_pre_skip(mp4: Writable) -> None:
    """Leave it to the edit list alone to say what an encoder of Opus put in front.

    The number in `dOps` is informative only (Encapsulation of Opus in ISO BMFF, 4.3.2), but browsers take as many
    samples off once more, and would play the sound 6.5 ms early.
    """
    for box in boxes(mp4):
        if box.kind == b"stsd" and (at := mp4.find(b"dOps", box.start, box.end)) >= 0:
            # Behind the kind stand a version and the number of channels, each of one byte.
            mp4[at + 6 : at + 8] = bytes(2)
