"""Codecs of sound as MPEG-TS and MP4 state them, where ffmpeg guesses another one or knows none. Pure.

Of a type of stream that it does not know, ffmpeg takes what the bytes look like: MPEG-H 3D Audio looks like MP3.
"""

from cutroom.ffmpeg.containers import TRANSPORT
from cutroom.ffmpeg.ffprobe import ProbeOutput, Stream

MPEG_H = "mpegh_3d_audio"
UNKNOWN = "unknown"

_ENTRIES = dict.fromkeys(("mha1", "mha2", "mhm1", "mhm2"), MPEG_H)
"""Sample entries of MP4 (ISO/IEC 23008-3, 20.5)."""

_NAMED_TYPES = {0x2D: MPEG_H, 0x2E: MPEG_H}
_SOUND_TYPES = {0x03, 0x04, 0x06, 0x0F, 0x11, 0x1C}
_USERS_OWN = 0x80
"""Types of streams (ISO/IEC 13818-1, table 2-34): others below the users' own are no sound, but with MPEG-H's names."""


def as_stated(output: ProbeOutput) -> ProbeOutput:
    """The same with the codecs of sound as the container states them; what has no name here is `unknown`."""
    is_transport = output.format.format_name == TRANSPORT
    streams = tuple(_as_stated(one, is_transport=is_transport) for one in output.streams)
    return output.model_copy(update={"streams": streams})


def _as_stated(stream: Stream, *, is_transport: bool) -> Stream:
    kind = stream.codec_tag
    if not is_transport:
        name = _ENTRIES.get(stream.codec_tag_string)
    elif kind in _NAMED_TYPES:
        name = _NAMED_TYPES[kind]
    else:
        # 0 is a stream that no table announces.
        is_guess = stream.codec_type == "audio" and 0 < kind < _USERS_OWN and kind not in _SOUND_TYPES
        name = UNKNOWN if is_guess else None
    return stream if name is None else stream.model_copy(update={"codec_name": name, "codec_type": "audio"})
