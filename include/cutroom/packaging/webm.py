"""Opus in WebM, to the sample: where it begins on a clock of milliseconds, and where it ends."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from mmap import ACCESS_READ, mmap
from pathlib import Path

from cutroom.errors import VerificationFailed
from cutroom.ffmpeg.matroska import placed
from cutroom.media.codecs import AUDIO
from cutroom.packaging.boxes import Writable, boxes, edited_out

_CLUSTER, _GROUP = bytes.fromhex("1f43b675"), bytes.fromhex("a0")
_DISCARD_PADDING = bytes.fromhex("75a2")

_TICKS_PER_S = 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OpusEnds:
    """What an encoder has put before and behind the sound, in samples at 48 kHz."""

    before: int
    behind: int

    @property
    def earlier_s(self) -> Fraction:
        """By how much times have to be earlier for frames to begin with whole milliseconds.

        Matroska counts in milliseconds, and states each time as much later as is left out in front; both are
        rounded, so that the frames of an encoder that is 6.5 ms late would come a millisecond late themselves.
        """
        before_ms = Fraction(1000 * self.before, _TICKS_PER_S)
        return ((before_ms + Fraction(1, 2)) // 1 - before_ms) / 1000

    @property
    def behind_ns(self) -> int:
        """What is behind in nanoseconds, as Matroska counts it."""
        return round(Fraction(self.behind * 10**9, _TICKS_PER_S))


def read_ends(encoded: Path) -> OpusEnds:
    """What an encode of Opus in MP4 says of its ends, see `opus_ends`."""
    with encoded.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as mp4:
        return opus_ends(mp4)


def opus_ends(mp4: bytes | Writable) -> OpusEnds:
    """What an MP4 of Opus says of its ends: by its edit list, and by how long its last frame lasts."""
    frames = ticks = 0
    for box in boxes(mp4):
        if box.kind == b"stts":
            (count,) = struct.unpack_from(">I", mp4, box.start + 4)
            for of_kind, lasts in struct.iter_unpack(">II", mp4[box.start + 8 : box.start + 8 + 8 * count]):
                frames, ticks = frames + of_kind, ticks + of_kind * lasts
    return OpusEnds(before=edited_out(mp4), behind=max(0, frames * AUDIO["opus"].frame_samples - ticks))


def ended_early(segment: bytes, behind_ns: int) -> bytes:
    """A last segment whose last frame says how much of its end is not to be heard (RFC 9559, `DiscardPadding`).

    Args:
        segment: Clusters, as the packager writes them: the last frame is in a group, and has its duration.
        behind_ns: Nanoseconds.

    Raises:
        VerificationFailed: It is not made so.
    """
    if not behind_ns:
        return segment
    *_, cluster = (None, *placed(segment))
    *_, group = (None, *placed(segment, cluster.content, cluster.end)) if cluster else (None,)
    if cluster is None or group is None or (cluster.name, group.name) != (_CLUSTER, _GROUP):
        raise VerificationFailed(
            "The packager's last segment of WebM does not end with a frame that has a duration."
        )
    padding = _element(_DISCARD_PADDING, struct.pack(">i", behind_ns))
    ended = _element(_GROUP, segment[group.content : group.end] + padding)
    held = segment[cluster.content : group.start] + ended
    return segment[: cluster.start] + _element(_CLUSTER, held) + segment[cluster.end :]


def _element(name: bytes, content: bytes) -> bytes:
    """An element whose size takes eight bytes."""
    return name + (1 << 56 | len(content)).to_bytes(8) + content
