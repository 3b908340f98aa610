import pytest

from cutroom.cli.asset_view import duration, plain, size


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        ("0", "0:00:00.000"),
        ("59.9995", "0:01:00.000"),
        ("60.06", "0:01:00.060"),
        ("1001/30", "0:00:33.367"),
        ("360000", "100:00:00.000"),
        (None, "–"),
        ("unknown", "unknown"),
        ("1/0", "1/0"),
    ],
)
def test_durations_are_exact_to_the_millisecond(seconds: str | None, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 2**30, "5.0 GiB"), (3 * 2**50, "3072.0 TiB")],
)
def test_sizes_have_a_unit_that_fits(size_bytes: int, shown: str) -> None:
    assert size(size_bytes) == shown


def test_text_from_outside_can_not_steer_the_terminal() -> None:
    shown = plain("[red]x\x1b]0;title\x07\u202e")
    assert shown.plain == "[red]x\ufffd]0;title\ufffd\ufffd"
    assert not shown.spans
