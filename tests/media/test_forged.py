"""Versions that were changed after they were published, with all digests made anew: `verify` reads and tells."""

import hashlib
import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counted import make_counted
from cutroom.ffmpeg import tools
from cutroom.packaging.boxes import boxes
from cutroom.settings import Settings
from cutroom.steps.local import check_folder, transcode

pytestmark = pytest.mark.media

FILES = """
name: files
description: Every container with segments of its own
segment_s: 1
containers: [cmaf, ts, webm]
video:
  - {codec: h264, preset: veryfast, rungs: [{box: 160x90, max_bitrate: 1M}]}
  - {codec: vp9, preset: "8", rungs: [{box: 160x90, max_bitrate: 1M}]}
audio:
  - {codec: aac, bitrates: [96k]}
  - {codec: opus, bitrates: [96k]}
"""

SINGLE = """
name: single
description: One file for each track
segment_s: 1
segments: single_file
video:
  - {codec: hevc, preset: ultrafast, rungs: [{box: 160x90, max_bitrate: 1M}]}
audio:
  - {codec: aac, bitrates: [96k]}
"""

LATER_S = 0.1

Rendition = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, twice: `files` and `single`."""
    folder = tmp_path_factory.mktemp("published")
    source = folder / "source.mp4"
    make_counted(source, seconds=2, size=(160, 90), audio=("-c:a", "aac"))
    for name, profile in (("files", FILES), ("single", SINGLE)):
        (folder / f"{name}.yaml").write_text(profile)
        transcode(source, folder / name, profile=str(folder / f"{name}.yaml"), settings=Settings(home=folder))
    return folder


def forged(out: Path, fault: Callable[[Path, dict[str, Any]], object], **chosen: str) -> list[str]:
    """What `verify` tells of a version once a fault is in its renditions, or those of a container or a kind."""
    for facts in sorted(out.glob("renditions/*/rendition.json")):
        known = json.loads(facts.read_text())
        if any(known[name] != value for name, value in chosen.items()):
            continue
        fault(facts.parent, known)
        known["files"] = {name: digest(facts.parent / name) for name in known["files"]}
        facts.write_text(json.dumps(known))
    report = json.loads((out / "report.json").read_text())
    report["files"] = {name: digest(out / name) for name in report["files"]}
    (out / "report.json").write_text(json.dumps(report))
    return [one["found"] for one in check_folder(out, Settings(home=out))["checks"] if not one["ok"]]


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def patched(path: Path, edit: Callable[[bytearray], object]) -> None:
    data = bytearray(path.read_bytes())
    edit(data)
    path.write_bytes(data)


def shift_decode_times(data: bytearray) -> None:
    for box in boxes(data):
        if box.kind == b"tfdt":
            form = ">Q" if data[box.start] else ">I"
            (at,) = struct.unpack_from(form, data, box.start + 4)
            struct.pack_into(form, data, box.start + 4, at + 9000)


def shift_clusters(data: bytearray) -> None:
    at = data.index(b"\x1f\x43\xb6\x75")
    at = data.index(b"\xe7", at + 4)
    length = data[at + 1] & 0x7F
    later = int.from_bytes(data[at + 2 : at + 2 + length], "big") + round(1000 * LATER_S)
    data[at + 2 : at + 2 + length] = later.to_bytes(length, "big")


def shift_transport(path: Path) -> None:
    shifted = path.with_suffix(".shifted")
    command = [tools.path("ffmpeg"), "-v", "error", "-copyts", "-i", path, "-c", "copy", "-muxdelay", "0"]
    command += ["-output_ts_offset", str(LATER_S), "-f", "mpegts", shifted]
    subprocess.run(command, check=True)
    shifted.replace(path)


def shift(folder: Path, known: dict[str, Any]) -> None:
    """All segments are shown later by as much, the first one, too."""
    for name in known["files"]:
        if name.endswith(".ts"):
            shift_transport(folder / name)
        elif name.endswith(".webm") and not name.startswith("init"):
            patched(folder / name, shift_clusters)
        elif not name.startswith("init"):
            patched(folder / name, shift_decode_times)


@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("container", ["cmaf", "ts", "webm", "single"])
def test_segments_that_are_all_shown_later_are_told(
    published: Path, tmp_path: Path, container: str, kind: str
) -> None:
    of, out = ("single", "cmaf") if container == "single" else ("files", container), tmp_path / "out"
    shutil.copytree(published / of[0], out)
    assert forged(out, lambda *_: None) == []
    (told,) = forged(out, shift, container=of[1], kind=kind)
    assert "begins at" in told


def other_colours(head: bytearray) -> None:
    at = head.index(b"nclx") + 4
    struct.pack_into(">3H", head, at, 9, 16, 9)


def full_range(head: bytearray) -> None:
    head[head.index(b"nclx") + 10] ^= 0x80


def other_level(head: bytearray) -> None:
    head[head.index(b"hvcC") + 4 + 12] += 3


def other_profile(head: bytearray) -> None:
    head[head.index(b"hvcC") + 4 + 1] ^= 3


def index_at(head: bytearray) -> int:
    """Where the entries of the index begin: it states 64 bits."""
    at = head.index(b"sidx") + 4
    return at + (32 if head[at] else 24)


def other_offset(head: bytearray) -> None:
    """Segments still lie one after the other, up to the same end."""
    at = index_at(head)
    for place, more in ((at, 8), (at + 12, -8)):
        (size,) = struct.unpack_from(">I", head, place)
        struct.pack_into(">I", head, place, size + more)


def other_duration(head: bytearray) -> None:
    at = index_at(head) + 4
    (lasts,) = struct.unpack_from(">I", head, at)
    struct.pack_into(">I", head, at, lasts + 40)


def other_beginning(head: bytearray) -> None:
    at = head.index(b"sidx") + 4 + 12
    struct.pack_into(">I", head, at + (4 if head[head.index(b"sidx") + 4] else 0), 9000)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (other_colours, "states colours (9, 16, 9), is SDR"),
        (full_range, "states colours (1, 1, 1) of full range"),
        (other_level, "states HEVC"),
        (other_profile, "states HEVC"),
        (other_offset, "wrong: hevc"),
        (other_duration, "wrong: hevc"),
        (other_beginning, "wrong: hevc"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_a_file_states_of_itself_in_front_is_held_against_the_rest(
    published: Path, tmp_path: Path, fault: Callable[[bytearray], None], told: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(published / "single", out)
    found = forged(out, lambda folder, _: patched(folder / "media.mp4", fault), kind="video")
    assert any(told in one for one in found), found


def lower_level(head: bytearray) -> None:
    head[head.index(b"vpcC") + 4 + 5] = 0


def unstated_colours(head: bytearray) -> None:
    head[head.index(b"vpcC") + 4 + 7] = 2


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lower_level, "states level 0.0 of VP9, needs 1.0"),
        (unstated_colours, "states colours (2, 1, 1) of VP9"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_a_container_states_of_vp9_is_held_against_size_and_rate(
    published: Path, tmp_path: Path, fault: Callable[[bytearray], None], told: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(published / "files", out)
    made = out / "renditions"
    (vp9,) = (one.parent for one in made.glob("*/init.mp4") if b"vpcC" in one.read_bytes())
    key = json.loads((vp9 / "rendition.json").read_text())["key"]
    found = forged(out, lambda folder, _: patched(folder / "init.mp4", fault), key=key)
    assert any(told in one for one in found), found
