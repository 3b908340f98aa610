"""A sample to try Cutroom with: a landscape passing by, a counter in the picture, a beep and a flash each second.

Frame n shows the timecode and the number n, so that joins can be checked by eye and by machine; the beep starts
with the frame that flashes, so that picture and sound can be compared. Nothing but ffmpeg is needed: the digits are
drawn here, as a machine may have no font.
"""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from cutroom.errors import EncoderRefused
from cutroom.ffmpeg import tools

FRAMES_PER_SECOND = 25
WIDTH, HEIGHT = 1280, 720
BEEP_HZ = 1000
BEEP_MS = 40
"""As long as one frame at 25 frames a second: the flash and the beep begin and end together."""

_GLYPHS = {
    "0": "0e 11 13 15 19 11 0e", "1": "04 0c 04 04 04 04 0e", "2": "0e 11 01 02 04 08 1f",
    "3": "1f 02 04 02 01 11 0e", "4": "02 06 0a 12 1f 02 02", "5": "1f 10 1e 01 01 11 0e",
    "6": "06 08 10 1e 11 11 0e", "7": "1f 01 02 04 08 08 08", "8": "0e 11 11 0e 11 11 0e",
    "9": "0e 11 11 0f 01 02 0c", ":": "00 04 04 00 04 04 00", "#": "0a 0a 1f 0a 1f 0a 0a",
    " ": "00 00 00 00 00 00 00",
}  # fmt: skip
"""Seven rows of five dots for each character, a row as the bits of a number."""
_CELL = 6
_ROWS = 9
_TEXT_LENGTH = len("00:00:00:00 #000000")
LABEL_WIDTH, LABEL_HEIGHT = _TEXT_LENGTH * _CELL + 2, _ROWS
_LABEL_SCALE = 6


def counter_text(frame: int) -> str:
    """What frame `frame` shows: hours, minutes, seconds, frames, and its number from 0."""
    seconds, rest = divmod(frame, FRAMES_PER_SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}:{rest:02} #{frame:06}"


def counter_picture(frame: int) -> bytes:
    """The counter of a frame as grey bytes, one per dot."""
    text = counter_text(frame)
    rows = [bytes(LABEL_WIDTH)]
    for row in range(7):
        dots = bytearray(2)
        for character in text:
            bits = int(_GLYPHS[character].split()[row], 16)
            dots += bytes(235 if bits >> (4 - column) & 1 else 0 for column in range(5)) + b"\0"
        rows.append(bytes(dots))
    rows.append(bytes(LABEL_WIDTH))
    return b"".join(rows)


def make_sample(path: Path, seconds: int = 60) -> None:
    """Write the sample: H.264 and AAC in MP4, 1280×720 at 25 frames a second.

    It appears whole or not at all; there is nothing random in it.

    Raises:
        EncoderRefused: ffmpeg could not make it; the message ends with what it said.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new.mp4")
    with subprocess.Popen(
        plan_arguments(temporary, seconds),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        feeder = threading.Thread(target=_feed, args=(process, seconds * FRAMES_PER_SECOND), daemon=True)
        feeder.start()
        said = process.stderr.read() if process.stderr else b""
        feeder.join()
    if process.returncode:
        temporary.unlink(missing_ok=True)
        raise EncoderRefused(f"The sample can't be made: {said.decode(errors='replace').strip()[-600:]}")
    temporary.replace(path)


def plan_arguments(path: Path, seconds: int) -> list[str]:
    """The command that makes the sample from the counters on its standard input."""
    return [
        *(tools.path("ffmpeg"), "-nostdin", "-v", "error", "-y"),
        *("-f", "rawvideo", "-pixel_format", "gray", "-video_size", f"{LABEL_WIDTH}x{LABEL_HEIGHT}"),
        *("-framerate", str(FRAMES_PER_SECOND), "-i", "pipe:0"),
        *("-filter_complex", ";".join([*_picture(), *_sound()]), "-map", "[picture]", "-map", "[sound]"),
        *("-t", str(seconds), "-c:v", "libx264", "-preset", "superfast", "-crf", "20", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "192k", "-ar", "48000", "-ac", "2", "-movflags", "+faststart"),
        *("-fflags", "+bitexact", "-f", "mp4", str(path)),
    ]


def _picture() -> Iterator[str]:
    rate = FRAMES_PER_SECOND
    yield (
        f"gradients=size=320x180:rate={rate}:c0=0x27548a:c1=0xf6d6a8:n=2:x0=160:y0=0:x1=160:y1=150:speed=0.00001,"
        f"scale={WIDTH}:{HEIGHT},format=yuv420p[sky]"
    )
    yield (
        f"perlin=size=320x180:rate={rate}:octaves=5:persistence=0.55:xscale=3:yscale=7:tscale=0.35:random_seed=7:"
        f"random_mode=seed,scale={WIDTH}:{HEIGHT}:flags=bicubic,format=gray,"
        "lut=y='clip((val-118)*4,0,210)'[mist]"
    )
    yield f"color=0xfff6e8:size={WIDTH}x{HEIGHT}:rate={rate},format=yuv420p[white]"
    yield "[white][mist]alphamerge[clouds]"
    yield "[sky][clouds]overlay=shortest=1[air]"
    # Three ranges of hills, the nearer the faster and the rougher.
    yield _hills(
        "far", base=360, waves=((90, 260), (30, 83), (8, 29)), colour=(96, 128, 150), grain=6, speed=12
    )
    yield _hills(
        "middle", base=450, waves=((70, 190), (24, 61), (9, 17)), colour=(62, 104, 84), grain=10, speed=34
    )
    yield _hills(
        "near", base=570, waves=((46, 150), (18, 47), (10, 11)), colour=(58, 82, 36), grain=24, speed=96
    )
    yield "[air][far]overlay=shortest=1[a]"
    yield "[a][middle]overlay=shortest=1[b]"
    yield "[b][near]overlay=shortest=1[c]"
    yield (
        f"[0:v]scale=iw*{_LABEL_SCALE}:ih*{_LABEL_SCALE}:flags=neighbor,format=yuv420p,"
        "lutyuv=u=128:v=128[label]"
    )
    # The flash is the first frame of each second.
    flash = f"drawbox=x=iw-120:y=40:w=80:h=80:color=white:t=fill:enable='not(mod(n,{rate}))'"
    yield f"[c][label]overlay=x=40:y=40:shortest=1,{flash},noise=alls=3:allf=t:all_seed=11[picture]"


def _hills(
    name: str,
    *,
    base: int,
    waves: tuple[tuple[int, int], ...],
    colour: tuple[int, int, int],
    grain: int,
    speed: int,
) -> str:
    """One range of hills: drawn once, wider than the picture, then moved past it and back."""
    # At half the size, as drawing by expression is slow.
    skyline = "+".join(f"{height}*sin(2*X/{length}+{height})" for height, length in waves)
    alpha = f"255*clip((2*Y-{base}-({skyline}))/3,0,1)"
    shade = f"(1-0.45*clip((2*Y-{base}-({skyline}))/260,0,1))"
    red, green, blue = colour
    width = WIDTH * 3
    position = f"{WIDTH}-{WIDTH}*cos(t*{speed}/{WIDTH})"
    return (
        f"color=black:size={width // 2}x{HEIGHT // 2}:rate={FRAMES_PER_SECOND},trim=end_frame=1,format=gbrap,"
        f"geq=r='{red}*{shade}':g='{green}*{shade}':b='{blue}*{shade}':a='{alpha}',scale={width}:{HEIGHT}:flags=bicubic,"
        f"noise=c0s={grain}:c1s={grain}:c2s={grain}:all_seed={speed},gblur=sigma=0.9:planes=7,"
        f"format=yuva420p,loop=loop=-1:size=1,setpts=N/{FRAMES_PER_SECOND}/TB,"
        f"crop={WIDTH}:{HEIGHT}:x='{position}':y=0[{name}]"
    )


def _sound() -> Iterator[str]:
    # A slow chord under the beeps: a decoder that loses samples is heard in it.
    chord = "+".join(
        f"0.06*sin(2*PI*{hz}*t)*(1+0.5*sin(2*PI*t/{period}))" for hz, period in ((220, 7), (277, 5), (330, 3))
    )
    beep = f"0.6*sin(2*PI*{BEEP_HZ}*t)*lt(mod(t,1),{BEEP_MS / 1000})"
    yield f"aevalsrc='{chord}+{beep}|{chord}+{beep}':sample_rate=48000[sound]"


def _feed(process: "subprocess.Popen[bytes]", frames: int) -> None:
    if process.stdin is None:
        return
    try:
        with process.stdin as pipe:
            for frame in range(frames):
                pipe.write(counter_picture(frame))
    except BrokenPipeError:
        return  # ffmpeg has ended; its exit code says why
