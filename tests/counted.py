"""Sources that a machine can check: frame n shows n in black and white, a flash and a beep each second."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cutroom.ffmpeg import tools

BITS = 16
SAMPLE_RATE = 48_000


def counted_frames(count: int, width: int, height: int, rate: Fraction) -> "npt.NDArray[np.uint8]":
    """Grey frames: n as 16 blocks along the top, moving texture below, a flash at the first frame of each second."""
    frames = np.empty((count, height, width), np.uint8)
    block = width // BITS
    rows, columns = np.mgrid[0:height, 0:width]
    for n in range(count):
        frames[n] = (columns * 2 + rows * 3 + n * 5) % 120 + 60
        for bit in range(BITS):
            frames[n, : height // 4, bit * block : (bit + 1) * block] = 235 if n >> bit & 1 else 16
        is_first_of_second = n == 0 or int(n / rate) != int((n - 1) / rate)
        frames[n, height // 2 :, :] = 235 if is_first_of_second else frames[n, height // 2 :, :]
    return frames


def read_counters(media: Path, *, track: str = "0:v:0") -> list[int]:
    """The numbers that the decoded frames show, in order of presentation."""
    size = (BITS * 8, 32)
    argv = [tools.path("ffmpeg"), "-v", "error", "-i", str(media), "-map", track]
    argv += [
        "-fps_mode",
        "passthrough",
        "-vf",
        f"scale={size[0]}:{size[1]}:flags=area,format=gray",
        "-f",
        "rawvideo",
        "-",
    ]
    raw = subprocess.run(argv, capture_output=True, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0])
    return [
        int(sum((frame[2:6, bit * 8 + 2 : bit * 8 + 6].mean() > 128) << bit for bit in range(BITS)))
        for frame in frames
    ]


def beeps(seconds: float) -> "npt.NDArray[np.float32]":
    """A 40 ms beep at each whole second over quiet noise, mono.

    No stretch of the noise is like another, and it is low enough for every encoder to keep its waveform.
    """
    total = int(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(7).normal(0, 0.02, total + 15)
    sound = np.convolve(noise, np.full(16, 0.25), "valid").astype(np.float32)
    beep = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(int(0.04 * SAMPLE_RATE)) / SAMPLE_RATE).astype(
        np.float32
    )
    for second in range(int(np.ceil(seconds))):
        at = second * SAMPLE_RATE
        sound[at : at + len(beep)] += beep[: max(0, total - at)]
    return sound


def make_counted(
    path: Path,
    *,
    seconds: float = 8,
    rate: Fraction = Fraction(25),
    size: tuple[int, int] = (320, 180),
    video: tuple[str, ...] = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-g", "50", "-bf", "3"),
    audio: tuple[str, ...] | None = ("-c:a", "pcm_s16le"),
    extra: tuple[str, ...] = (),
) -> int:
    """Write a source and give its number of frames; `audio` None leaves the sound out."""
    count = round(seconds * rate)
    frames = counted_frames(count, *size, rate)
    argv = [tools.path("ffmpeg"), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray"]
    argv += ["-s", f"{size[0]}x{size[1]}", "-r", str(rate), "-i", "-"]
    if audio is not None:
        sound = path.with_suffix(".f32")
        sound.write_bytes(beeps(seconds).tobytes())
        argv += ["-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", str(sound)]
    argv += [*video, "-pix_fmt", "yuv420p", *(audio or ()), *extra, str(path)]
    subprocess.run(argv, input=frames.tobytes(), check=True, capture_output=True)
    return count


def decode_sound(media: Path, *, track: str = "0:a:0") -> "npt.NDArray[np.float32]":
    """Decoded samples of the first channel, at 48 kHz, edit lists applied."""
    argv = [tools.path("ffmpeg"), "-v", "error", "-i", str(media), "-map", track]
    argv += ["-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(argv, capture_output=True, check=True).stdout, np.float32)


def lag_samples(reference: "npt.NDArray[np.float32]", other: "npt.NDArray[np.float32]") -> int:
    """By how many samples `other` is late, by cross-correlation."""
    length = 1 << (len(reference) + len(other)).bit_length()
    spectrum = np.fft.rfft(other, length) * np.conj(np.fft.rfft(reference, length))
    lag = int(np.argmax(np.fft.irfft(spectrum, length)))
    return lag if lag < length // 2 else lag - length
