"""A file that comes in blocks: uploaded by the command line, published by Airflow, and known the second time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from counted import make_counted
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.e2e

CUTROOM = Path(sys.executable).with_name("cutroom")


def cutroom(*arguments: str | Path) -> dict[str, object]:
    """What the command line tells of the one file, run by whoever runs the stack."""
    done = subprocess.run(
        [CUTROOM, *arguments], env=os.environ, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_file_in_blocks_is_published_and_sends_nothing_the_second_time(
    airflow_stack: Settings, tmp_path: Path, catalog: Catalog
) -> None:
    film = tmp_path / "Ein Film ünïcødé.mp4"
    make_counted(film, seconds=2, size=(320, 180), audio=("-c:a", "aac"))
    subtitles = film.with_suffix(".de.srt")
    subtitles.write_text("1\n00:00:00,500 --> 00:00:01,500\nGuten Tag.\n")
    assert cutroom("upload", subtitles, "--wait", "--json", "--folder", "Filme/2026")["status"] == "kept"
    first = cutroom(
        "upload", film, "--wait", "--json", "--folder", "Filme/2026", "--title", "A film", "--tag", "e2e"
    )
    assert first["status"] == "published", first["reason"]
    assert first["bytes_sent"] == first["bytes_total"] == film.stat().st_size
    playback = first["playback"]
    assert isinstance(playback, dict)
    assert httpx.get(playback["hls"], timeout=300).status_code == 200
    record = catalog.asset(str(first["asset_id"]))
    assert (record.title, record.tags, record.status) == ("A film", ("e2e",), "published")
    assert record.version is not None
    assert [one.language for one in record.version.renditions if one.kind == "text"] == ["de"]
    again = cutroom("upload", film, "--wait", "--json", "--folder", "filme/2026")
    assert (again["bytes_sent"], again["blocks_sent"]) == (0, 0)
    assert {key: again[key] for key in ("file_id", "version_id", "asset_id", "status", "playback")} == {
        key: first[key] for key in ("file_id", "version_id", "asset_id", "status", "playback")
    }
    assert len(catalog.asset(str(first["asset_id"])).runs) == 1
    out = tmp_path / "back.mp4"
    cutroom("download", str(first["file_id"]), out, "--json")
    assert out.read_bytes() == film.read_bytes()


def test_what_is_not_media_is_rejected_with_its_exit_code(airflow_stack: Settings, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(b"Not a film.\n" * 20)
    done = subprocess.run(
        [CUTROOM, "upload", path, "--wait", "--json"], env=os.environ, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["status"] == "rejected"
    assert "plain text" in told["reason"]
    assert "plain text" in done.stderr
