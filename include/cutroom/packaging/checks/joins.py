"""Whether a join between encode chunks can be found: by bit rate, by the decoder's buffer, by quality."""

from fractions import Fraction
from typing import Any

from cutroom.media.codecs import VIDEO
from cutroom.media.joins import BAND_DB
from cutroom.media.plan import Plan
from cutroom.media.rates import TOLERANCE
from cutroom.media.video_plan import VideoRung
from cutroom.packaging.checks.report import Check
from cutroom.packaging.facts import RenditionFacts


def checks(plan: Plan, one: RenditionFacts) -> list[Check]:
    """The checks of one video rendition."""
    assert plan.video is not None
    rung = next(rung for rung in plan.video.rungs if rung.name == one.rung)
    return [_bit_rate(one, rung), *([_buffer(one)] if VIDEO[rung.codec].holds_rate else []), _quality(one)]


def _bit_rate(one: RenditionFacts, rung: VideoRung) -> Check:
    most = rung.max_bitrate_bps * TOLERANCE
    measured = one.rates
    return Check(
        name=f"{one.name} keeps its bit rate",
        ok=measured is not None and measured.peak_bps <= most,
        found="not measured"
        if measured is None
        else f"at most {measured.peak_bps} bit/s over any {float(measured.window_s):g} s, allowed {int(most)}",
    )


def _buffer(one: RenditionFacts) -> Check:
    measured = one.rates
    return Check(
        name=f"{one.name} never empties the decoder's buffer",
        ok=measured is not None and measured.lowest_fill_bits >= 0,
        found="not measured" if measured is None else f"{measured.lowest_fill_bits} bits left at the least",
    )


def _quality(one: RenditionFacts) -> Check:
    if not one.joins:
        found = "there are no joins"
    else:
        below = max(
            max(join.mean_before_db - join.before_db, join.mean_after_db - join.after_db)
            for join in one.joins
        )
        found = f"{len(one.joins)} joins measured, {below:.1f} dB below the chunk's mean at most, band {BAND_DB:g} dB"
    uneven = [join for join in one.joins if not join.is_even]
    if uneven:
        found += f"; {len(uneven)} outside it, first at {uneven[0].at_ticks / one.timescale:.1f} s"
    spoilt = [join for join in one.joins if join.is_spoilt]
    if spoilt:
        found += f"; {len(spoilt)} spoilt, first at {spoilt[0].at_ticks / one.timescale:.1f} s"
    return Check(name=f"{one.name} shows its source at its joins", ok=not spoilt, found=found)


def told(plan: Plan, one: RenditionFacts) -> dict[str, Any]:
    """What the report says of a video rendition, for people and for pictures of it."""
    assert plan.video is not None
    measured = one.rates
    return {
        "codec": one.codec_string,
        "width": one.width,
        "height": one.height,
        "average_bps": one.average_bandwidth_bps,
        "peak_bps": one.bandwidth_bps,
        "max_bps": next(rung for rung in plan.video.rungs if rung.name == one.rung).max_bitrate_bps,
        "band_db": BAND_DB,
        "window": None
        if measured is None
        else {
            "seconds": float(measured.window_s),
            "peak_bps": measured.peak_bps,
            "lowest_buffer_bits": measured.lowest_fill_bits,
        },
        "segments_s": [round(segment.start_ticks / one.timescale, 6) for segment in one.segments],
        "end_s": round(float(one.end_s), 6),
        "segments_bps": [
            round(Fraction(segment.size_bytes * 8 * one.timescale, segment.duration_ticks))
            for segment in one.segments
        ],
        "joins": [
            {
                "at_s": round(join.at_ticks / one.timescale, 6),
                "psnr_before_db": join.before_db,
                "psnr_after_db": join.after_db,
                "mean_before_db": join.mean_before_db,
                "mean_after_db": join.mean_after_db,
                "ok": join.is_even,
            }
            for join in one.joins
        ],
    }
