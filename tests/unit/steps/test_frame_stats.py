"""How far the encoders of a chunk are is read while ffmpeg writes it."""

from pathlib import Path

import pytest

from cutroom.steps.frame_stats import END_BYTES, frame_ticks, last_tick


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("", None),
        ("0 6", None),
        ("0 600 1/100", None),
        ("0 600 1/100\n", 6000),
        ("0 600 1/100\n1 604 1/1", 6000),
        ("0 600 1/100\n1 604 1/100\n", 6040),
        ("".join(f"{n} {600 + 4 * n} 1/100\n" for n in range(END_BYTES)), 6000 + 40 * (END_BYTES - 1)),
    ],
    ids=["nothing", "half a line", "no newline yet", "one", "and a half", "two", "more than is read"],
)
def test_the_last_frame_is_that_of_the_last_whole_line(
    tmp_path: Path, written: str, wanted: int | None
) -> None:
    stats = tmp_path / "stats.txt"
    stats.write_text(written)
    assert last_tick(stats, 1000) == wanted
    if written.endswith("\n"):
        assert frame_ticks(stats, 1000)[-1] == wanted


def test_there_is_no_last_frame_before_there_is_a_file(tmp_path: Path) -> None:
    assert last_tick(tmp_path / "stats.txt", 1000) is None
