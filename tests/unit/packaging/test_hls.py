import math
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import m3u8
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from cutroom.packaging import hls
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import ByteRange, RenditionFacts, Segment

CMAF = CONTAINERS["cmaf"]

Golden = Callable[[str, str], None]


def test_the_multivariant_playlist_of_a_version(version: Any, golden: Golden) -> None:
    golden("hls/master.m3u8", version.multivariant)


def test_the_multivariant_playlist_of_sound_alone(version: Any, golden: Golden) -> None:
    sound = [one for one in version.facts if one.kind == "audio"]
    golden("hls/master-sound-of-two-languages.m3u8", hls.multivariant_playlist(sound, prefix="renditions/"))
    english = [one for one in sound if one.language == "en"]
    golden("hls/master-sound.m3u8", hls.multivariant_playlist(english, prefix="renditions/"))


def test_the_multivariant_playlist_of_silent_pictures(version: Any, golden: Golden) -> None:
    video = [one for one in version.facts if one.kind == "video"]
    golden("hls/master-silent.m3u8", hls.multivariant_playlist(video, prefix="renditions/"))


def test_the_media_playlist_of_a_rendition(version: Any, golden: Golden) -> None:
    golden("hls/media.m3u8", hls.media_playlist(version.facts[0]))


@given(strategies.rendition_facts())
def test_a_media_playlist_is_read_back_as_it_was_measured(one: RenditionFacts) -> None:
    playlist = m3u8.loads(hls.media_playlist(one))
    assert playlist.is_endlist
    assert playlist.playlist_type == "vod"
    assert playlist.media_sequence == 0
    assert [each.uri for each in playlist.segments] == [
        CMAF.segment % n for n in range(1, len(one.segments) + 1)
    ]
    ends = [segment.start_ticks + segment.duration_ticks for segment in one.segments]
    for each, before, end in zip(playlist.segments, [0, *ends], ends, strict=False):
        exact = Fraction(end - before, one.timescale)
        assert abs(Fraction(str(each.duration)) - exact) <= Fraction(1, 1_000_000)
        assert each.init_section.uri == CMAF.init


def test_what_an_encoder_put_in_front_counts_to_the_first_segment(version: Any) -> None:
    """Without it Shaka Player would play all but the first segment early."""
    sound = next(one for one in version.facts if one.kind == "audio")
    plain, led = (
        m3u8.loads(hls.media_playlist(replace(sound, lead_ticks=ticks))).segments for ticks in (0, 1024)
    )
    longer = [after.duration - before.duration for before, after in zip(plain, led, strict=True)]
    assert longer == pytest.approx([1024 / sound.timescale, *([0] * (len(plain) - 1))], abs=1e-6)


def test_the_time_before_a_first_frame_counts_to_the_first_segment(version: Any) -> None:
    """Players look for a time by what the durations add up to: a seek would find the segment behind the right one."""
    picture = next(one for one in version.facts if one.kind == "video")
    first, *others = picture.segments
    late = replace(first, start_ticks=first.start_ticks + picture.timescale)
    plain, later = (
        m3u8.loads(hls.media_playlist(replace(picture, segments=(one, *others)))).segments
        for one in (first, late)
    )
    longer = [after.duration - before.duration for before, after in zip(plain, later, strict=True)]
    assert longer == pytest.approx([1, *([0] * (len(plain) - 1))], abs=1e-6)


@given(strategies.rendition_facts())
def test_every_extinf_rounded_is_at_most_the_target_duration(one: RenditionFacts) -> None:
    check_target(one)


@given(st.integers(1, 20), st.sampled_from([10_000_000, 14_400_000]), st.integers(-9, 9))
def test_a_duration_close_to_a_half_is_rounded_as_it_is_printed(whole: int, timescale: int, off: int) -> None:
    segment = Segment(start_ticks=0, duration_ticks=whole * timescale + timescale // 2 + off, size_bytes=1)
    check_target(
        RenditionFacts(
            key="k",
            name="n",
            kind="video",
            container="cmaf",
            rung="n",
            track=0,
            codec_string="c",
            timescale=timescale,
            segments=(segment,),
            bandwidth_bps=1,
            average_bandwidth_bps=1,
            size_bytes=1,
            files={},
        )
    )


def check_target(one: RenditionFacts) -> None:
    text = hls.media_playlist(one)
    durations = [Fraction(value) for value in re.findall(r"#EXTINF:([\d.]+),", text)]
    (target,) = re.findall(r"#EXT-X-TARGETDURATION:(\d+)\n", text)
    rounded = [math.floor(value + Fraction(1, 2)) for value in durations]
    assert max(rounded) <= int(target)
    assert int(target) == max(1, *rounded)


@given(strategies.versions_facts())
def test_a_multivariant_playlist_names_every_rendition_and_nothing_else(facts: list[RenditionFacts]) -> None:
    playlist = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/"))
    named = {each.uri for each in (*playlist.playlists, *playlist.media)}
    assert named == {f"r/{one.key}/media.m3u8" for one in facts}


@given(strategies.versions_facts())
def test_each_variant_has_the_numbers_of_its_picture_and_its_sound(facts: list[RenditionFacts]) -> None:
    playlist = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/"))
    video = [one for one in facts if one.kind == "video"]
    assume(video)
    by_key = {one.key: one for one in facts}
    for each in playlist.playlists:
        one, said = by_key[each.uri.split("/")[1]], each.stream_info
        group = [media for media in playlist.media if media.group_id == said.audio]
        sound = [by_key[media.uri.split("/")[1]] for media in group]
        texts = [other.bandwidth_bps for other in facts if other.kind == "text"]
        assert bool(sound) == any(other.kind == "audio" for other in facts)
        assert said.bandwidth == sum(
            max(rates, default=0)
            for rates in ([one.bandwidth_bps], [other.bandwidth_bps for other in sound], texts)
        )
        assert said.average_bandwidth <= said.bandwidth
        assert said.resolution == (one.width, one.height)
        assert said.codecs == ",".join(["avc1.640028", *(["mp4a.40.2"] if sound else [])])
        assert abs(said.frame_rate - float(one.frame_rate or 0)) < 0.001


@given(strategies.versions_facts())
def test_every_picture_and_every_sound_is_in_a_variant_and_none_twice_alike(
    facts: list[RenditionFacts],
) -> None:
    playlist = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/"))
    variants = [(each.uri, each.stream_info.audio) for each in playlist.playlists]
    assert len(set(variants)) == len(variants)
    played = {uri for uri, _ in variants}
    played |= {media.uri for media in playlist.media if media.group_id in {group for _, group in variants}}
    assert played == {f"r/{one.key}/media.m3u8" for one in facts if one.kind != "text"}
    # The larger the picture, the better the sound.
    assert [group or "" for _, group in variants] == sorted(group or "" for _, group in variants)


@given(strategies.versions_facts())
def test_a_group_has_one_default_and_a_rendition_of_every_track(facts: list[RenditionFacts]) -> None:
    playlist = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/"))
    tracks = {one.track for one in facts if one.kind == "audio"}
    groups = {media.group_id for media in playlist.media}
    for group in groups:
        members = [media for media in playlist.media if media.group_id == group]
        if group != hls.TEXT_GROUP:
            assert [media.default for media in members].count("YES") == 1
            assert len(members) == len(tracks)


@given(strategies.versions_facts())
def test_names_in_a_group_differ(facts: list[RenditionFacts]) -> None:
    playlist = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/"))
    named = [(media.group_id, media.name) for media in playlist.media]
    assert len(set(named)) == len(named)


@given(strategies.rendition_facts("audio"), st.text('",=\n\r\x0b\x85\u2028\0aé', max_size=9))
def test_what_comes_from_the_source_stays_inside_its_quotes(one: RenditionFacts, language: str) -> None:
    facts = [
        replace(one, language=language),
        replace(one, key="other", language="eng", name="aac-1k-9", track=9),
    ]
    text = hls.multivariant_playlist(facts, prefix="r/")
    media = [line for line in text.split("\n") if line.startswith("#EXT-X-MEDIA")]
    # One line for each, with an even number of quotes: nothing opened or closed one.
    assert len(media) == 2
    for line in media:
        attributes = re.fullmatch(r'#EXT-X-MEDIA:([A-Z-]+=("[^"\r\n]*"|[A-Z0-9.]+),?)+', line)
        assert attributes, line
    assert not [line for line in text.split("\n") if line and not line.startswith(("#EXT", "r/"))]


def test_the_smaller_pictures_go_with_the_smaller_sound(version: Any) -> None:
    playlist = m3u8.loads(version.multivariant)
    groups = [each.stream_info.audio for each in playlist.playlists]
    assert groups == ["audio-0", "audio-0", "audio-1", "audio-1"]
    assert [media.uri for media in playlist.media if media.group_id == "audio-1"] == [
        "../../../renditions/rn_aac-64k-1/media.m3u8",
        "../../../renditions/rn_aac-64k-2/media.m3u8",
    ]


def sound(track: int, channels: int, *, rate: int = 96, role: str = "main") -> RenditionFacts:
    return RenditionFacts(
        key=f"{track}-{channels}-{rate}", name=f"ec-3 {track} {channels} {rate}", kind="audio", container="cmaf",
        rung="", track=track, codec_string="ec-3", timescale=1, segments=(), bandwidth_bps=rate, channels=channels,
        average_bandwidth_bps=rate, size_bytes=1, files={}, label=f"Track {track}", is_default=track == 1, role=role,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "groups"),
    [
        # Made in surround where the source has it, and in nothing else.
        ([sound(1, 1), sound(2, 6)], [[["1-1-96", "2-6-96"]]]),
        (
            [sound(1, 2), sound(2, 6, rate=2), sound(2, 6, rate=1)],
            [[["1-2-96", "2-6-2"], ["1-2-96", "2-6-1"]]],
        ),
        # One track is made both ways: the other is in both.
        (
            [sound(1, 2, rate=2), sound(1, 2, rate=1), sound(2, 2), sound(2, 6)],
            [[["1-2-2", "2-2-96"], ["1-2-1", "2-2-96"]], [["1-2-2", "2-6-96"]]],
        ),
    ],
)
def test_every_group_of_sound_has_every_track(
    made: list[RenditionFacts], groups: list[list[list[str]]]
) -> None:
    found = hls.audio_groups(made)
    assert [[[one.key for one in group.members] for group in family] for family in found] == groups


def test_a_commentary_is_heard_by_those_who_choose_it() -> None:
    facts = [sound(1, 2), sound(2, 2, role="commentary"), sound(3, 2, role="description")]
    media = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/")).media
    assert [one.autoselect for one in media] == ["YES", "NO", "YES"]


def test_sound_in_two_languages_alone_takes_as_much_as_the_more_demanding_one() -> None:
    facts = [sound(1, 2, rate=96), sound(2, 2, rate=128)]
    (variant,) = m3u8.loads(hls.multivariant_playlist(facts, prefix="r/")).playlists
    assert (variant.stream_info.bandwidth, variant.stream_info.average_bandwidth) == (128, 128)


def test_all_playlists_of_a_version_state_its_target_duration(version: Any) -> None:
    assert "#EXT-X-TARGETDURATION:8\n" in hls.media_playlist(replace(version.facts[0], target_s=8))


def test_a_short_last_segment_does_not_make_the_keyframes_look_large(version: Any) -> None:
    """For 40 ms a keyframe alone would take 200 times its part of a segment of 8 s."""
    segments = (
        Segment(start_ticks=0, duration_ticks=8_000, size_bytes=9_000),
        Segment(start_ticks=8_000, duration_ticks=40, size_bytes=1_000),
    )
    iframes = tuple(ByteRange(file="s", offset=0, size_bytes=1_000) for _ in segments)
    one = replace(version.facts[0], timescale=1_000, segments=segments, iframes=iframes)
    (line,) = re.findall(
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=([0-9]+),", hls.multivariant_playlist([one], prefix="")
    )
    assert int(line) == round(16_000 / Fraction("8.04"))
