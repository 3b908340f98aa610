"""Probe: what is in a file, as ffprobe and the packets tell, or the reason why it can't be taken."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from cutroom.errors import EncoderRefused, SourceCorrupt, SourceTooLarge, SourceUnsupported
from cutroom.ffmpeg import completeness, edit_list, ffprobe, fields, gif, ordered_chapters, sniff, teletext
from cutroom.ffmpeg.containers import JUMPING
from cutroom.ffmpeg.encryption import reject_encrypted
from cutroom.ffmpeg.ffprobe import ProbeOutput
from cutroom.ffmpeg.hdr import read_hdr
from cutroom.ffmpeg.packets import PacketIndex, caption_channels, read_packets
from cutroom.ffmpeg.refusals import reason_of, reject_invalid_size
from cutroom.ffmpeg.sound_files import missing_sound
from cutroom.ffmpeg.sound_times import with_sound_times
from cutroom.ffmpeg.stated_codecs import as_stated
from cutroom.ffmpeg.stated_languages import stated_languages
from cutroom.ffmpeg.steady import notes as clock_notes
from cutroom.ffmpeg.steady import steadied
from cutroom.ffmpeg.tracks import caption_tracks, to_source, with_captions
from cutroom.media.colour import colour_notes
from cutroom.media.limits import Limits, SourceLimits, reject_too_large, too_long
from cutroom.media.source import Source
from cutroom.media.timeline import Packet


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
    source = with_sound_times(path, source, log=log, limits=limits)
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
                f"The picture (track {one.index}, {one.codec_name}) can't be read: nothing in the file describes it, "
                "or its codec is not taken. Export it from a keyframe on, or in another codec (H.264, HEVC, ProRes …)."
            )


def _reject_no_picture(source: Source, packets: Sequence[Packet], most: SourceLimits) -> None:
    """Hold the packets of the picture to what a film is."""
    if not packets:
        raise SourceCorrupt(
            "The video track holds no data: the file is truncated or damaged. Upload it again."
        )
    shown = [packet.pts for packet in packets if packet.is_shown]
    if not shown:
        raise SourceCorrupt(
            "Nothing of the picture is shown: it is damaged, or an edit list leaves all of it out. Export the file "
            "anew."
        )
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
