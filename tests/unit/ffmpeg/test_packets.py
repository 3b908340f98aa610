"""The packets of a track as the cutter prints them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cutroom.ffmpeg import packets
from cutroom.media.limits import Limits
from cutroom.media.timeline import Packet


def test_a_packet_that_an_edit_list_hides_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_argv: object, *, on_line: Any, **_: object) -> None:
        for line in ("", "asks turned", "0 KD", "1 ", "2 K", "3 U", ""):
            on_line(line)

    monkeypatch.setattr(packets.runner, "run", run)
    index = packets.read_packets(tmp_path / "f", 0, log=tmp_path / "log", limits=Limits())
    assert index.packets == [
        Packet(0, True, False),
        Packet(1, False),
        Packet(2, True),
        Packet(3, False, False),
    ]
    assert index.undecodable == 1
    assert not index.retimed
    assert [note.split(" say ")[0] for note in index.notes][1:] == ["The pictures themselves"]


def test_the_cutter_starts_without_what_it_does_not_need() -> None:
    """Each run starts it some times; the models of ffprobe's answer alone would double what a start takes."""
    told = subprocess.run(
        [sys.executable, "-c", "import sys, cutroom.ffmpeg.cutter; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"pydantic", "boto3", "sqlalchemy", "numpy"}.isdisjoint(told.stdout.split())
