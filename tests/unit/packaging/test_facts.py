from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.errors import VerificationFailed
from cutroom.packaging import facts, mpd, packager
from cutroom.packaging.facts import ByteRange, RenditionFacts, Segment

TIMESCALE = 1000


def segments_of(*lengths_and_sizes: tuple[int, int]) -> tuple[Segment, ...]:
    at, segments = 0, []
    for length, size in lengths_and_sizes:
        segments.append(Segment(start_ticks=at, duration_ticks=length, size_bytes=size))
        at += length
    return tuple(segments)


@given(strategies.segment_lists(TIMESCALE))
def test_the_peak_is_the_largest_of_all_windows_that_the_rfc_names(segments: tuple[Segment, ...]) -> None:
    target = max(one.duration_ticks for one in segments)
    windows = [segments[a:b] for a in range(len(segments)) for b in range(a + 1, len(segments) + 1)]
    rates = [
        Fraction(sum(one.size_bytes for one in window) * 8 * TIMESCALE, length)
        for window in windows
        for length in [sum(one.duration_ticks for one in window)]
        if Fraction(1, 2) * target <= length <= Fraction(3, 2) * target
    ]
    total = Fraction(
        sum(one.size_bytes for one in segments) * 8 * TIMESCALE, sum(one.duration_ticks for one in segments)
    )
    assert facts.bandwidths(segments, TIMESCALE) == (
        max(1, round(max(*rates, total))) if rates else max(1, round(total)),
        max(1, round(total)),
    )


@given(strategies.segment_lists(TIMESCALE))
def test_the_peak_is_never_below_the_average(segments: tuple[Segment, ...]) -> None:
    peak, average = facts.bandwidths(segments, TIMESCALE)
    assert peak >= average >= 1


def test_a_large_first_segment_is_the_peak() -> None:
    assert facts.bandwidths(segments_of((6000, 6000), (6000, 3000), (6000, 3000)), TIMESCALE) == (
        8_000,
        5_333,
    )


def test_a_short_last_segment_counts_with_the_one_before_only() -> None:
    # Alone it would be 80 kbit/s; together they are 7 s and 16,000 bits.
    assert facts.bandwidths(segments_of((6000, 1000), (1000, 1000)), TIMESCALE)[0] == round(16_000 / 7)


def test_a_set_of_more_than_one_and_a_half_target_durations_does_not_count() -> None:
    # 11.8 s of a target of 6 s hold both large segments; the sets that count hold one of them.
    busy = [(2900, 10_000), (6000, 1), (2900, 10_000), (6000, 1), (6000, 1), (6000, 1)]
    assert facts.bandwidths(segments_of(*busy), TIMESCALE)[0] == round(
        Fraction(10_001 * 8, 1) / Fraction("8.9")
    )


def test_the_average_is_the_peak_where_no_set_reaches_it() -> None:
    peak, average = facts.bandwidths(segments_of((2900, 10_000), (6000, 1), (2900, 10_000)), TIMESCALE)
    assert peak == average == round(Fraction(20_001 * 8, 1) / Fraction("11.8"))


@given(strategies.rendition_facts("video"), strategies.rendition_facts("audio"))
def test_facts_survive_the_way_through_json(video: RenditionFacts, audio: RenditionFacts) -> None:
    for one in (video, audio):
        assert RenditionFacts.load(one.dump()) == one


@given(strategies.rendition_facts("audio"))
def test_what_is_not_known_is_not_written(one: RenditionFacts) -> None:
    assert b"null" not in one.dump()
    assert b"keyframe_ticks" in one.dump()


@given(strategies.rendition_facts())
def test_a_rendition_lasts_from_its_first_to_its_last_segment(one: RenditionFacts) -> None:
    assert one.end_s - Fraction(one.segments[0].start_ticks, one.timescale) == one.duration_s


@given(strategies.segment_lists(TIMESCALE), st.booleans())
def test_a_segment_timeline_is_read_as_it_was_written(segments: tuple[Segment, ...], gap: bool) -> None:
    if gap:
        segments = (*segments[:1], *(Segment(
            start_ticks=one.start_ticks + 7, duration_ticks=one.duration_ticks, size_bytes=one.size_bytes,
        ) for one in segments[1:]))  # fmt: skip
    root = facts.ET.Element("root")
    mpd._timeline(root, segments)
    text = facts.ET.tostring(root, encoding="unicode").replace("<root", f'<root xmlns="{facts._MPD[1:-1]}"')
    assert facts._timeline(facts.ET.fromstring(text)) == [
        (one.start_ticks, one.duration_ticks) for one in segments
    ]


PACKAGED = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet width="640" height="360" frameRate="12800/512">
<Representation codecs="avc1.64001e"><SegmentTemplate timescale="12800"><SegmentTimeline>
<S t="0" d="76800" r="1"/><S d="38400"/></SegmentTimeline></SegmentTemplate></Representation>
</AdaptationSet></Period></MPD>"""


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    (tmp_path / packager.MPD).write_text(PACKAGED)
    named = "".join(f"#EXTINF:6,\n{packager.SEGMENTS % n}\n" for n in (1, 2, 3))
    (tmp_path / packager.PLAYLIST).write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n{named}#EXT-X-ENDLIST\n")
    (tmp_path / packager.MULTIVARIANT).write_text(
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,VIDEO-RANGE=HLG\nmedia.m3u8\n"
    )
    for n in (1, 2, 3):
        (tmp_path / (packager.SEGMENTS % n)).write_bytes(b"x" * n)
    (tmp_path / packager.INIT).write_bytes(b"init")
    return tmp_path


def test_what_the_packager_wrote_is_read(packaged: Path) -> None:
    found = facts.read(packaged)
    assert found.segments == (
        Segment(start_ticks=0, duration_ticks=76_800, size_bytes=1, file="seg_00001.m4s"),
        Segment(start_ticks=76_800, duration_ticks=76_800, size_bytes=2, file="seg_00002.m4s"),
        Segment(start_ticks=153_600, duration_ticks=38_400, size_bytes=3, file="seg_00003.m4s"),
    )
    assert found.init == ByteRange(file="init.mp4", offset=0, size_bytes=4)
    assert found.files == ["init.mp4", "seg_00001.m4s", "seg_00002.m4s", "seg_00003.m4s"]
    assert (found.codec_string, found.timescale, found.width, found.height) == (
        "avc1.64001e",
        12_800,
        640,
        360,
    )
    assert (found.frame_rate, found.video_range, found.sample_rate_hz) == (25, "HLG", None)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('r="1"', "", "names 3 segments, its MPD 2"),
        ("SegmentTemplate", "SegmentList", "no segments"),
        ("Representation", "Preselection", "no representation"),
    ],
)
def test_manifests_of_the_packager_that_do_not_fit_are_refused(
    packaged: Path, old: str, new: str, words: str
) -> None:
    (packaged / packager.MPD).write_text(PACKAGED.replace(old, new))
    with pytest.raises(VerificationFailed, match=words):
        facts.read(packaged)
