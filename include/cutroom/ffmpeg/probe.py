"""Probe: what is in a file, as ffprobe and the packets tell, or the reason why it can't be taken."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from cutroom.errors import EncoderRefused, SourceCorrupt, SourceTooLarge, SourceUnsupported
from cutroom.ffmpeg import completeness, edit_list, ffprobe, fields, gif, ordered_chapters, sniff, teletext
from cutroom.ffmpeg.containers import AVI, JUMPING
from cutroom.ffmpeg.encryption import reject_encrypted
from cutroom.ffmpeg.ffprobe import ProbeOutput
from cutroom.ffmpeg.hdr import read_hdr
from cutroom.ffmpeg.packets import (
    PacketIndex,
    caption_channels,
    first_heard,
    read_packets,
    read_sound_times,
    untrue_times,
)
from cutroom.ffmpeg.refusals import reason_of, reject_invalid_size
from cutroom.ffmpeg.sound_files import missing_sound
from cutroom.ffmpeg.stated_codecs import as_stated
from cutroom.ffmpeg.stated_languages import stated_languages
from cutroom.ffmpeg.steady import notes as clock_notes
from cutroom.ffmpeg.steady import steadied
from cutroom.ffmpeg.tracks import caption_tracks, to_source, with_captions
from cutroom.media.colour import colour_notes
from cutroom.media.edits import FastEdit, StillEdit, begins_midway, heard, plays_several, reject_speeds
from cutroom.media.limits import Limits, SourceLimits, reject_too_large, too_long
from cutroom.media.lost_frames import FRAMED
from cutroom.media.source import AudioTrack, Source
from cutroom.media.timeline import Packet

HEARD_LATE = {"vorbis", "cook", "opus"}
"""Codecs whose decoders make nothing of a first packet, or of its beginning, which has a time of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a container says of itself."""

    output: ProbeOutput
    pages: Mapping[int, tuple[teletext.Page, ...]]
    """The subtitles in tracks of teletext, by stream index."""

    @property
    def may_jump(self) -> bool:
        """Whether its times may not be what they seem."""
        return self.output.format.format_name in JUMPING

    def source(self, *, sha256: str, size_bytes: int) -> Source:
        """The source that it describes.

        Raises:
            SourceUnsupported: There is nothing in it that is taken.
        """
        source = to_source(self.output, sha256=sha256, size_bytes=size_bytes, pages=self.pages)
        if not source.video and not source.audio:
            found = f" that is taken ({'; '.join(source.not_carried)})" if source.not_carried else ""
            raise SourceUnsupported(f"The file holds no video and no audio track{found}.")
        return source


def describe(
    source: Path | BinaryIO, *, log: Path, limits: Limits, most: SourceLimits | None = None
) -> Described:
    """What the container says: as much as can be known, and refused, before all of the file is read.

    Args:
        source: A local file, or one that is read piece by piece, of which little more is read than that takes.
        log: Where the tools' logs are kept.
        limits: What the tools may take.
        most: How large the source may be.

    Raises:
        SourceRejected: As of `probe`.
        ReadAllOver: So much of the file has to be read for that, that it had better be a local one.
        CutroomError: What the reading of the source raised.
    """
    most = most or SourceLimits()
    if isinstance(source, Path):
        with source.open("rb") as file:
            size = _begun(file)
    else:
        size = _begun(source)
    described = _described(source, log=log, limits=limits, most=most)
    found = described.source(sha256="", size_bytes=size)
    # How long one of those is, is not known before its clock was followed.
    if not described.may_jump:
        reject_too_large(found, most)
    return described


def probe(
    path: Path,
    *,
    sha256: str,
    log: Path,
    limits: Limits,
    most: SourceLimits | None = None,
    described: Described | None = None,
) -> tuple[Source, list[Packet]]:
    """What is in a file.

    Args:
        path: A local file.
        sha256: Digest of its bytes.
        log: Where the tools' logs are kept.
        limits: What the tools may take.
        most: How large the source may be.
        described: What `describe` said of the file, where it was asked before.

    Returns:
        The source, and the packets of its main video track in decode order (none without video).

    Raises:
        SourceCorrupt: The file is empty, truncated or damaged.
        SourceUnsupported: The file is not media, or none that is taken.
        SourceTooLarge: It passes a limit, which the message names.
    """
    most = most or SourceLimits()
    size = path.stat().st_size
    described = described or describe(path, log=log, limits=limits, most=most)
    jumps: tuple[Fraction, ...] = ()
    if described.may_jump:
        steady = log.with_suffix(".steady")
        jumps = steadied(path, steady, log=log.with_suffix(".clock.log"), limits=limits)
        if jumps:
            path = steady
            described = _described(path, log=log, limits=limits, most=most)
    source = replace(described.source(sha256=sha256, size_bytes=size), jumps_s=jumps)
    reject_too_large(source, most)
    output = described.output
    packets: list[Packet] = []
    captions: dict[int, tuple[str, ...]] = {}
    if source.container == gif.FORMAT and gif.is_still(path):
        raise SourceUnsupported("The file is a GIF image, not video or audio.")
    if source.video:
        index = read_packets(path, source.video[0].index, log=log, limits=limits, most=most)
        packets = index.packets
        source = _looked_at(path, source, index, log=log, limits=limits)
        captions[source.video[0].index] = index.captions
        _reject_no_picture(source, packets, most)
    else:
        _reject_unread_picture(path, output, log=log, limits=limits)
    for track in caption_tracks(output):
        of_track = log.with_suffix(f".captions-{track}.log")
        captions[track] = caption_channels(path, track, log=of_track, limits=limits)
    source = with_captions(source, captions, output)
    source = _with_sound_edits(path, source)
    source = _begun_with_sound(path, source, log=log.with_suffix(".begins.log"), limits=limits)
    source = _with_sound_times(path, source, log=log.with_suffix(".sound.log"), limits=limits)
    notes = (*source.notes, *clock_notes(jumps, source.start_s), *ordered_chapters.notes(path))
    return replace(source, damage=_damage(path, output, source, packets), notes=notes), packets


def _begun(file: BinaryIO) -> int:
    """How long a file is, unless how it begins shows that it is no media."""
    size = file.seek(0, io.SEEK_END)
    if size == 0:
        raise SourceCorrupt("The file is empty (0 bytes). Upload it again.")
    file.seek(0)
    sniff.reject_what_is_not_media(file)
    return size


def _first_bytes(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(4)
    source.seek(0)
    return source.read(4)


def _described(source: Path | BinaryIO, *, log: Path, limits: Limits, most: SourceLimits) -> Described:
    shown = ("-show_format", "-show_streams", "-show_chapters")
    try:
        printed, said = ffprobe.ask(source, *shown, log=log, limits=limits)
    except EncoderRefused as refused:
        reject_encrypted(source)
        sniff.reject_free_format(_first_bytes(source))
        raise reason_of(str(refused)) from refused
    reject_invalid_size(said)
    output = as_stated(ProbeOutput.model_validate(printed))
    reject_encrypted(source, output.streams)
    if len(output.streams) > most.tracks:
        raise SourceTooLarge(
            f"The file has {len(output.streams)} tracks, more than the {most.tracks} that "
            "CUTROOM_SOURCE_MAX_TRACKS allows."
        )
    output = output.with_languages(stated_languages(source))
    pages = teletext.read_pages(output, source, log=log.with_suffix(".pages.log"), limits=limits)
    return Described(output=output, pages=pages)


SHORT_LAST = frozenset({"flac", "alac"})
"""Codecs whose last frame is short: of one that begins midway ffmpeg leaves out twice what that lacks."""


def _with_sound_edits(path: Path, source: Source) -> Source:
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
        if not plays_several(listed) and not (one.codec in SHORT_LAST and begins_midway(listed)):
            return one
        pause = heard(listed, one.sample_rate_hz)[:1]
        starts = Fraction(pause[0][0], one.sample_rate_hz) if pause else Fraction(0)
        return replace(
            one, edits=listed, start_s=starts, duration_s=sum((each.lasts_s for each in listed), -starts)
        )

    audio = tuple(map(edited, source.audio))
    return replace(source, audio=audio, notes=(*source.notes, *notes))


def _with_sound_times(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source with what only the times of all packets tell of its sound."""
    if source.container == AVI and source.audio:
        source = _counted_anew(path, source, log=log.with_suffix(".untrue.log"), limits=limits)
    framed = [one for one in source.audio if one.clock == "loose" and one.codec in FRAMED and not one.edits]
    if not framed:
        return source
    asked = [index for one in framed for index in one.joined or (one.index,)]
    found = read_sound_times(path, asked, log=log, limits=limits)
    # ffmpeg ends Opus in MP4 with its last packet, and any other where the container says.
    ends_s = found.ends_s if source.container.startswith("mov,") else {}

    def timed(one: AudioTrack) -> AudioTrack:
        if one not in framed:
            return one
        is_lost = not found.lost.isdisjoint(one.joined or (one.index,))
        end = ends_s.get(one.index) if one.codec == "opus" and not one.joined else None
        return replace(one, clock="exact" if is_lost else one.clock, ends_s=end)

    return replace(source, audio=tuple(map(timed, source.audio)))


def _begun_with_sound(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source with sound of `HEARD_LATE` beginning where it is heard: its first packets alone are no sound."""
    late = [one.index for one in source.audio if one.codec in HEARD_LATE and not one.joined]
    if not late:
        return source
    heard_s = first_heard(path, late, log=log, limits=limits)
    audio = tuple(replace(one, start_s=heard_s.get(one.index, one.start_s)) for one in source.audio)
    if source.video:
        return replace(source, audio=audio)
    starts = [one.start_s for one in audio if one.start_s is not None]
    return replace(source, audio=audio, start_s=min(starts, default=None))


def _counted_anew(path: Path, source: Source, *, log: Path, limits: Limits) -> Source:
    """The source without the times of sound that a header has counted wrongly."""
    tracks = {index: one for one in source.audio for index in one.joined or (one.index,)}
    untrue = untrue_times(path, list(tracks), log=log, limits=limits)
    if not untrue:
        return source
    without = {tracks[index].index for index in untrue}
    notes = tuple(
        f"The times of track {index} do not fit its sound, which is heard as it decodes, from the beginning on."
        for index in sorted(without)
    )
    audio = tuple(replace(one, clock="none") if one.index in without else one for one in source.audio)
    return replace(source, audio=audio, notes=(*source.notes, *notes))


def _looked_at(path: Path, source: Source, index: PacketIndex, *, log: Path, limits: Limits) -> Source:
    """The source with what its packets and a few of its frames show, and notes on that."""
    track = source.video[0]
    seen = fields.UNSEEN
    if fields.may_have_fields(track):
        of_fields = log.with_suffix(".fields.log")
        seen = fields.look(path, track, duration_s=source.duration_s, log=of_fields, limits=limits)
    track = replace(
        track,
        time_base=track.time_base / index.finer,
        is_retimed=index.retimed,
        scan=seen.scan,
        is_telecined=seen.is_telecined,
        last_lasts=index.last_lasts,
    )
    speeds = edit_list.notes(edit_list.read(path, track.index), "The picture")
    notes = (*source.notes, *index.notes, *speeds, *fields.notes(track), *colour_notes(track))
    if track.is_hdr:
        notes += read_hdr(path, track, log=log.with_suffix(".hdr.log"), limits=limits)
    return replace(source, video=(track,), notes=notes)


def _reject_unread_picture(path: Path, output: ProbeOutput, *, log: Path, limits: Limits) -> None:
    """Refuse to publish the sound alone of a film whose picture nobody can read; a track without data is no picture."""
    for one in output.streams:
        if one.codec_type != "video" or one.disposition.get("attached_pic"):
            continue
        if read_packets(path, one.index, log=log, limits=limits).packets:
            raise SourceUnsupported(
                f"The picture (track {one.index}, {one.codec_name}) can't be read. Export it in another codec (H.264, "
                "HEVC, ProRes …)."
            )


def _reject_no_picture(source: Source, packets: Sequence[Packet], most: SourceLimits) -> None:
    """Hold the packets of the picture to what a film is."""
    if not packets:
        raise SourceCorrupt(
            "The video track holds no data: the file is truncated or damaged. Upload it again."
        )
    shown = [packet.pts for packet in packets if packet.is_shown]
    if not shown:
        raise SourceCorrupt("The picture is damaged: nothing of it can be decoded. Upload the file again.")
    lasts_s = (max(shown) - min(shown)) * source.video[0].time_base
    if lasts_s > most.duration_s:
        raise too_long(lasts_s, most)


def _damage(path: Path, output: ProbeOutput, source: Source, packets: Sequence[Packet]) -> tuple[str, ...]:
    """What is missing at the end, in words."""
    missing, size = completeness.missing_bytes(path), source.size_bytes
    if missing:
        percent = 100 * size // (size + missing)
        return (f"The file is truncated: {size} of its {size + missing} bytes ({percent} %) are there.",)
    if source.container == gif.FORMAT and (said := gif.missing(path)) is not None:
        return (f"{said}.",)
    if not source.video and (said := missing_sound(path)) is not None:
        return (f"The file is truncated: {said}.",)
    for stream in output.streams:
        if source.video and stream.index == source.video[0].index:
            return completeness.lost_frames(stream, packets)
    return ()
