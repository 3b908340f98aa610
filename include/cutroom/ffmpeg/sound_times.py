"""When the sound of a source is heard, where its container alone does not tell: by edit lists, packets and decoders."""

import re
from collections.abc import Set
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import ffmpeg

from cutroom.ffmpeg import edit_list, ogg, placed_sound, runner
from cutroom.ffmpeg.argv import compiled
from cutroom.ffmpeg.containers import AVI, MATROSKA, OGG
from cutroom.ffmpeg.packets import read_sound_times, untrue_times
from cutroom.ffmpeg.refusals import of_decoding, reason_of
from cutroom.media.edits import FastEdit, StillEdit, begins_midway, heard, plays_several, reject_speeds
from cutroom.media.limits import Limits
from cutroom.media.lost_frames import FRAMED
from cutroom.media.source import AudioTrack, Source

HEARD_LATE = {"vorbis", "cook", "opus"}
"""Codecs whose decoders make nothing of a first packet, or of its beginning, which has a time of its own."""

SHORT_LAST = frozenset({"flac", "alac"})
"""Codecs whose last frame is short: of a track that begins midway ffmpeg leaves out twice what that lacks."""


def with_sound_times(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source with its sound where it is heard, and notes on that.

    Args:
        path: A local file.
        source: What is in it.
        log: Where the tools' logs are kept.
        limits: What the tools may take.

    Raises:
        SourceUnsupported: An edit list can't be followed.
        SourceCorrupt: The packets can't be read.
    """
    source = _with_edits(path, source)
    source = _begun_where_heard(path, source, log=log.with_suffix(".begins.log"), limits=limits)
    return _with_packet_times(path, source, log=log.with_suffix(".sound.log"), limits=limits)


def _with_edits(path: Path, source: Source) -> Source:
    """The source with what the edit lists that ffmpeg does not follow to the sample play of its sound, and notes.

    Raises:
        SourceUnsupported: They can't be followed.
    """
    notes: list[str] = []

    def edited(one: AudioTrack) -> AudioTrack:
        lists = {edit_list.read(path, index) for index in one.joined or (one.index,)}
        try:
            for each in lists:
                reject_speeds(each)
        except (StillEdit, FastEdit) as refused:
            raise reason_of(type(refused).__name__) from refused
        listed = lists.pop()
        if lists and any(map(plays_several, (listed, *lists))):
            raise reason_of("EditsNotTaken")
        notes.extend(edit_list.notes(listed, f"The sound of track {one.index}"))
        ends_twice = one.codec in SHORT_LAST and not one.joined and begins_midway(listed)
        if not plays_several(listed) and not ends_twice:
            return one
        pause = heard(listed, one.sample_rate_hz)[:1]
        starts = Fraction(pause[0][0], one.sample_rate_hz) if pause else Fraction(0)
        return replace(
            one, edits=listed, start_s=starts, duration_s=sum((each.lasts_s for each in listed), -starts)
        )

    audio = tuple(map(edited, source.audio))
    return replace(source, audio=audio, notes=(*source.notes, *notes))


def _with_packet_times(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source with what only the times of all packets tell of its sound."""
    if source.container == AVI and source.audio:
        source = _counted_anew(path, source, log=log.with_suffix(".untrue.log"), limits=limits)
    framed = [one for one in source.audio if one.clock == "loose" and one.codec in FRAMED and not one.edits]
    if not framed:
        return source
    asked = [index for one in framed for index in one.joined or (one.index,)]
    found = read_sound_times(path, asked, log=log, limits=limits)
    # ffmpeg ends Opus in MP4, and all sound in Matroska whose blocks alone tell, with the last packet.
    told = {"opus"} if source.container.startswith("mov,") else FRAMED if source.container == MATROSKA else {}

    def timed(one: AudioTrack) -> AudioTrack:
        if one not in framed:
            return one
        parts = one.joined or (one.index,)
        if not found.untrue.isdisjoint(parts):
            return replace(one, clock="none")
        is_lost = not found.lost.isdisjoint(parts)
        end = found.ends_s.get(one.index) if one.codec in told and not one.joined else None
        return replace(one, clock="exact" if is_lost else one.clock, ends_s=end)

    untrue = [one.index for one in framed if timed(one).clock == "none"]
    source = replace(
        source, audio=tuple(map(timed, source.audio)), notes=(*source.notes, *map(_untrue, untrue))
    )
    return without_empty(source, found.empty)


def without_empty(source: Source, empty: Set[int]) -> Source:
    """The source without tracks of sound that hold nothing, which are told, unless nothing else is in it. Pure."""
    left_out = [one for one in source.audio if empty >= {*(one.joined or (one.index,))}]
    if not source.video and len(left_out) == len(source.audio):
        return source
    told = (f"track {one.index}: audio {one.codec} (empty)" for one in left_out)
    return replace(
        source,
        audio=tuple(one for one in source.audio if one not in left_out),
        not_carried=(*source.not_carried, *told),
    )


def _begun_where_heard(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source with sound of `HEARD_LATE`, and sound that is tagged, beginning where it is heard."""

    def begun(one: AudioTrack) -> AudioTrack:
        heard_s = _begins(path, one.index, log=log, limits=limits)
        return one if heard_s is None else replace(one, start_s=heard_s)

    late = [
        one for one in source.audio if not one.joined and (one.codec in HEARD_LATE or _is_tagged(one, source))
    ]
    if not late:
        return source
    audio = tuple(begun(one) if one in late else one for one in source.audio)
    if source.container == OGG and len(audio) == 1 and audio[0].codec == "vorbis":
        audio = (_ended_by_lone_page(path, audio[0]),)
    if source.video:
        return replace(source, audio=audio)
    starts = [one.start_s for one in audio if one.start_s is not None]
    return replace(source, audio=audio, start_s=min(starts, default=None))


def _begins(source: Path, track: int, *, log: Path, limits: Limits) -> Fraction | None:
    """When the first frame is heard that ffmpeg decodes of a track of sound, in seconds; None: nothing decodes.

    Raises:
        SourceCorrupt: It can't be read.
    """
    first = ffmpeg.input(f"file:{source}", **placed_sound.options_of(source))[str(track)]
    command = compiled([ffmpeg.output(first, "-", **{"frames:a": 1, "f": "framecrc"})])
    with of_decoding("The sound"):
        said = runner.run(command, log=log, limits=limits).stdout.decode()
    frame = re.search(r"^#tb 0: (\S+)$.*?^0, +-?\d+, +(-?\d+),", said, re.MULTILINE | re.DOTALL)
    return None if frame is None else int(frame[2]) * Fraction(frame[1])


def _is_tagged(track: AudioTrack, source: Source) -> bool:
    """Whether iTunes' tag may tell what an encoder put in front of a track.

    Of HE-AAC it counts the samples of the core, of which decoders make twice as many: ffprobe takes half of that off.
    """
    is_mp4 = source.container.startswith("mov,")
    return is_mp4 and track.codec == "aac" and not track.edits and bool(track.start_s)


def _ended_by_lone_page(path: Path, track: AudioTrack) -> AudioTrack:
    """Vorbis of less than a second or so with its end, which ffmpeg misses where its first page is its last, too."""
    samples = ogg.lone_page(path)
    if samples is None or track.start_s is None:
        return track
    return replace(track, ends_s=track.start_s + Fraction(samples, track.sample_rate_hz))


def _counted_anew(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source without the times of sound that a header has counted wrongly."""
    tracks = {index: one for one in source.audio for index in one.joined or (one.index,)}
    untrue = untrue_times(path, list(tracks), log=log, limits=limits)
    if not untrue:
        return source
    without = {tracks[index].index for index in untrue}
    notes = tuple(map(_untrue, sorted(without)))
    audio = tuple(replace(one, clock="none") if one.index in without else one for one in source.audio)
    return replace(source, audio=audio, notes=(*source.notes, *notes))


def _untrue(track: int) -> str:
    return f"The times of track {track} do not fit its sound, which is heard as it decodes, from the beginning on."
