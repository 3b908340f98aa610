"""The step encode_audio, and what is heard of a track on the way through it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.errors import EncoderRefused, SourceCorrupt, SourceUnsupported
from cutroom.media import keys
from cutroom.media.audio_plan import AudioPlan, AudioRung, audio_encode_key
from cutroom.media.codecs import AUDIO
from cutroom.media.edits import heard
from cutroom.media.loudness import Gain, Loudness, corrected, lowered, plan_gain, within_scale
from cutroom.media.plan import Plan
from cutroom.media.sound_placing import Placing, in_a_row, in_stretches, lacking, place
from cutroom.steps.encodes import keep_encode
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.media.likeness import Likeness

logger = logging.getLogger(__name__)

MOST_TRIES = 5
"""How often one bit rate is encoded anew for its loudness and its peaks."""

FEWEST_SAMPLES = 16
"""FLAC takes no fewer (RFC 9639, 8.2); a single one gets through no encoder."""

HEARD = "heard"
"""Name of the file of what is compared, in a scratch folder."""


def encode_audio(shop: Workshop, job: dict[str, Any], work: dict[str, Any]) -> dict[str, Any]:
    """Encode one whole track of sound: all bit rates that are missing, from one decode.

    Where the gain has to be known before, the track is metered first.

    Raises:
        SourceCorrupt: Nothing can be decoded of the track.
        SourceUnsupported: It is too short for its encoder.
    """
    one = Job.from_json(job)
    made = one.plan(shop.work)
    audio = made.audio[work["audio"]]
    encodes = {rung.name: audio_encode_key(made.source, audio, rung, made.tools) for rung in audio.rungs}
    rungs = [rung for rung in audio.rungs if shop.work.head(keys.encode_facts(encodes[rung.name])) is None]
    part = audio.name
    reporter = shop.progress("encode_audio", part, float(made.source.duration_s or 1))
    if rungs:
        with shop.steady(one.upload, made.source) as source, shop.folder("audio") as folder:
            track = Track(shop, made, audio, source, folder, step="encode_audio")
            # By its ending also an MP3 of one frame is known.
            outputs = [folder / f"{rung.name}{'.mp3' if rung.codec == 'mp3' else '.mp4'}" for rung in rungs]
            for rung, output, facts in track.encodes(rungs, outputs, reporter):
                keep_encode(shop, encodes[rung.name], output, facts, heard=folder / HEARD)
    reporter.finish()
    return {"track": audio.name, "encoded": len(rungs), "cached": len(audio.rungs) - len(rungs)}


class Track:
    """A track while it is worked on: read from the source, or from a levelled copy where it changes midway."""

    def __init__(
        self, shop: Workshop, made: Plan, audio: AudioPlan, source: Path, folder: Path, *, step: str
    ) -> None:
        self._shop, self._made, self._audio, self._folder = shop, made, audio, folder
        self._source, self._step = source, step

    def gain(self, report: Callable[[float], None]) -> Gain:
        """The gain that the plan's loudness, or a downmix, asks for."""
        from cutroom.ffmpeg import sound

        above = self._peak(report) if self._audio.may_exceed else 0.0
        if not self._audio.needs_measuring:
            return within_scale(above)
        log = self.run("measure", lambda source: sound.measure(self._audio, source=source), report)
        gain = plan_gain(sound.read_loudness(log, "mixed"), target_lufs=self._audio.rungs[0].loudness_lufs)
        logger.info("track %d: gain %+.2f dB", self._audio.track.index, gain.gain_db)
        return gain

    def _peak(self, report: Callable[[float], None]) -> float:
        from cutroom.ffmpeg import sound

        log = self.run("peak", lambda source: sound.peak(self._audio, source=source), report)
        above, no_numbers = sound.read_peak(log)
        if no_numbers:
            raise SourceCorrupt(
                f"The sound is damaged: {no_numbers} samples of track {self._audio.track.index} are no numbers (NaN or "
                "infinite). Export it anew."
            )
        return above

    def encodes(
        self, rungs: Sequence[AudioRung], outputs: Sequence[Path], report: Callable[[float], None]
    ) -> Iterator[tuple[AudioRung, Path, dict[str, Any]]]:
        """Encode all rungs, and again those that are not as loud as was asked for; each is there when it is given."""
        gain = self.gain(report)
        facts = self.encode(rungs, gain, outputs, report)
        target = self._audio.rungs[0].loudness_lufs
        if target is None:
            yield from ((rung, output, facts) for rung, output in zip(rungs, outputs, strict=True))
            return
        made = [self.made(output) for output in outputs]
        if (lower := lowered(gain, made)) is not None:
            # Most encoders make peaks higher: all from one decode.
            gain, facts = lower, self.encode(rungs, lower, outputs, report)
            made = [self.made(output) for output in outputs]
        others = [corrected(gain, one, target_lufs=target) for one in made]
        # Those that are made again write over what is kept beside the others.
        for rung, output, other in sorted(
            zip(rungs, outputs, others, strict=True), key=lambda one: one[2] is not None
        ):
            if other is None:
                yield rung, output, facts
            else:
                yield rung, output, self._again(rung, output, other, target, report)

    def _again(
        self, rung: AudioRung, output: Path, gain: Gain, target_lufs: float, report: Callable[[float], None]
    ) -> dict[str, Any]:
        """Encode one bit rate anew, until it is as loud as was asked for and peaks no higher, or nearly."""
        other: Gain | None = gain
        for _ in range(MOST_TRIES):
            if other is None:
                break
            gain = other
            logger.info("%s: gain %+.2f dB, held below %.1f dBTP", rung.name, gain.gain_db, gain.ceiling_dbtp)
            facts = self.encode([rung], gain, [output], report)
            other = corrected(gain, self.made(output), target_lufs=target_lufs)
        return facts

    def encode(
        self, rungs: Sequence[Any], gain: Gain, outputs: Sequence[Path], report: Callable[[float], None]
    ) -> dict[str, Any]:
        """Encode, and tell what went in: samples, loudness and gain."""
        from cutroom.ffmpeg import sound
        from cutroom.ffmpeg.refusals import no_sound, tells_of_damage

        stats, source_stats, decoded_stats = (
            self._folder / name for name in ("stats.txt", "source.txt", "decoded.txt")
        )
        log = self.run(
            "encode",
            lambda source: sound.encode(
                self._audio,
                rungs,
                gain,
                source=source,
                outputs=outputs,
                stats=stats,
                source_stats=source_stats,
                decoded_stats=decoded_stats,
                heard=self._folder / HEARD,
            ),
            report,
        )
        behind = AUDIO[rungs[0].codec].silence_behind
        samples = read_samples(stats).samples - behind
        if samples <= 0 and not tells_of_damage(log):
            raise no_sound(self._audio.track.index)
        if samples <= 0:
            raise SourceCorrupt(
                f"The sound is damaged: nothing can be decoded of track {self._audio.track.index}. "
                "Upload the file again."
            )
        placing = self._placing(decoded_stats)
        for output in outputs if behind else ():
            whole = output.rename(output.with_suffix(".whole.mp4"))
            self._tool("cut", sound.cut_behind(whole, output, samples=samples), lambda _: None)
        return {
            "samples": samples,
            "source_samples": read_samples(source_stats).samples,
            "cut_samples": placing.cut,
            "filled_samples": placing.filled,
            "lacking_samples": self._lacking(placing),
            "source_sample_rate_hz": self._audio.track.sample_rate_hz,
            "source_loudness": asdict(sound.read_loudness(log, "source")),
            "gain": asdict(gain),
            "is_damaged": tells_of_damage(log),
        }

    def _placing(self, decoded_stats: Path) -> Placing:
        """What becomes of the track at its times; one of which many samples find no place is refused."""
        from cutroom.ffmpeg.placed_sound import step_s

        track = self._audio.track
        frames = read_frames(decoded_stats)
        if track.edits:
            stretches = [(first, end) for _, first, end in heard(track.edits, track.sample_rate_hz)]
            return in_stretches(frames, track.sample_rate_hz, stretches, step_s(track))
        if track.clock == "none":
            return in_a_row(frames, track.sample_rate_hz)
        placing = place(frames, track.sample_rate_hz, step_s(track), track.start_s)
        if placing.is_untrue:
            raise SourceUnsupported(
                f"The times of the sound (track {track.index}) leave no room for {placing.cut} of its "
                f"{placing.decoded} samples. Export the file anew, or put it in another container with times that are "
                "counted from the samples."
            )
        return placing

    def _lacking(self, placing: Placing) -> int:
        """How many samples the container states behind the last that decodes."""
        track = self._audio.track
        # What it states of the one is a guess, of the other what of it is played.
        if track.clock == "counted" or track.edits:
            return 0
        starts_s = Fraction(0) if track.clock == "none" else track.start_s
        return lacking(placing, starts_s or Fraction(0), track.duration_s)

    def made(self, encode: Path) -> Loudness:
        """What an encode decodes to."""
        from cutroom.ffmpeg import sound

        return sound.read_loudness(self._tool("meter", sound.meter(source=encode), lambda _: None), "made")

    def run(self, name: str, command: Callable[[Path], list[str]], report: Callable[[float], None]) -> str:
        """Run ffmpeg over the track; where that finds another layout midway, over a levelled copy, from now on."""
        from cutroom.ffmpeg import sound

        try:
            said = self._tool(name, command(self._source), report)
        except EncoderRefused as refused:
            said = str(refused)
            if self._is_levelled or not sound.has_changed_midway(said):
                raise
        if sound.has_changed_midway(said) and not self._is_levelled:
            logger.info("track %d changes its format midway and is levelled first", self._audio.track.index)
            self._level(report)
            said = self._tool(name, command(self._source), report)
        return said

    @property
    def _is_levelled(self) -> bool:
        return self._source.parent == self._folder

    def _level(self, report: Callable[[float], None]) -> None:
        from cutroom.ffmpeg import sound
        from cutroom.ffmpeg.placed_sound import LEVELLED

        levelled = self._folder / f"sound{LEVELLED}"
        try:
            self._tool("level", sound.level(self._audio, source=self._source, output=levelled), report)
        except EncoderRefused:
            # Damaged frames may have channels that nothing is known of.
            command = sound.level(self._audio, source=self._source, output=levelled, drops_others=True)
            self._tool("level", command, report)
        self._source = levelled

    def _tool(self, name: str, argv: list[str], report: Callable[[float], None]) -> str:
        from cutroom.ffmpeg import runner
        from cutroom.ffmpeg.refusals import of_decoding

        log = self._folder / f"{name}.log"
        part = f"{name} {self._audio.name}"
        try:
            with of_decoding(f"The sound of track {self._audio.track.index}"), self._shop.busy(1):
                runner.run(argv, log=log, limits=self._shop.limits, on_line=runner.Progress(report))
        except (EncoderRefused, SourceCorrupt) as refused:
            self._blame_length(refused)
            raise
        finally:
            self._shop.tool_ran(self._step, part, argv, log, self._made.tools)
        return log.read_text(errors="replace")

    def _blame_length(self, refused: Exception) -> None:
        """Let it be the reason where nothing can be made of so little."""
        track = self._audio.track
        # Encoders get fewer where they have a lower rate.
        rate_hz = min(track.sample_rate_hz, *(rung.sample_rate_hz for rung in self._audio.rungs))
        samples = None if track.duration_s is None else round(track.duration_s * rate_hz)
        if samples is not None and samples < FEWEST_SAMPLES:
            raise SourceUnsupported(
                f"The sound of track {track.index} is too short to be encoded: it has {samples} of the "
                f"{FEWEST_SAMPLES} samples that every encoder takes."
            ) from refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a statistics file tells of the frames that reached an encoder."""

    samples: int
    """Of each channel."""
    start_s: Fraction | None
    """When the first of them is heard; None: there is none."""
    gap_s: Fraction = Fraction(0)
    """How far any frame is from where the one before it ends, at most."""


def read_samples(stats: Path) -> Heard:
    """Read a file of `SAMPLES_FORMAT`: of each frame its first sample, how many it has, its time and its time base."""
    start: Fraction | None = None
    tick_s = Fraction(0)
    samples = gap = ends = 0
    with stats.open() as lines:
        for line in lines:
            number, count, at, time_base = line.split()
            first = int(at)
            if start is None:
                tick_s = Fraction(time_base)
                start, ends = first * tick_s, first
            # Its ticks are samples.
            gap = max(gap, abs(first - ends))
            samples, ends = int(number) + int(count), first + int(count)
    return Heard(samples=samples, start_s=start, gap_s=gap * tick_s)


def read_frames(stats: Path) -> Iterator[tuple[Fraction, int]]:
    """Of each frame in a file of `SAMPLES_FORMAT` its time in seconds, and how many samples it has."""
    with stats.open() as lines:
        for line in lines:
            _, count, at, time_base = line.split()
            yield int(at) * Fraction(time_base), int(count)


def compare_heard(
    shop: Workshop, encode_key: str, folder: Path, joins_s: Sequence[Fraction] = ()
) -> "Likeness | None":
    """How what was decoded of a published track, which lies in the folder, compares with what its encoder was given.

    Args:
        shop: Where it is compared.
        encode_key: The encode that the track is made of.
        folder: Holds the decoded sound under HEARD.
        joins_s: Where segments meet, in seconds.
    """
    from cutroom.media import likeness

    given = folder / "given"
    shop.work.get_file(keys.encode_heard(encode_key), given)
    return likeness.compare(likeness.read(given), likeness.read(folder / HEARD), joins_s)
