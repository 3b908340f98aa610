"""Whether the sound is whole, in step with the pictures, and as loud as was asked for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from cutroom.media.audio_plan import AudioRung
from cutroom.media.codecs import AUDIO
from cutroom.media.likeness import Likeness
from cutroom.media.loudness import Gain, Loudness
from cutroom.media.plan import Plan
from cutroom.packaging.checks.report import Check
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import RenditionFacts

MAX_AV_OFFSET_S = Fraction(5, 1000)
"""Largest difference between where sound and picture start and where the source has them."""

LEAST_LIKENESS = 0.3
"""Least correlation of any quarter of a second with what the encoder was given: low bit rates of dense music have 0.5,
other sound 0."""

MAX_LAG_MS = 2.0
"""How far the sound of any quarter of a second may be from its time: measuring dense music at low bit rates is not more
exact, and WebM rounds to 1 ms."""

MAX_LOUDNESS_ERROR_LU = 1.0
"""Largest difference between the loudness that a profile asks for and that of the packaged track.

EBU R 128 allows it where half of it can't be kept: of seconds of sound with long silences, what a codec changes decides
whether a block of 400 ms is gated out, and with it the loudness of the rest.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedSound:
    """What was noted when a track of sound was encoded."""

    samples: int
    """Of each channel, at the output's rate, that reached the encoder."""
    source_samples: int
    """The same before anything but their place was changed."""
    source_sample_rate_hz: int
    source_loudness: Loudness
    gain: Gain
    cut_samples: int = 0
    """At the source's rate, that were decoded and found no place, as others are there: frames that came twice."""
    filled_samples: int = 0
    """At the source's rate, that are silence as nothing decodes to them: gaps between frames, lost or damaged ones."""
    lacking_samples: int = 0
    """At the source's rate, that the container states behind the last one that decodes."""
    is_damaged: bool = False
    """Whether the source's decoder stumbled: what it made up is no sound that an encoder has to keep."""


def samples(plan: Plan, one: RenditionFacts, encoded_sound: Mapping[str, EncodedSound]) -> Check:
    """Every sample that went in comes out; the source's number, at the output's rate, is a sample off by rounding."""
    name = next(track.rung for track in plan.rendition(one.key).tracks if track.kind == "audio")
    rung = next(rung for audio in plan.audio for rung in audio.rungs if rung.name == name)
    encoded = encoded_sound[name]
    wanted = Fraction(encoded.source_samples * rung.sample_rate_hz, encoded.source_sample_rate_hz)
    behind = (one.decoded_samples or 0) - encoded.samples
    # A copied track may bring what its encoder put behind it.
    tells_end = one.kind == "audio" and CONTAINERS[one.container].tells_end
    return Check(
        name=f"{one.name} is as long as its source",
        ok=0 <= behind < (1 if tells_end else AUDIO[rung.codec].frame_samples)
        and abs(encoded.samples - wanted) <= 1,
        found=f"{one.decoded_samples} of {encoded.samples} samples, the source's {encoded.source_samples} at "
        f"{encoded.source_sample_rate_hz} Hz"
        + (f"; {encoded.cut_samples} came twice or overlap, and are cut" if encoded.cut_samples else "")
        + (f"; {encoded.filled_samples} of nothing are silence" if encoded.filled_samples else "")
        + ("; some of it is damaged, and did not decode" if encoded.is_damaged else ""),
    )


def notes(plan: Plan, encoded_sound: Mapping[str, EncodedSound]) -> tuple[str, ...]:
    """How much of the sound is silence, left out or not there, of each track that is not whole; in words."""
    found = [
        note
        for one in plan.audio
        for rung in one.rungs[:1]
        if rung.name in encoded_sound
        for note in _notes_of(one.track.index, encoded_sound[rung.name])
    ]
    # Each codec has a plan of the same track.
    return tuple(dict.fromkeys(found))


def _notes_of(track: int, encoded: EncodedSound) -> Iterator[str]:
    rate = encoded.source_sample_rate_hz
    whole = f"{encoded.source_samples / rate:.2f} s"
    if encoded.filled_samples:
        yield (
            f"The sound of track {track} is silent for {encoded.filled_samples / rate:.3g} s of its {whole}, where the "
            "file holds none, or none that decodes."
        )
    if encoded.cut_samples:
        yield (
            f"Of the sound of track {track}, {encoded.cut_samples / rate:.3g} s overlap others, and are left out."
        )
    if encoded.lacking_samples:
        yield (
            f"The sound of track {track} ends {encoded.lacking_samples / rate:.2f} s before it does by the file: "
            "nothing decodes behind."
        )


def alike(one: RenditionFacts) -> Check:
    """What is heard is what the encoder was given, at its time: nothing is moved, repeated, lost or silenced."""
    return compared(f"{one.name} sounds like its source all along, across segments too", one.likeness)


def compared(name: str, found: Likeness | None) -> Check:
    """Whether two recordings are the same sound; None is silence."""
    if found is None:
        return Check(name=name, ok=True, found="silence")
    silenced = (
        f"{5 * found.silenced} ms silenced from {found.silenced_at_s:g} s on"
        if found.silenced
        else "none silenced"
    )
    return Check(
        name=name,
        ok=found.least >= LEAST_LIKENESS
        and max(abs(found.lag_ms), abs(found.spread_ms), abs(found.drift_ms)) <= MAX_LAG_MS
        and not found.silenced,
        found=f"{found.windows} windows, {found.joins} of them across segments: correlation at least {found.least:g} "
        f"(at {found.least_at_s:g} s), {found.lag_ms:g} ms late, at most {abs(found.spread_ms):g} ms from that (at "
        f"{found.spread_at_s:g} s), {found.drift_ms:g} ms more at the end, {silenced}",
    )


def normalised(plan: Plan, audio: Sequence[RenditionFacts]) -> list[tuple[RenditionFacts, AudioRung]]:
    """The renditions that were brought to a loudness, and their rungs."""
    rungs = {rung.name: rung for one in plan.audio for rung in one.rungs}
    return [(one, rungs[one.rung]) for one in audio if rungs[one.rung].loudness_lufs is not None]


def loudness(rung: AudioRung, one: RenditionFacts, encoded: EncodedSound) -> Check:
    """The loudness that was asked for, or less where single peaks are far above the rest; silence has none."""
    found = None if one.loudness is None else one.loudness.integrated_lufs
    assert rung.loudness_lufs is not None
    is_silent = encoded.source_loudness.integrated_lufs is None
    is_near = found is not None and abs(found - rung.loudness_lufs) <= MAX_LOUDNESS_ERROR_LU
    return Check(
        name=f"{one.name} is as loud as the profile asks for",
        ok=is_silent
        or is_near
        or (encoded.gain.is_limited and found is not None and found < rung.loudness_lufs),
        found=f"{found} LUFS of {rung.loudness_lufs:g}, gain {encoded.gain.gain_db:+g} dB"
        + (f", peaks held below {encoded.gain.ceiling_dbtp:g} dBTP" if encoded.gain.is_limited else ""),
    )


def told_loudness(one: RenditionFacts, encoded: EncodedSound) -> dict[str, Any]:
    """What the report says of the loudness of a rendition."""
    return {
        "rendition": one.name,
        "source": asdict(encoded.source_loudness),
        **asdict(encoded.gain),
        "published": None if one.loudness is None else asdict(one.loudness),
    }


def starts(audio: Sequence[RenditionFacts]) -> list[Check]:
    """Sound is padded to begin with the presentation, and goes on; picture times are compared frame by frame."""
    return [
        Check(
            name=f"{one.name} begins with the presentation, and goes on without a gap",
            ok=one.first_tick is not None
            and abs(Fraction(one.first_tick, one.timescale)) <= MAX_AV_OFFSET_S
            and _gap_ms(one) <= MAX_LAG_MS,
            found="no sound"
            if one.first_tick is None
            else f"{float(Fraction(one.first_tick, one.timescale)) * 1000:.3f} ms, at most {_gap_ms(one):.3f} ms "
            "between frames",
        )
        for one in audio
    ]


def _gap_ms(one: RenditionFacts) -> float:
    # Renditions of an older release have none noted.
    return 1000 * (one.largest_gap_ticks or 0) / one.timescale
