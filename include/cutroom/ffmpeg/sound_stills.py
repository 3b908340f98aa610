"""ffmpeg's arguments for what is shown of sound: its waveform, and cover art."""

from collections.abc import Sequence
from pathlib import Path

import ffmpeg

from cutroom.ffmpeg.argv import compiled
from cutroom.ffmpeg.containers import INPUT_OPTIONS
from cutroom.ffmpeg.placed_sound import placed
from cutroom.media.audio_plan import AudioPlan


def draw(
    audio: AudioPlan,
    *,
    source: Path,
    image: Path,
    peaks: Path,
    samples_per_peak: int,
    size_px: tuple[int, int],
) -> list[str]:
    """Draw a track's waveform, and write the lowest and highest sample of each stretch of it.

    Args:
        audio: The plan of the track.
        source: The source file.
        image: A PNG on a transparent ground.
        peaks: Lines of frame metadata; `waveform.read_peaks` reads them.
        samples_per_peak: Length of a stretch, in samples of the source.
        size_px: Width and height of the image.
    """
    # Of floats the sum is else made without regard to full scale: 3 dB too high for stereo, 9 dB for 5.1.
    mono = placed(audio, source).filter("aresample", osf="flt", ochl="mono", rematrix_maxval=1)
    split = mono.filter_multi_output("asplit", 2)
    # Of fewer samples than columns nothing is drawn.
    drawn = (
        split[0]
        .filter("apad", whole_len=size_px[0])
        .filter("showwavespic", s=f"{size_px[0]}x{size_px[1]}", colors="0x4f8cff", scale="sqrt")
    )
    listed = (
        split[1]
        .filter("asetnsamples", n=samples_per_peak, p=0)
        .filter(
            "astats",
            metadata=1,
            reset=1,
            measure_perchannel="none",
            measure_overall="Min_level+Max_level",
        )
        .filter("ametadata", mode="print", file=str(peaks))
    )
    png = {"frames:v": 1, "update": 1, "f": "image2", "c:v": "png", "bitexact": None}
    return compiled([ffmpeg.output(drawn, str(image), **png), ffmpeg.output(listed, "-", f="null")])


def extract_cover(*, source: Path, track: int, covers: Sequence[tuple[int, Path]]) -> list[str]:
    """An attached picture as JPEG in several sizes: within a square of so many pixels, never enlarged."""
    # A decoder left to itself makes up what is missing of a picture.
    picture = ffmpeg.input(f"file:{source}", **INPUT_OPTIONS, **{"err_detect:v": "explode"})[str(track)]
    split = picture.filter_multi_output("split", len(covers))
    jpeg = {"frames:v": 1, "q:v": 3, "pix_fmt": "yuvj420p", "update": 1, "f": "image2", "bitexact": None}
    return compiled(
        [
            ffmpeg.output(
                split[place].filter(
                    "scale", f"min({side},iw)", f"min({side},ih)", force_original_aspect_ratio="decrease"
                ),
                str(path),
                **jpeg,
            )
            for place, (side, path) in enumerate(covers)
        ]
    )
