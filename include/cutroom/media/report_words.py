"""What a join report says, in a few plain lines. Pure."""

from collections.abc import Mapping
from typing import Any

from cutroom.media.joins import BAND_DB, SETTLED_DB


def words_of(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was proved of a version: pairs of what it is about and what was found.

    Args:
        report: As `Report.to_json` gives it; one of an older release lacks figures, and gets fewer lines.
    """
    checks = report.get("checks") or []
    held = sum(1 for check in checks if check["ok"])
    rungs: Mapping[str, Any] = report.get("renditions") or {}
    lines = [("checks", f"{held} of {len(checks)} hold")] if checks else []
    lines += [
        ("frames", str(check["found"])) for check in checks if "shows the source's frames" in check["name"]
    ][:1]
    return [*lines, *_rates(rungs), *_joins(rungs), *_sound(report.get("sound") or {})]


def _rates(rungs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The rung that comes closest to what it may have."""
    shares = [
        (rung["window"]["peak_bps"] / rung["max_bps"], name, rung)
        for name, rung in rungs.items()
        if rung.get("window") and rung.get("max_bps")
    ]
    if not shares:
        return []
    share, name, rung = max(shares, key=lambda each: each[0])
    window = rung["window"]
    rates = f"{window['peak_bps'] / 1000:,.0f} of {rung['max_bps'] / 1000:,.0f} kb/s"
    over = f"over any {window['seconds']:g} s ({name}: {rates})"
    return [("bit rate", f"at most {share:.0%} of what the profile allows, {over}")]


def _joins(rungs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The join that is furthest below its chunks."""
    dips = [
        (
            # What can't be seen does not count.
            max(
                min(SETTLED_DB, join["mean_before_db"]) - join["psnr_before_db"],
                min(SETTLED_DB, join["mean_after_db"]) - join["psnr_after_db"],
            ),
            join["at_s"],
            name,
            bool(join.get("ok")),
        )
        for name, rung in rungs.items()
        for join in rung.get("joins", ())
    ]
    if not dips:
        return [("joins", "none: each rung was encoded in one piece")] if rungs else []
    dip, at, name, ok = max(dips)
    count = max(len(rung.get("joins", ())) for rung in rungs.values())
    found = f"{max(0.0, dip):.1f} dB below the mean of its chunk ({name} at {at:.1f} s)"
    if dip > BAND_DB:
        found += ", as other moments of it are" if ok else ", as where another scene begins just before it"
    return [("joins", f"{count}; the least good is {found}")]


def _sound(tracks: Mapping[str, Any]) -> list[tuple[str, str]]:
    heard = [one for one in tracks.values() if one]
    if not heard:
        return []
    off = max(abs(one["lag_ms"]) + abs(one["spread_ms"]) for one in heard)
    least = min(one["least"] for one in heard)
    silences = "with silences" if any(one["silenced"] for one in heard) else "nothing silenced"
    alike = f"correlation with the source at least {least:.2f}"
    return [("sound", f"at most {off:.2f} ms from its place, {alike}, {silences}")]
