"""The source that ffprobe's words describe: its tracks, which of them are carried, what they are called. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from cutroom.ffmpeg import alpha, dolby_vision, shape, wishes
from cutroom.ffmpeg.caption_data import TRACK_CODEC
from cutroom.ffmpeg.containers import ASF, MATROSKA, REAL, TRANSPORT, WITHOUT_TIMES
from cutroom.ffmpeg.ffprobe import ProbeOutput, Stream
from cutroom.ffmpeg.teletext import CODEC, Page
from cutroom.ffmpeg.text import TEXT_CODECS
from cutroom.media.languages import language_name, language_tag
from cutroom.media.line21 import CHANNELS
from cutroom.media.sound_tracks import can_be_mixed, carried_tracks, taken_as
from cutroom.media.source import (
    AudioTrack,
    Chapter,
    CoverArt,
    SoundClock,
    SoundRole,
    Source,
    TextTrack,
    VideoTrack,
)
from cutroom.media.tags import normalised

UNHEARD = frozenset(
    {
        "unknown",
        "4gv",
        "ac4",
        "apple_apac",
        "celt",
        "codec2",
        "lc3",
        "mpegh_3d_audio",
        "smv",
        "sonic",
        "sonicls",
    }
)
"""Sound that ffmpeg knows by name, and has no decoder for; `unknown` is any other."""

WITHOUT_THEIR_END = frozenset({(MATROSKA, "tta")})
"""Sound whose last frame, up to a second, ffmpeg can't decode: it takes its length from Matroska's milliseconds."""

FEW = 10
"""A track of so many times fewer frames than another is no film."""

MAX_LABEL = 80
"""Longest name of a track that a player's menu shows, in characters."""


def to_source(
    output: ProbeOutput, *, sha256: str, size_bytes: int, pages: Mapping[int, Sequence[Page]] | None = None
) -> Source:
    """The source that ffprobe's words describe. Pure.

    Args:
        output: These words.
        sha256: Digest of the file's bytes.
        size_bytes: How many.
        pages: The subtitles in tracks of teletext, by stream index.

    Raises:
        SourceUnsupported: As of `dolby_vision.notes`.
    """
    pictures = [s for s in output.streams if s.codec_type == "video" and s.disposition.get("attached_pic")]
    video = [s for s in output.streams if s.codec_type == "video" and not s.disposition.get("attached_pic")]
    video = [s for s in video if s.width and s.height and s.codec_name != "unknown"]
    audio = [s for s in output.streams if s.codec_type == "audio" and s.channels and s.sample_rate]
    audio = [s for s in audio if s.codec_name not in UNHEARD]
    audio = [s for s in audio if (output.format.format_name, s.codec_name) not in WITHOUT_THEIR_END]
    audio = [s for s in audio if can_be_mixed(s.channels, s.channel_layout)]
    # The track that the author marked, else the largest picture, is the one that is shown.
    most = max((s.nb_frames or 0 for s in video), default=0)
    video.sort(
        key=lambda s: (_is_stills(s, most), not s.disposition.get("default"), -s.width * s.height, s.index)
    )
    text = [s for s in output.streams if s.codec_type == "subtitle" and s.codec_name in TEXT_CODECS]
    tracks, left_out = carried_tracks(
        [
            replace(
                _audio_track(s), clock=_clock(output.format.format_name, s.codec_name, has_video=bool(video))
            )
            for s in audio
        ]
    )
    in_teletext = _text_of_teletext(pages or {}, len(output.streams))
    taken = {s.index for s in (*pictures[:1], *video[:1], *audio, *text)} | {s.part_of for s in in_teletext}
    # What they hold is told by `with_captions`.
    taken |= set(caption_tracks(output))
    tags = [output.format.tags, *(s.tags for s in audio[:1] if not video)]
    start_times = [s.start_time for s in (*video[:1], *audio) if s.start_time is not None]
    start, duration = min(start_times, default=None), output.format.duration
    # ID3 counts chapters from the first sample that is heard, ffmpeg's clock from what the encoder put before it.
    later_s = (start or Fraction(0)) if output.format.format_name == "mp3" else Fraction(0)
    if duration is not None and start is not None and output.format.format_name == MATROSKA:
        # Matroska states where the last block ends on its clock, whenever that began.
        duration -= max(Fraction(0), start)
    return Source(
        sha256=sha256,
        size_bytes=size_bytes,
        container=output.format.format_name,
        start_s=start,
        duration_s=duration,
        video=tuple(_video_track(s) for s in video[:1]),
        audio=tuple(tracks),
        text=(*(_text_track(s) for s in text), *in_teletext),
        cover=_cover(pictures[0]) if pictures else None,
        chapters=tuple(
            Chapter(
                start_s=one.start_time + later_s, end_s=one.end_time + later_s, title=one.tags.get("title")
            )
            for one in output.chapters
        ),
        # Ogg keeps its tags in the track.
        tags=normalised({name: value for each in reversed(tags) for name, value in each.items()}),
        not_carried=(
            *(_told(s) for s in output.streams if s.index not in taken),
            *left_out,
        ),
        notes=tuple(
            note
            for s in video[:1]
            for note in (*shape.turn_notes(s), *wishes.notes(s), *dolby_vision.notes(s))
        ),
    )


def _is_stills(stream: Stream, most: int) -> bool:
    """Whether pictures are no film beside a track of so many frames: phones put a shot or two of full size there."""
    return stream.nb_frames is not None and stream.nb_frames * FEW < most


def caption_tracks(output: ProbeOutput) -> list[int]:
    """Stream indices of tracks of closed captions."""
    return [one.index for one in output.streams if one.codec_name == TRACK_CODEC]


def with_captions(source: Source, captions: Mapping[int, Sequence[str]], output: ProbeOutput) -> Source:
    """A source with its closed captions as tracks of their own, numbered on from those of the container.

    Args:
        source: The source.
        captions: By the stream index of pictures that carry captions, or of a track of them: the channels of CEA-608
            that hold words, or CEA-708 alone.
        output: ffprobe's words.
    """
    free = max(len(output.streams), *(1 + one.index for one in source.text), 0)
    languages = {one.index: language_tag(one.tags.get("language")) for one in output.streams}
    text: list[TextTrack] = []
    left_out: list[str] = []
    for track, found in captions.items():
        in_pictures = track in {one.index for one in source.video}
        carried = [one for one in found if one in CHANNELS]
        if in_pictures:
            left_out += [
                f"closed captions in the pictures of track {track} ({one} without CEA-608)"
                for one in found
                if one not in carried
            ]
        elif not carried:
            left_out.append(f"track {track}: closed captions without words")
        for channel in carried:
            text.append(
                TextTrack(
                    index=free + len(text),
                    codec=TRACK_CODEC,
                    # A track's language is that of its first channel; nothing says which those in pictures are in.
                    language=languages[track] if not in_pictures and channel == carried[0] else None,
                    label="Closed captions" if len(carried) == 1 else f"Closed captions {channel}",
                    is_sdh=True,
                    part=channel,
                    part_of=track,
                )
            )
    return replace(source, text=(*source.text, *text), not_carried=(*source.not_carried, *left_out))


def _text_of_teletext(pages: Mapping[int, Sequence[Page]], free: int) -> list[TextTrack]:
    found: list[TextTrack] = []
    for stream, several in pages.items():
        for page in several:
            language = language_tag(page.language)
            track = TextTrack(
                index=free + len(found),
                codec=CODEC,
                language=language,
                label=language_name(language) if language else None,
                is_sdh=page.is_sdh,
                part=str(page.number),
                part_of=stream,
            )
            found.append(track)
    return found


def _video_track(stream: Stream) -> VideoTrack:
    rotation, mirrored = shape.orientation(stream.side_data_list)
    return VideoTrack(
        index=stream.index,
        codec=stream.codec_name,
        width=stream.width,
        height=stream.height,
        time_base=stream.time_base,
        sar=stream.sample_aspect_ratio,
        rotation=rotation,
        mirrored=mirrored,
        cropped=shape.cropped(stream),
        pix_fmt=alpha.pixels(stream),
        codec_profile=stream.profile,
        has_lost_alpha=stream.tags.get("alpha_mode") == "1" and alpha.pixels(stream) == stream.pix_fmt,
        field_order=stream.field_order,
        color_range=stream.color_range,
        color_space=stream.color_space,
        color_transfer=stream.color_transfer,
        color_primaries=stream.color_primaries,
        frame_rate=stream.avg_frame_rate or stream.r_frame_rate,
        bit_rate_bps=stream.bit_rate,
        language=language_tag(stream.tags.get("language")),
    )


def _audio_track(stream: Stream) -> AudioTrack:
    language, label = _named(stream)
    return AudioTrack(
        index=stream.index,
        codec=stream.codec_name,
        channels=stream.channels,
        sample_rate_hz=stream.sample_rate or 0,
        channel_layout=stream.channel_layout,
        taken_as=taken_as(stream.channels, stream.channel_layout),
        language=language,
        label=label,
        role=_sound_role(stream),
        is_default=bool(stream.disposition.get("default")),
        start_s=stream.start_time,
        duration_s=stream.duration,
    )


def _clock(container: str, codec: str | None, *, has_video: bool) -> SoundClock:
    # Frames of the one overlap in time; times of the other are rounded down from frame to frame.
    if container in {ASF, REAL} and not has_video:
        return "none"
    if codec == "vorbis":
        return "rough"
    return "counted" if container in WITHOUT_TIMES else "exact" if container == TRANSPORT else "loose"


def _named(stream: Stream) -> tuple[str | None, str | None]:
    """Language and label; a title goes before the name of the language."""
    language = language_tag(stream.tags.get("language"))
    title = " ".join(stream.tags.get("title", "").split())
    return language, title[:MAX_LABEL] or (None if language is None else language_name(language))


def _sound_role(stream: Stream) -> SoundRole:
    """By the flags of the container, else by what the title says of it: many files have no flags."""
    title = stream.tags.get("title", "").lower()
    flags = {name for name, is_set in stream.disposition.items() if is_set}
    if flags & {"visual_impaired", "descriptions"} or "audio description" in title or "described" in title:
        return "description"
    if "comment" in flags or "commentary" in title:
        return "commentary"
    return "dub" if "dub" in flags else "main"


def _text_track(stream: Stream) -> TextTrack:
    language, label = _named(stream)
    title = stream.tags.get("title", "").lower()
    flags = stream.disposition
    return TextTrack(
        index=stream.index,
        codec=stream.codec_name,
        language=language,
        label=label,
        is_default=bool(flags.get("default")),
        is_forced=bool(flags.get("forced")) or "forced" in title,
        is_sdh=bool(flags.get("hearing_impaired") or flags.get("captions")) or "sdh" in title,
        start_s=stream.start_time,
    )


def _told(stream: Stream) -> str:
    """A track that is not carried, and why where that is not plain."""
    if stream.codec_type == "subtitle":
        return f"track {stream.index}: subtitle {stream.codec_name}, which is pictures or not read as text"
    if stream.codec_type == "audio" and stream.codec_name in UNHEARD:
        return f"track {stream.index}: audio {stream.codec_name}, which nothing here decodes"
    if stream.codec_type == "audio" and not can_be_mixed(stream.channels, stream.channel_layout):
        layout = (stream.channel_layout or "places that are not told").rpartition("(")[2].rstrip(")")
        return (
            f"track {stream.index}: audio {stream.codec_name} of {stream.channels} channels ({layout}), which there is "
            "no downmix of"
        )
    return f"track {stream.index}: {stream.codec_type} {stream.codec_name}"


def _cover(stream: Stream) -> CoverArt:
    return CoverArt(index=stream.index, codec=stream.codec_name, width=stream.width, height=stream.height)
