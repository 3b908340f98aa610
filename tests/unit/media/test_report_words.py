"""A report in plain words: the least good of everything is told, and an older report says less."""

from typing import Any

from cutroom.media.report_words import words_of


def join(at_s: float, dip_db: float) -> dict[str, Any]:
    return {
        "at_s": at_s, "psnr_before_db": 40.0, "mean_before_db": 40.0, "psnr_after_db": 41.0 - dip_db,
        "mean_after_db": 41.0, "ok": True,
    }  # fmt: skip


def rung(peak_bps: int, *joins: dict[str, Any]) -> dict[str, Any]:
    window = {"seconds": 9.0, "peak_bps": peak_bps, "lowest_buffer_bits": 1}
    return {"window": window, "max_bps": 1_000_000, "joins": list(joins)}


HEARD = {"lag_ms": 0.0, "spread_ms": -0.02, "least": 0.93, "silenced": 0}
REPORT = {
    "checks": [
        {"name": "h264-720p shows the source's frames, each at its time", "ok": True, "found": "375 of 375 frames"},
        {"name": "another", "ok": False, "found": ""},
    ],
    "renditions": {
        "h264-720p": rung(800_000, join(6, 0.4), join(12, -1)),
        "h264-360p": rung(950_000, join(6, 0.2), join(12, 1.3)),
    },
    "sound": {"aac-128k-1": HEARD, "aac-64k-1": HEARD | {"least": 0.81}, "aac-64k-2": None},
}  # fmt: skip


def test_the_least_good_of_everything_is_told() -> None:
    assert words_of(REPORT) == [
        ("checks", "1 of 2 hold"),
        ("frames", "375 of 375 frames"),
        ("bit rate", "at most 95% of what the profile allows, over any 9 s (h264-360p: 950 of 1,000 kb/s)"),
        ("joins", "2; the least good is 1.3 dB below the mean of its chunk (h264-360p at 12.0 s)"),
        (
            "sound",
            "at most 0.02 ms from its place, correlation with the source at least 0.81, nothing silenced",
        ),
    ]


def test_a_film_of_one_chunk_has_no_joins() -> None:
    words = dict(words_of({"renditions": {"h264-720p": rung(1)}}))
    assert words["joins"] == "none: each rung was encoded in one piece"


def test_a_report_of_an_older_release_says_less() -> None:
    assert words_of({}) == []
    assert words_of({"frames": {"decoded": 600}}) == []
    assert words_of({"renditions": {"h264-720p": {"codec": "avc1"}}}) == [
        ("joins", "none: each rung was encoded in one piece")
    ]
