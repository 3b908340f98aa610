"""Shaka Packager: one encoded track in, the files of one rendition out."""

import os
from fractions import Fraction
from pathlib import Path

from cutroom.ffmpeg import runner
from cutroom.media.limits import Limits
from cutroom.packaging.boxes import boxes

INIT = "init.mp4"
SEGMENTS = "seg_%05d.m4s"
PLAYLIST = "media.m3u8"
MPD = "representation.mpd"
MULTIVARIANT = "multivariant.m3u8"


def package(
    kind: str, encoded: Path, folder: Path, *, segment_s: Fraction, log: Path, limits: Limits
) -> None:
    """Write a rendition's initialization segment, media segments and media playlist into a folder.

    The segments begin at the keyframes of the grid. Beside them lie the packager's own one-track manifests, from
    which `facts.read` takes what was measured.

    Args:
        kind: `video` or `audio`.
        encoded: The joined track.
        folder: An empty folder.
        segment_s: Segment length S in seconds.
        log: Where the packager's log is kept.
        limits: What it may take.
    """
    # Relative, as a comma in a folder's name would end the field.
    descriptor = ",".join(
        [
            f"in={os.path.relpath(encoded, folder)}",
            f"stream={kind}",
            f"init_segment={INIT}",
            "segment_template=seg_$Number%05d$.m4s",
            f"playlist_name={PLAYLIST}",
            *(["hls_group_id=audio", "hls_name=audio"] if kind == "audio" else []),
        ]
    )
    argv = [
        "packager",
        descriptor,
        f"--segment_duration={float(segment_s):g}",
        "--hls_playlist_type=VOD",
        f"--hls_master_playlist_output={MULTIVARIANT}",
        "--generate_static_live_mpd",
        f"--mpd_output={MPD}",
        # The same input gives the same bytes: no version and no date in them.
        "--test_packager_version=cutroom",
    ]
    runner.run(argv, log=log, limits=limits, cwd=folder)
    init = folder / INIT
    init.write_bytes(without_dates(init.read_bytes()))


def without_dates(init: bytes) -> bytes:
    """An initialization segment whose times of creation and modification are zero: the same input, the same bytes.

    They stand at the front of `mvhd`, `tkhd` and `mdhd`, in 32 bits each, or 64 in version 1 of these boxes
    (ISO/IEC 14496-12, 8.2.2, 8.3.2, 8.4.2).
    """
    data = bytearray(init)
    for box in boxes(init):
        if box.kind in {b"mvhd", b"tkhd", b"mdhd"}:
            length = 16 if data[box.start] == 1 else 8
            data[box.start + 4 : box.start + 4 + length] = bytes(length)
    return bytes(data)
