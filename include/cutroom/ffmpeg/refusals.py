"""What a user reads where a media tool refuses a file."""

import contextlib
import re
from collections.abc import Iterator

from cutroom.errors import (
    EncoderRefused,
    SourceCorrupt,
    SourceRejected,
    SourceTooLarge,
    SourceUnsupported,
)

MOST_TRACKS = 1000
"""The demuxers' own limit."""

_CODEC_NOT_TAKEN = re.compile(r"CodecNotTaken: (.+)")

_INVALID_SIZE = re.compile(r"Picture size (\d+)x(\d+) is invalid")

_NOTHING_DECODED = ("Could not open encoder before EOF", "Cannot determine format of input")
"""What ffmpeg says of a track of which no frame came."""

_ENCODER_NOT_OPENED = "Error while opening encoder"
"""What it says where an encoder does not take its settings; of its track no packet comes then, either."""


_COMPLAINTS = re.compile(
    r"Decoding error|Error submitting packet|error while decoding|concealing|corrupt decoded frame|Invalid NAL unit"
)
"""What decoders say of what they can't decode as it was meant."""


def tells_of_damage(log: str) -> bool:
    """Whether a decoder stumbled, by the log of its run. Pure."""
    return _COMPLAINTS.search(log) is not None


_REASONS: tuple[tuple[str, type[SourceRejected], str], ...] = (
    (
        "moov atom not found",
        SourceCorrupt,
        "The file is truncated: the index of this MP4 (its moov box) is missing. Upload it again, or save it anew.",
    ),
    (
        "zlib support",
        SourceUnsupported,
        "The file is an old QuickTime whose index, or watermark, is compressed, which is not taken. Save it anew.",
    ),
    (
        "exceeds max_streams",
        SourceTooLarge,
        f"The file has more than {MOST_TRACKS} tracks, more than CUTROOM_SOURCE_MAX_TRACKS can allow.",
    ),
    (
        "PictureEncrypted",
        SourceUnsupported,
        "The picture is encrypted, and nothing can be decoded of it without its key. Upload the film in clear.",
    ),
    (
        "EditsNotTaken",
        SourceUnsupported,
        "The edit list puts stretches one after the other in a way that can't be followed. Export it without one.",
    ),
    (
        "FramesOverlap",
        SourceUnsupported,
        "Its fragments overlap: a picture is to be decoded before one that comes first. Save it anew.",
    ),
    (
        "StillEdit",
        SourceUnsupported,
        "The edit list shows one moment as a still for some time. Export the film without an edit list.",
    ),
    (
        "FastEdit",
        SourceUnsupported,
        "The edit list plays the film, or stretches of it, at another speed. Export it without an edit list.",
    ),
    (
        "HiddenNotTold",
        SourceUnsupported,
        "An edit list hides pictures by times at which they are decoded: nobody can tell which. Export it without one.",
    ),
    (
        "not on whitelist",
        SourceUnsupported,
        "The file is in a format that is not taken; docs/sources.md lists those that are.",
    ),
)
"""A part of what a tool says, and what it means."""


def reason_of(said: str) -> SourceRejected:
    """Why a file can't be opened, from what the tool said. Pure."""
    if (found := _CODEC_NOT_TAKEN.search(said)) is not None:
        return SourceUnsupported(
            f"The picture is coded in {found[1]}, which is not taken. Export it in another codec (H.264, HEVC, "
            "ProRes …)."
        )
    for part, kind, reason in _REASONS:
        if part in said:
            return kind(reason)
    return SourceCorrupt("The file is damaged, or not video or audio: it can't be read. Upload it again.")


def reject_invalid_size(said: str) -> None:
    """Raise `SourceTooLarge` where a decoder said that a picture is larger than it can hold."""
    if (found := _INVALID_SIZE.search(said)) is not None:
        raise SourceTooLarge(
            f"The file holds a picture of {found[1]}×{found[2]}, more pixels than CUTROOM_SOURCE_MAX_PIXELS can allow."
        )


def no_sound(track: int) -> SourceUnsupported:
    """Why a file is refused whose sound is not damaged, and not there."""
    return SourceUnsupported(
        f"The sound of track {track} is empty: there is nothing in it. Export the file anew, with its sound."
    )


@contextlib.contextmanager
def of_decoding(what: str) -> Iterator[None]:
    """Let the source be the reason where ffmpeg refuses to go on because of it.

    Args:
        what: Is decoded, as the beginning of a sentence: `The picture`.

    Raises:
        SourceTooLarge: A picture is larger than a decoder can hold.
        SourceCorrupt: Nothing can be decoded.
        EncoderRefused: It is not the source: an encoder does not take its settings, or whatever else ffmpeg says.
    """
    try:
        yield
    except EncoderRefused as refused:
        said = str(refused)
        reject_invalid_size(said)
        if _ENCODER_NOT_OPENED in said:
            raise EncoderRefused(
                f"An encoder does not take what the profile asks of it. Change its preset, crf or bit rate.\n{said}"
            ) from refused
        if any(words in said for words in _NOTHING_DECODED):
            raise SourceCorrupt(
                f"{what} is damaged: nothing can be decoded of it. Upload the file again."
            ) from refused
        raise
