"""Holds what is published against a file again: both are decoded; times of frames, and the sound, are compared."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.errors import EncoderRefused, UsageError
from cutroom.media import keys
from cutroom.media.content_key import ContentKey
from cutroom.media.limits import Limits
from cutroom.steps.frame_stats import frame_ticks

if TYPE_CHECKING:
    from cutroom.media.resemblance import Frames, Resemblance
    from cutroom.media.source import Source
    from cutroom.packaging.facts import RenditionFacts
    from cutroom.stores.objects import ObjectStore

MAX_OFFSET_US = 1000
"""Microseconds by which a frame may be shown from where the source shows it, on the timeline of the presentation."""


def check_source(
    store: "ObjectStore",
    renditions: Sequence["RenditionFacts"],
    source: Path,
    *,
    content_key: Callable[[str], ContentKey],
    limits: Limits,
) -> list[dict[str, Any]]:
    """One check of the pictures and one of the sound of each rendition.

    Args:
        store: Where the renditions lie.
        renditions: All of a version; text is passed over.
        source: The file that they were made of.
        content_key: Gives the content key of a name, for those that are encrypted.
        limits: What the tools may take.

    Returns:
        The checks. One that could not be made, for want of the key, has `skipped`.

    Raises:
        UsageError: The file holds no pictures, or not the track of sound, and the version does.
        SourceRejected: The file can't be read.
    """
    chosen = [one for one in renditions if one.kind != "text"]
    unlocked = {one.key: _key_of(one, content_key) for one in chosen}
    if all(isinstance(key, str) for key in unlocked.values()):
        return [_skipped(one, str(unlocked[one.key])) for one in chosen]
    with tempfile.TemporaryDirectory(prefix="cutroom-verify-") as place:
        given = _Given.read(source, Path(place), limits, has_video=any(one.has_pictures for one in chosen))
        checks = []
        for one in chosen:
            key = unlocked[one.key]
            if isinstance(key, str):
                checks.append(_skipped(one, key))
                continue
            with tempfile.TemporaryDirectory(dir=place) as folder:
                try:
                    checks += given.compared(one, _whole(store, one, Path(folder), key, limits))
                except (EncoderRefused, ValueError) as error:
                    checks.append(_unreadable(one, error))
    return checks


def _key_of(one: "RenditionFacts", content_key: Callable[[str], ContentKey]) -> ContentKey | str | None:
    """What unlocks a rendition; None: it is in clear; a text: why it can't be unlocked here."""
    if one.lock is None:
        return None
    try:
        key = content_key(one.lock.key_name)
    except UsageError as error:
        return str(error)
    if key.key_id != one.lock.key_id:
        return f"The content key {one.lock.key_name!r} has another id now than when this was encrypted."
    return key


def _skipped(one: "RenditionFacts", reason: str) -> dict[str, Any]:
    return {
        "name": f"{one.name} is like the file",
        "ok": True,
        "skipped": True,
        "found": f"not compared, as it is encrypted: {reason}",
    }


def _unreadable(one: "RenditionFacts", error: Exception) -> dict[str, Any]:
    """What a tool said last of segments that do not belong together, or that another key opens."""
    said = str(error).strip().rsplit("\n", 1)[-1][:200]
    key = ", or the key is another one" if one.lock else ""
    return {
        "name": f"{one.name} can be decoded",
        "ok": False,
        "found": f"it can't: its bytes are damaged, or do not belong together{key} ({said})",
    }


def _whole(
    store: "ObjectStore", one: "RenditionFacts", folder: Path, key: ContentKey | None, limits: Limits
) -> Path:
    """A rendition in one file and in clear, from the bytes that players fetch."""
    from cutroom.steps.packed import in_clear, in_one_file

    files = [folder / name for name in one.files]
    for file in files:
        store.get_file(keys.rendition(one.key, file.name), file)
    if one.kind == "download":
        return files[0]
    track = in_clear(one.kind, one.container, files, folder, lock=one.lock, key=key, limits=limits)
    return in_one_file(track, folder)


@dataclass(frozen=True, kw_only=True)
class _Given:
    """The file that a version is held against."""

    path: Path
    found: "Source"
    origin_s: Fraction
    """Where the presentation begins on its clock."""
    folder: Path
    limits: Limits
    times_us: list[int]
    """Of its frames, in microseconds; empty where the version has no pictures."""
    pictures: "Frames | None"
    """These frames as they are compared; None where the version has no pictures."""
    in_sdr: "Frames | None"
    """The same, mapped from HDR; None where the file has none."""

    @classmethod
    def read(cls, path: Path, folder: Path, limits: Limits, *, has_video: bool) -> "_Given":
        from cutroom.ffmpeg import argv, probe, runner
        from cutroom.ffmpeg.steady import steadied
        from cutroom.media import resemblance
        from cutroom.media.plan import origin_of

        found, packets = probe.probe(path, sha256="", log=folder / "probe.log", limits=limits)
        if has_video and not found.video:
            raise UsageError(f"{path.name} holds no pictures.")
        if found.jumps_s:
            shown = folder / "steady"
            steadied(path, shown, log=folder / "clock.log", limits=limits)
            path = shown
        times: list[int] = []
        pictures = in_sdr = None
        if has_video:
            stats, small, track = folder / "source.txt", folder / "source.small", found.video[0]
            mapped = folder / "source.sdr" if track.is_hdr else None
            command = argv.decode_source(source=path, track=track, stats=stats, small=small, in_sdr=mapped)
            runner.run(command, log=folder / "source.log", limits=limits, on_line=lambda _: None)
            times = frame_ticks(stats, 1_000_000)
            if track.is_retimed:
                # The container has no times of its own to hold against.
                times = sorted(
                    round(one.pts * track.time_base * 1_000_000) for one in packets if one.is_shown
                )
            turned = partial(resemblance.read, rotation=track.rotation, mirrored=track.mirrored)
            pictures, in_sdr = turned(small), turned(mapped) if mapped else None
        origin = origin_of(found, found.video[0] if has_video else None, packets)
        return cls(
            path=path,
            found=found,
            origin_s=origin,
            folder=folder,
            limits=limits,
            times_us=times,
            pictures=pictures,
            in_sdr=in_sdr,
        )

    def compared(self, one: "RenditionFacts", whole: Path) -> list[dict[str, Any]]:
        """The checks of a rendition that lies in one file, in clear."""
        heard = one.track if one.kind == "audio" else one.heard_track
        checks = [self._seen(one, whole)] if one.has_pictures else []
        return checks if heard is None else [*checks, self._heard(one, heard, whole)]

    def _seen(self, one: "RenditionFacts", whole: Path) -> dict[str, Any]:
        from cutroom.ffmpeg import argv, runner
        from cutroom.media import resemblance
        from cutroom.packaging.containers import CONTAINERS

        stats, small = whole.with_name("decoded.txt"), whole.with_name("decoded.small")
        command = argv.decode(source=whole, stats=stats, small=small)
        runner.run(command, log=whole.with_name("decode.log"), limits=self.limits, on_line=lambda _: None)
        found, wanted = frame_ticks(stats, 1_000_000), self.times_us[:: one.frame_step]
        # A container may begin the presentation later than at zero.
        later = self.origin_s - CONTAINERS[one.container].start_s if one.segments else self.origin_s
        offsets = (abs(b - a - round(later * 1_000_000)) for a, b in zip(found, wanted, strict=False))
        furthest = max(offsets, default=0)
        # What the container rounds to its own ticks can't be told more exactly.
        allowed = max(MAX_OFFSET_US, int(self.found.video[0].time_base * 1_000_000) + 1)
        is_mapped = self.in_sdr is not None and one.video_range == "SDR"
        given = self.in_sdr if is_mapped else self.pictures
        assert given is not None
        alike = resemblance.compare(given[:: one.frame_step], resemblance.read(small), is_mapped=is_mapped)
        is_other = len(found) == len(wanted) and alike is not None and alike.others > 0
        return {
            "name": f"{one.name} shows the frames of the file, each at its time",
            "ok": len(found) == len(wanted) and furthest <= allowed and not is_other,
            "found": f"{len(found)} of {len(wanted)} frames, at most {furthest / 1000:.3f} ms off"
            + (_other_pictures(alike, found) if is_other and alike else ""),
        }

    def _heard(self, one: "RenditionFacts", number: int, whole: Path) -> dict[str, Any]:
        from cutroom.ffmpeg import runner, sound
        from cutroom.ffmpeg.placed_sound import LEVELLED
        from cutroom.media import likeness
        from cutroom.media.audio_plan import AudioPlan
        from cutroom.packaging.checks.sound import MAX_LAG_MS, compared
        from cutroom.steps.sound import read_samples

        track = next((each for each in self.found.audio if each.index == number), None)
        if track is None or one.channels is None:
            raise UsageError(f"{self.path.name} holds no sound in track {number}.")
        audio = AudioPlan(track=track, origin_s=self.origin_s, rungs=())
        given, heard = whole.with_name("given"), whole.with_name("heard")
        log = whole.with_name("given.log")
        command = sound.hear(audio, one.channels, source=self.path, heard=given)
        runner.run(command, log=log, limits=self.limits, on_line=lambda _: None)
        if sound.has_changed_midway(log.read_text(errors="replace")):
            levelled = whole.with_name(f"sound{LEVELLED}")
            for command in (
                sound.level(audio, source=self.path, output=levelled),
                sound.hear(audio, one.channels, source=levelled, heard=given),
            ):
                runner.run(command, log=log, limits=self.limits, on_line=lambda _: None)
        stats = whole.with_name("decoded.txt")
        command = sound.decode(
            source=whole,
            stats=stats,
            channels=one.channels,
            heard=heard,
            end_s=one.end_s if one.segments else None,
        )
        runner.run(command, log=whole.with_name("decode.log"), limits=self.limits, on_line=lambda _: None)
        joins = [Fraction(segment.start_ticks, one.timescale) for segment in one.segments[1:]]
        # The profile may have brought it to another loudness.
        first, second = likeness.read(given), likeness.read(heard)
        found = likeness.compare(first, second, joins, is_as_loud=False)
        if found is None and (back := likeness.compare(second, first, joins, is_as_loud=False)):
            # The file is too quiet to be compared, and was made louder: what is heard now is looked for in the file.
            found = replace(back, lag_ms=-back.lag_ms, spread_ms=-back.spread_ms, drift_ms=-back.drift_ms)
        check = asdict(compared(f"{one.name} sounds like the file, everywhere at its time", found))
        gap_ms = float(1000 * read_samples(stats).gap_s)
        if gap_ms > MAX_LAG_MS:
            check |= {"ok": False, "found": f"{check['found']}; {gap_ms:.3f} ms between two frames"}
        return check


def _other_pictures(alike: "Resemblance", times_us: Sequence[int]) -> str:
    """How many frames are not the source's, and where the first of them is."""
    assert alike.first is not None
    at_s = (times_us[alike.first] - times_us[0]) / 1_000_000
    shows = "none that is near" if alike.shows is None else f"frame {alike.shows}"
    if alike.shows == alike.first:
        shows = "other colours than its own, or not all of it"
    return (
        f"; {alike.others} show other pictures, first frame {alike.first} (at {at_s:.3f} s): it shows {shows}"
    )
