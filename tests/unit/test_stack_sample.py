"""The sample's counter, and the sample itself."""

import subprocess
from pathlib import Path

import pytest

from cutroom.ffmpeg import tools
from cutroom.stack.sample import (
    BEEP_HZ,
    FRAMES_PER_SECOND,
    LABEL_HEIGHT,
    LABEL_WIDTH,
    counter_picture,
    counter_text,
    make_sample,
)


def test_the_counter_tells_time_and_number() -> None:
    assert counter_text(0) == "00:00:00:00 #000000"
    assert counter_text(25 * 3661 + 7) == "01:01:01:07 #091532"


def test_each_frame_has_a_picture_of_its_own() -> None:
    pictures = {counter_picture(frame) for frame in range(1500)}
    assert len(pictures) == 1500
    assert {len(picture) for picture in pictures} == {LABEL_WIDTH * LABEL_HEIGHT}


@pytest.mark.media
def test_flash_and_beep_come_together_at_each_second(tmp_path: Path) -> None:
    sample = tmp_path / "sample.mp4"
    make_sample(sample, seconds=3)
    # The square that flashes, as one grey dot per frame.
    dots = decoded(
        sample, "-vf", "crop=60:60:1170:50,scale=1:1:flags=area", "-pix_fmt", "gray", "-f", "rawvideo"
    )
    assert len(dots) == 3 * FRAMES_PER_SECOND
    assert [number for number, dot in enumerate(dots) if dot > 220] == [0, 25, 50]
    sound = memoryview(
        decoded(sample, "-af", f"bandpass=f={BEEP_HZ}:w=100", "-ac", "1", "-ar", "48000", "-f", "s16le")
    ).cast("h")
    loud = [n for n in range(0, len(sound), 480) if max(map(abs, sound[n : n + 480])) > 4000]
    begins = [n / 48000 for before, n in zip([-48000, *loud], loud, strict=False) if n - before > 4800]
    assert begins == pytest.approx([0, 1, 2], abs=0.011)
    assert not list(tmp_path.glob(".*"))


def decoded(path: Path, *arguments: str) -> bytes:
    command = [tools.path("ffmpeg"), "-v", "error", "-i", str(path), *arguments, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout
