"""The track of stills in HLS and DASH."""

import math
from fractions import Fraction

import pytest

from cutroom.ffmpeg import sprites
from cutroom.media.recipes import Thumbnails
from cutroom.packaging.images import ImageTrack, adaptation_set, media_playlist, stream_line


def track_of(duration_s: Fraction | int, *sizes: int) -> ImageTrack:
    sheet = sprites.plan_sheet(Fraction(duration_s), (1920, 1080), Thumbnails())
    assert sheet.sheets == len(sizes)
    return ImageTrack(sheet=sheet, sizes_bytes=sizes, duration_s=Fraction(duration_s))


def test_a_sheet_is_a_segment_of_the_image_playlist() -> None:
    lines = media_playlist(track_of(500, 300_000, 400_000, 90_000)).splitlines()
    assert "#EXT-X-IMAGES-ONLY" in lines
    assert [line for line in lines if line.endswith(".jpg")] == [f"sprite_0000{n}.jpg" for n in (1, 2, 3)]
    assert [line for line in lines if line.startswith("#EXTINF")] == [
        "#EXTINF:200.000,",
        "#EXTINF:200.000,",
        "#EXTINF:100.000,",
    ]
    assert "#EXT-X-TARGETDURATION:200" in lines
    assert lines.count("#EXT-X-TILES:RESOLUTION=192x108,LAYOUT=10x10,DURATION=2.000") == 3


@pytest.mark.parametrize("duration_s", [Fraction(1, 25), Fraction(61), Fraction(1001, 30), Fraction(200)])
def test_a_single_sheet_is_shown_as_long_as_the_film(duration_s: Fraction) -> None:
    track = track_of(duration_s, 90_000)
    assert f"#EXTINF:{float(duration_s):.3f}," in media_playlist(track)
    assert f"#EXT-X-TARGETDURATION:{math.ceil(duration_s)}\n" in media_playlist(track)
    assert track.bandwidth_bps == math.ceil(90_000 * 8 / duration_s)


def test_a_last_sheet_is_not_longer_than_the_film_and_does_not_raise_the_bit_rate() -> None:
    track = track_of(Fraction(401), 300_000, 400_000, 90_000)
    assert track.shown_s == [200, 200, 1]
    assert track.bandwidth_bps == 16_000


def test_the_multivariant_playlist_states_the_largest_sheet() -> None:
    line = stream_line(track_of(500, 300_000, 400_000, 90_000))
    assert line.startswith("#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=16000,RESOLUTION=192x108,")


def test_the_mpd_gives_the_tiles_of_a_sheet_and_how_long_it_lasts() -> None:
    adaptation = adaptation_set(track_of(60, 200_000), 4)
    (representation,) = adaptation
    described, template = representation
    assert adaptation.attrib == {"id": "4", "contentType": "image", "mimeType": "image/jpeg"}
    assert described.attrib["value"] == "10x3"
    assert (representation.attrib["width"], representation.attrib["height"]) == ("1920", "324")
    assert (template.attrib["media"], template.attrib["duration"]) == ("sprite_$Number%05d$.jpg", "60")
    # Sound that lasts longer must not have players ask for a second sheet.
    assert template.attrib["endNumber"] == "1"
