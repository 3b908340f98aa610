"""Chapters of Matroska in an order of their own are told."""

from pathlib import Path

import pytest

from cutroom.ffmpeg import ordered_chapters


def element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + b"\x08" + len(content).to_bytes(4) + content


@pytest.mark.parametrize("is_ordered", [True, False])
def test_chapters_in_an_order_of_their_own_are_told(is_ordered: bool, tmp_path: Path) -> None:
    editions = element("45b9", element("45dd", b"\0")) + element("45b9", element("45dd", bytes([is_ordered])))
    segment = element("1654ae6b", b"") + element("1043a770", editions)
    path = tmp_path / "f.mkv"
    path.write_bytes(bytes.fromhex("1a45dfa3 80") + element("18538067", segment))
    assert bool(ordered_chapters.notes(path)) == is_ordered
    assert ordered_chapters.notes(Path(__file__)) == ()
