"""When each pair of captions is sent, however a film carries it."""

from fractions import Fraction
from pathlib import Path

import av
import pytest
from av.sidedata.sidedata import Type

from captioned import EDM, make_caption_track, make_captioned_mpeg2, pop_on, twice
from cutroom.ffmpeg.caption_data import CaptionData, caption_data
from cutroom.ffmpeg.caption_pairs import CaptionPacket, in_pictures, in_track
from cutroom.ffmpeg.packets import read_captions
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits
from cutroom.media.line21 import Pair
from cutroom.media.timeline import decode_times
from cutroom.packaging.captions import read_cues

A, B, C, D = (bytes((n, n)) for n in range(1, 5))
FRAME_S = Fraction(1001, 30000)
CAPTIONS = {5: pop_on("Hello & you"), 60: twice(EDM)}
SHOWN_AT = 5 + len(pop_on("Hello & you")) - 2


def of_first(*pairs: bytes, is_of_group: bool = False) -> CaptionData:
    return CaptionData(pairs=tuple((False, two) for two in pairs), is_of_group=is_of_group)


def test_pairs_of_a_picture_come_when_it_is_shown() -> None:
    found = in_pictures({0: of_first(A), 1: of_first(D), 2: of_first(B, C)}, [0, 9, 3], Fraction(1, 90))
    assert [(one.time, one.data) for one in found] == [(0, A), (3, B), (3, C), (9, D)]


def test_pairs_of_a_group_begin_with_the_picture_of_it_that_is_shown_first() -> None:
    captioned = {0: of_first(A, B, is_of_group=True), 3: of_first(C, D, is_of_group=True)}
    times = [6006, 0, 3003, 15015, 9009, 12012]
    found = in_pictures(captioned, times, Fraction(1, 90_000))
    assert [(one.time, one.data) for one in found] == [(0, A), (3003, B), (9009, C), (12012, D)]


def test_pairs_of_a_track_come_one_after_the_other_and_fields_side_by_side() -> None:
    both = CaptionData(pairs=((False, A), (True, B), (False, C), (True, D)))
    found = in_track([CaptionPacket(pts=300, duration=9000, data=both)], Fraction(1, 30_000))
    assert [*found] == [Pair(300, False, A), Pair(300, True, B), Pair(1301, False, C), Pair(1301, True, D)]


@pytest.mark.parametrize(("duration", "second"), [(1250, 625), (0, 1001)])
def test_what_has_less_time_is_sent_faster(duration: int, second: int) -> None:
    """As where 24 pictures a second carry the captions of 30."""
    packet = CaptionPacket(pts=0, duration=duration, data=of_first(A, B))
    assert [one.time for one in in_track([packet], Fraction(1, 30_000))] == [0, second]


@pytest.mark.parametrize(
    ("dvd", "bottom_first"),
    [(True, False), (False, False), (False, True)],
    ids=["dvd", "scte-20", "scte-20, bottom field first"],
)
def test_pairs_of_mpeg2_are_those_that_a_decoder_finds(dvd: bool, bottom_first: bool, tmp_path: Path) -> None:
    film = tmp_path / "film.mpg"
    make_captioned_mpeg2(film, CAPTIONS, dvd=dvd, bottom_first=bottom_first)
    with av.open(str(film)) as container:
        packets = [one for one in container.demux(video=0) if one.size]
        ours = {number: caption_data(bytes(one), "mpeg2video") for number, one in enumerate(packets)}
    with av.open(str(film)) as container:
        frames = [*container.decode(video=0)]
    wanted = []
    for frame in frames:
        told = bytes(frame.side_data.get(Type.A53_CC) or b"")
        wanted += [(one & 3 == 1, told[at + 1 : at + 3]) for at, one in enumerate(told) if at % 3 == 0]
    found = [
        (one.is_second_field, one.data)
        for one in in_pictures(
            {number: one for number, one in ours.items() if one},
            [round((one.pts or 0) * one.time_base / FRAME_S) for one in packets],
            FRAME_S,
        )
    ]
    assert len(found) == 2 * len(frames)
    assert [[two for second, two in found if second is field] for field in (False, True)] == [
        [two for second, two in wanted if second is field] for field in (False, True)
    ]


@pytest.mark.parametrize("dvd", [True, False], ids=["dvd", "scte-20"])
def test_captions_as_before_a53_are_found_and_timed(dvd: bool, tmp_path: Path) -> None:
    film, times, log = tmp_path / "film.mpg", tmp_path / "times", tmp_path / "log"
    make_captioned_mpeg2(film, CAPTIONS, dvd=dvd)
    found, packets = probe(film, sha256="0" * 64, log=log, limits=Limits())
    assert [(one.codec, one.part) for one in found.text] == [("eia_608", "CC1")]
    lines = zip((one.pts for one in packets), decode_times(packets), strict=True)
    times.write_text("".join(f"{pts} {dts}\n" for pts, dts in lines))
    track = found.video[0]
    (cue,) = read_cues(
        read_captions(film, track.index, "CC1", times, time_base=track.time_base, log=log, limits=Limits())
    )
    first = min(one.pts for one in packets) * track.time_base
    wanted = [(first + number * FRAME_S) * 1000 for number in (SHOWN_AT, 60)]
    assert cue.text == "Hello &amp; you"
    assert [cue.start_ms, cue.end_ms] == [pytest.approx(float(one), abs=1) for one in wanted]


def test_a_track_of_captions_is_found_with_its_language(tmp_path: Path) -> None:
    film, log = tmp_path / "film.mov", tmp_path / "log"
    make_caption_track(film, {Fraction(1): pop_on("si")}, language="spa", second=True)
    found, _ = probe(film, sha256="0" * 64, log=log, limits=Limits())
    assert [(one.index, one.part, one.part_of, one.language) for one in found.text] == [(2, "CC3", 1, "es")]
    assert found.not_carried == ()


def test_a_track_of_captions_without_words_is_told(tmp_path: Path) -> None:
    film, log = tmp_path / "film.mov", tmp_path / "log"
    make_caption_track(film, {Fraction(1): twice(EDM)}, language="eng", second=False)
    found, _ = probe(film, sha256="0" * 64, log=log, limits=Limits())
    assert found.text == ()
    assert found.not_carried == ("track 1: closed captions without words",)
