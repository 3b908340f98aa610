"""The packager's manifests are read as it wrote them, and refused where they do not fit together."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.errors import VerificationFailed
from cutroom.packaging import mpd, packager, packager_output
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import ByteRange, Segment

CMAF = CONTAINERS["cmaf"]
TIMESCALE = 12_800


@given(strategies.segment_lists(TIMESCALE), st.booleans())
def test_a_segment_timeline_is_read_as_it_was_written(segments: tuple[Segment, ...], gap: bool) -> None:
    if gap:
        segments = (*segments[:1], *(Segment(
            start_ticks=one.start_ticks + 7, duration_ticks=one.duration_ticks, size_bytes=one.size_bytes,
        ) for one in segments[1:]))  # fmt: skip
    root = ET.Element("root")
    mpd._timeline(root, segments)
    text = packager_output.ET.tostring(root, encoding="unicode").replace(
        "<root", f'<root xmlns="{packager_output._MPD[1:-1]}"'
    )
    assert packager_output._timeline(packager_output.ET.fromstring(text)) == [
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
    named = "".join(f"#EXTINF:6,\n{CMAF.segment % n}\n" for n in (1, 2, 3))
    (tmp_path / packager.PLAYLIST).write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:6\n{named}#EXT-X-ENDLIST\n")
    (tmp_path / packager.MULTIVARIANT).write_text(
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,VIDEO-RANGE=HLG\nmedia.m3u8\n"
    )
    for n in (1, 2, 3):
        (tmp_path / (CMAF.segment % n)).write_bytes(b"x" * n)
    (tmp_path / CMAF.init).write_bytes(b"init")
    return tmp_path


def test_what_the_packager_wrote_is_read(packaged: Path) -> None:
    found = packager_output.read(packaged)
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
    assert (found.video_range, found.sample_rate_hz) == ("HLG", None)


def test_a_keyframe_that_follows_the_one_before_has_no_place_of_its_own(packaged: Path) -> None:
    """So it is where a segment of a single file is one frame long."""
    (packaged / packager.IFRAMES).write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-I-FRAMES-ONLY\n"
        "#EXTINF:6,\n#EXT-X-BYTERANGE:700@900\nmedia.mp4\n"
        "#EXTINF:6,\n#EXT-X-BYTERANGE:500\nmedia.mp4\n"
        "#EXTINF:3,\n#EXT-X-BYTERANGE:300@4000\nmedia.mp4\n#EXT-X-ENDLIST\n"
    )
    found = packager_output.read(packaged).iframes
    assert [(one.offset, one.size_bytes) for one in found] == [(900, 700), (1600, 500), (4000, 300)]


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
        packager_output.read(packaged)
