"""Tags of a file under one set of names, whatever its container calls them. Pure."""

from collections.abc import Mapping

NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("tit2", "©nam"),
    "subtitle": ("tit3",),
    "artist": ("tpe1", "author", "©art", "performer"),
    "album": ("talb", "©alb"),
    "album_artist": ("tpe2", "albumartist", "album artist", "aart"),
    "composer": ("tcom", "©wrt"),
    "date": ("tdrc", "tyer", "year", "date_released", "originaldate", "©day", "creation_date"),
    "track": ("trck", "tracknumber", "part_number", "trkn"),
    "tracks": ("tracktotal", "totaltracks", "total_parts"),
    "disc": ("tpos", "discnumber", "disk"),
    "discs": ("disctotal", "totaldiscs"),
    "genre": ("tcon", "©gen"),
    "language": ("tlan", "lang"),
    "isrc": ("tsrc",),
    "publisher": ("tpub", "label", "organization"),
    "copyright": ("tcop", "cprt", "©cpy"),
    "description": ("desc", "ldes", "synopsis", "summary", "podcastdesc"),
    "comment": ("comm", "©cmt"),
    "lyrics": ("uslt", "unsyncedlyrics", "©lyr"),
    "show": ("tvsh",),
    "season": ("season_number", "tvsn"),
    "episode": ("episode_sort", "tves", "episode_id"),
    "bpm": ("tbpm", "tmpo"),
}
"""Our name of each tag, and what else it is called: ID3 frames, iTunes atoms, Vorbis comments, Matroska tags."""

_OURS = {other: ours for ours, others in NAMES.items() for other in (ours, *others)}

_TECHNICAL = frozenset(
    ["major_brand", "minor_version", "compatible_brands", "encoder", "handler_name", "vendor_id", "duration",
     "creation_time", "encoded_by", "encoding", "tool", "itunsmpb", "itunnorm", "tsse", "number_of_frames",
     "number_of_bytes", "bps", "timecode", "compilation", "gapless_playback"]
)  # fmt: skip
"""Tags that say how the file was written and nothing of what it is."""

MAX_TEXT = 4_000
"""Longest value that is kept, in characters."""


def normalised(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags under our names; where several give the same one, the first that says something.

    `3/12` of a track or disc becomes `track` and `tracks`. What we have no name for keeps its own, in lower case.
    """
    known: dict[str, str] = {}
    for name, value in tags.items():
        lower = name.lower()
        text = "".join(
            letter for letter in value.strip()[:MAX_TEXT] if letter.isprintable() or letter == "\n"
        )
        # `title-eng` is how ffmpeg tells a tag in a second language; private frames are no text.
        if not text or lower in _TECHNICAL or lower.startswith(("id3v2_priv.", "_statistics")):
            continue
        known.setdefault(_OURS.get(lower, lower), text)
    for one, of in (("track", "tracks"), ("disc", "discs")):
        number, slash, total = known.get(one, "").partition("/")
        if slash:
            known[one] = number.strip()
            known.setdefault(of, total.strip())
    return {name: value for name, value in known.items() if value}
