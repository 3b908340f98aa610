"""What is drawn and told of sound beside the stills: waveform, cover art, chapters."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from cutroom.errors import EncoderRefused
from cutroom.media import waveform
from cutroom.media.plan import Plan
from cutroom.steps.sound import Track
from cutroom.steps.workshop import Workshop

logger = logging.getLogger(__name__)

COVER_SIDES_PX = (1200, 600, 300)
"""Squares that cover art is made to fit; it is never enlarged."""

WAVEFORM_SIZE_PX = (1280, 240)


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
    from cutroom.ffmpeg import sound_stills as drawing

    audio = made.audio[0]
    rate = audio.track.sample_rate_hz
    image, data, peaks = folder / "waveform.png", folder / "waveform.json", folder / "peaks.txt"

    def draw(path: Path) -> list[str]:
        return drawing.draw(
            audio,
            source=path,
            image=image,
            peaks=peaks,
            samples_per_peak=waveform.samples_per_peak(rate),
            size_px=WAVEFORM_SIZE_PX,
        )

    Track(shop, made, audio, source, folder, step="thumbnails").run("waveform", draw, lambda _: None)
    with peaks.open() as lines:
        data.write_text(waveform.waveform_json(waveform.read_peaks(lines), rate))
    return {"waveform": image, "waveform_data": data}


def _covers(shop: Workshop, made: Plan, source: Path, folder: Path) -> dict[str, Path]:
    covers = read_covers(shop, made, source, folder, COVER_SIDES_PX, step="thumbnails")
    if not covers or made.video is not None:
        return covers
    return {**covers, "poster": Path(shutil.copy(covers["cover_1200"], folder / "poster.jpg"))}


def read_covers(
    shop: Workshop, made: Plan, source: Path, folder: Path, sides_px: Sequence[int], *, step: str
) -> dict[str, Path]:
    """The cover art of a source as JPEG, by `cover_` and its size. Art that can't be read is left out.

    Args:
        shop: Where it is made.
        made: The plan of a source with a cover.
        source: The source file.
        folder: Where the files are written.
        sides_px: Squares that it is made to fit.
        step: Who asks, for the log.
    """
    from cutroom.ffmpeg import runner
    from cutroom.ffmpeg import sound_stills as drawing

    assert made.source.cover is not None
    covers = {f"cover_{side}": folder / f"cover-{side}.jpg" for side in sides_px}
    sizes = list(zip(sides_px, covers.values(), strict=True))
    command = drawing.extract_cover(source=source, track=made.source.cover.index, covers=sizes)
    log = folder / "cover.log"
    try:
        runner.run(command, log=log, limits=shop.limits, on_line=lambda _: None)
    except EncoderRefused as error:
        logger.warning("The cover art can't be read and is left out: %s", str(error).splitlines()[-1])
        return {}
    finally:
        shop.tool_ran(step, "cover", command, log, made.tools)
    if not all(path.is_file() for path in covers.values()):
        logger.warning("The cover art can't be read and is left out: nothing of it can be decoded")
        return {}
    return covers
