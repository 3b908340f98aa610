"""Which containers a source may have: what people upload, and nothing that makes ffmpeg open something else."""

from pathlib import Path

DEMUXERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,dv,eac3,flac,flv,gif,h264,hevc,iff,ivf,m4v,matroska,webm,mov,"
    "mp4,m4a,3gp,3g2,mj2,mlp,mp3,mpeg,mpegps,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,tak,truehd,tta,w64,wav,wtv,wv"
)
"""ffmpeg's demuxers for files of media. Playlists, concat scripts, images and network formats are not among them: a
playlist in disguise would have ffmpeg read local files or fetch addresses (PEERS: the HLS-in-AVI trick of 2017)."""

INPUT_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS}
"""Given for every input that comes from outside."""

TRANSPORT = "mpegts"

MPEG = {TRANSPORT, "mpeg"}
"""ffmpeg's names of transport and programme streams."""

MATROSKA = "matroska,webm"

OGG = "ogg"

ASF = "asf"

AVI = "avi"
"""Counts the times of sound from its bytes or packets, at a rate that its header states."""

REAL = "rm"

JUMPING = {*MPEG, "flv", OGG}
"""Formats that keep times as they were recorded, so that their clock may jump. In those that are not MPEG's a stretch
without anything is a pause."""

_COUNTED = "aac ac3 aiff amr ape au caf dsf dts dtshd eac3 flac iff mlp mp3 tak truehd tta w64 wav wv"

WITHOUT_TIMES = frozenset(_COUNTED.split())
"""Formats of sound alone that hold no times: ffmpeg counts them from the samples."""


def named(source: Path) -> dict[str, str]:
    """What tells ffmpeg that a WAV is one.

    By itself it takes a periodic tone for MPEG-TS, whose sync byte (0x47) then comes by at the same distance.
    """
    if not source.is_file():
        return {}
    with source.open("rb") as file:
        head = file.read(12)
    return {"f": "wav"} if head[:4] in {b"RIFF", b"RF64", b"BW64"} and head[8:] == b"WAVE" else {}
