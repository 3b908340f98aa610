"""The steps of sound: encode_audio, and what is drawn and told of sound beside the stills."""

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.errors import EncoderRefused, SourceCorrupt
from cutroom.media import keys, waveform
from cutroom.media.audio_plan import AudioPlan, audio_encode_key
from cutroom.media.codecs import AUDIO
from cutroom.media.loudness import Gain, Loudness, lowered, plan_gain
from cutroom.media.plan import Plan
from cutroom.steps.encodes import keep_encode
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.media.likeness import Likeness

logger = logging.getLogger(__name__)

COVER_SIDES_PX = (1200, 600, 300)
"""Squares that cover art is made to fit; it is never enlarged."""

WAVEFORM_SIZE_PX = (1280, 240)

HEARD = "heard"
"""Name of the file of what is compared, in a scratch folder."""


def encode_audio(shop: Workshop, job: dict[str, Any], work: dict[str, Any]) -> dict[str, Any]:
    """Encode one whole track of sound: all bit rates that are missing, from one decode.

    Where the gain has to be known before, the track is metered first.

    Raises:
        SourceCorrupt: Nothing can be decoded of the track.
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
            track = _Track(shop, made, audio, source, folder, step="encode_audio")
            gain = track.gain(reporter)
            outputs = [folder / f"{rung.name}.mp4" for rung in rungs]
            facts = track.encode(rungs, gain, outputs, reporter)
            if audio.rungs[0].loudness_lufs is not None:
                less = lowered(gain, [track.made(output) for output in outputs])
                if less is not None:
                    logger.info(
                        "track %d: gain %+.2f dB, as encodes peak higher", audio.track.index, less.gain_db
                    )
                    facts = track.encode(rungs, less, outputs, reporter)
            for rung, output in zip(rungs, outputs, strict=True):
                keep_encode(shop, encodes[rung.name], output, facts, heard=folder / HEARD)
    reporter.finish()
    return {"track": audio.name, "encoded": len(rungs), "cached": len(audio.rungs) - len(rungs)}


class _Track:
    """A track while it is worked on: read from the source, or from a levelled copy where it changes midway."""

    def __init__(
        self, shop: Workshop, made: Plan, audio: AudioPlan, source: Path, folder: Path, *, step: str
    ) -> None:
        self._shop, self._made, self._audio, self._folder = shop, made, audio, folder
        self._source, self._step = source, step

    def gain(self, report: Callable[[float], None]) -> Gain:
        """The gain that the plan's loudness, or a downmix, asks for."""
        from cutroom.ffmpeg import sound

        if not self._audio.needs_measuring:
            return Gain()
        log = self.run("measure", lambda source: sound.measure(self._audio, source=source), report)
        gain = plan_gain(sound.read_loudness(log, "mixed"), target_lufs=self._audio.rungs[0].loudness_lufs)
        logger.info("track %d: gain %+.2f dB", self._audio.track.index, gain.gain_db)
        return gain

    def encode(
        self, rungs: Sequence[Any], gain: Gain, outputs: Sequence[Path], report: Callable[[float], None]
    ) -> dict[str, Any]:
        """Encode, and tell what went in: samples, loudness and gain."""
        from cutroom.ffmpeg import sound
        from cutroom.ffmpeg.refusals import tells_of_damage

        stats, source_stats = self._folder / "stats.txt", self._folder / "source.txt"
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
                heard=self._folder / HEARD,
            ),
            report,
        )
        behind = AUDIO[rungs[0].codec].silence_behind
        samples = read_samples(stats).samples - behind
        if samples <= 0:
            raise SourceCorrupt(
                f"The sound is damaged: nothing can be decoded of track {self._audio.track.index}. "
                "Upload the file again."
            )
        for output in outputs if behind else ():
            whole = output.rename(output.with_suffix(".whole.mp4"))
            self._tool("cut", sound.cut_behind(whole, output, samples=samples), lambda _: None)
        return {
            "samples": samples,
            "source_samples": read_samples(source_stats).samples,
            "source_sample_rate_hz": self._audio.track.sample_rate_hz,
            "source_loudness": asdict(sound.read_loudness(log, "source")),
            "gain": asdict(gain),
            "is_damaged": tells_of_damage(log),
        }

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

        levelled = self._folder / "levelled.nut"
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
        finally:
            self._shop.tool_ran(self._step, part, argv, log, self._made.tools)
        return log.read_text(errors="replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a statistics file tells of the frames that reached an encoder."""

    samples: int
    """Of each channel."""
    start_s: Fraction | None
    """When the first of them is heard; None: there is none."""


def read_samples(stats: Path) -> Heard:
    """Read a file of `SAMPLES_FORMAT`: of each frame its first sample, how many it has, its time and its time base."""
    lines = stats.read_text().splitlines()
    if not lines:
        return Heard(samples=0, start_s=None)
    first, last = lines[0].split(), lines[-1].split()
    return Heard(samples=int(last[0]) + int(last[1]), start_s=int(first[2]) * Fraction(first[3]))


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


def sound_stills(shop: Workshop, made: Plan, source: Path, folder: Path) -> dict[str, Path]:
    """What is shown of the sound: its waveform as image and as data, cover art in several sizes, and chapters."""
    from cutroom.packaging import webvtt

    files: dict[str, Path] = {}
    if made.audio:
        files |= _waveform(shop, made, source, folder)
    if made.source.cover is not None:
        files |= _covers(shop, made, source, folder)
    if made.source.chapters:
        files["chapters"] = folder / "chapters.vtt"
        files["chapters"].write_text(webvtt.chapters(made.source.chapters, made.origin_s))
    return files


def _waveform(shop: Workshop, made: Plan, source: Path, folder: Path) -> dict[str, Path]:
    """Of the first track, on the presentation's timeline."""
    from cutroom.ffmpeg import sound

    audio = made.audio[0]
    rate = audio.track.sample_rate_hz
    image, data, peaks = folder / "waveform.png", folder / "waveform.json", folder / "peaks.txt"

    def draw(path: Path) -> list[str]:
        return sound.draw(
            audio,
            source=path,
            image=image,
            peaks=peaks,
            samples_per_peak=waveform.samples_per_peak(rate),
            size_px=WAVEFORM_SIZE_PX,
        )

    _Track(shop, made, audio, source, folder, step="thumbnails").run("waveform", draw, lambda _: None)
    with peaks.open() as lines:
        data.write_text(waveform.waveform_json(waveform.read_peaks(lines), rate))
    return {"waveform": image, "waveform_data": data}


def _covers(shop: Workshop, made: Plan, source: Path, folder: Path) -> dict[str, Path]:
    """Cover art that can't be read is left out: the sound is whole without it."""
    from cutroom.ffmpeg import runner, sound

    assert made.source.cover is not None
    covers = {f"cover_{side}": folder / f"cover-{side}.jpg" for side in COVER_SIDES_PX}
    sizes = list(zip(COVER_SIDES_PX, covers.values(), strict=True))
    command = sound.extract_cover(source=source, track=made.source.cover.index, covers=sizes)
    log = folder / "cover.log"
    try:
        runner.run(command, log=log, limits=shop.limits, on_line=lambda _: None)
    except EncoderRefused as error:
        logger.warning("The cover art can't be read and is left out: %s", str(error).splitlines()[-1])
        return {}
    finally:
        shop.tool_ran("thumbnails", "cover", command, log, made.tools)
    if not all(path.is_file() for path in covers.values()):
        logger.warning("The cover art can't be read and is left out: nothing of it can be decoded")
        return {}
    if made.video is not None:
        return covers
    return {**covers, "poster": Path(shutil.copy(covers["cover_1200"], folder / "poster.jpg"))}
