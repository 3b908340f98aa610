import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cutroom.cli.asset_view import asset_panel, assets_table, duration, plain, size
from cutroom.stores.records import AssetRecord, SourceRecord

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


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


def record(title: str, facts: dict[str, object]) -> AssetRecord:
    return AssetRecord(
        asset_id="as_q3cufjoyrvfacisllypt",
        title=title,
        owner="admin",
        tags=(),
        status="published",
        reason="",
        revision=1,
        created_at=NOW,
        updated_at=NOW,
        source=SourceRecord(
            file_id="fi_1",
            file_version_id="fv_1",
            bucket="uploads",
            key="incoming/a.mp4",
            version="1",
            size_bytes=1,
            uploaded_at=NOW,
            sha256=None,
            facts=facts,
        ),
        version=None,
        history=(),
        runs=(),
    )


@pytest.mark.parametrize(("width", "has_profile"), [(80, False), (200, True)])
def test_a_title_can_be_read_however_narrow_the_terminal(width: int, has_profile: bool) -> None:
    title = "A film with a long title"
    shown = io.StringIO()
    assets = [record(title, {"duration_s": "60"})]
    Console(width=width, file=shown).print(assets_table(assets, width=width))
    heading, line = shown.getvalue().splitlines()
    assert title in line
    assert len(line) <= width
    assert ("profile" in heading) == has_profile


def test_an_asset_says_what_of_its_source_is_left_out_missing_and_assumed() -> None:
    said = {
        "not_carried": ["track 3: data"],
        "damage": ["60 of 100 frames are there"],
        "notes": ["The clock jumps.", "It is film."],
    }
    shown = io.StringIO()
    Console(width=100, file=shown).print(asset_panel(record("A film", said), media_base_url="http://m"))
    lines = [line.strip("│ \n").split("  ") for line in shown.getvalue().splitlines()]
    told = {line[0]: line[-1].strip() for line in lines}
    assert told["left out"] == "track 3: data"
    assert told["damage"] == "60 of 100 frames are there"
    assert told["notes"] == "The clock jumps."
    assert "It is film." in shown.getvalue()
