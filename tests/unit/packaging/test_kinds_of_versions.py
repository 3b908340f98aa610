"""Manifests of every kind of version, held to golden files: locked, in one file, of several codecs, in HDR, as TS."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cutroom.packaging import hls, mpd
from cutroom.packaging.facts import ByteRange, LockFacts, RenditionFacts, TrickPlay

Golden = Callable[[str, str], None]
Facts = Sequence[RenditionFacts]

PREFIX = "../../../renditions/"
DASH = "{urn:mpeg:dash:schema:mpd:2011}"


def pictures_and_sound(version: Any) -> Facts:
    """Two rungs and the sound of one language."""
    video = [one for one in version.facts if one.kind == "video"][:2]
    return [*video, *(one for one in version.facts if one.kind == "audio" and one.language == "en")]


def locked(facts: Facts, scheme: str) -> Facts:
    ivs = ("0f1e2d3c4b5a6978", "00112233445566778899aabbccddeeff")
    lock = LockFacts(
        scheme=scheme,
        key_id="00112233445566778899aabbccddeeff",
        key_uri="https://keys.example/k",
        ivs=ivs[:1] if scheme == "cenc" else ivs[1:],
        pssh="AAAAMnBzc2g=",
    )
    return [replace(one, lock=lock) for one in facts]


def in_one_file(facts: Facts) -> Facts:
    file, offset = "media.mp4", 1_000
    made = []
    for one in facts:
        at, segments = offset, []
        for segment in one.segments:
            segments.append(replace(segment, file=file, offset=at))
            at += segment.size_bytes
        iframes = [ByteRange(file=file, offset=each.offset, size_bytes=500) for each in segments]
        made.append(
            replace(
                one,
                segments=tuple(segments),
                files={file: "0" * 64},
                init=ByteRange(file=file, offset=0, size_bytes=900),
                index=ByteRange(file=file, offset=900, size_bytes=100),
                iframes=tuple(iframes) if one.kind == "video" else (),
            )
        )
    return made


def as_ts(facts: Facts) -> Facts:
    return [
        replace(
            one,
            container="ts",
            init=None,
            segments=tuple(
                replace(each, file=each.file.replace(".m4s", ".ts").replace(".mp4", ".ts"))
                for each in one.segments
            ),
            iframes=tuple(replace(each, file=each.file.replace(".m4s", ".ts")) for each in one.iframes),
        )
        for one in facts
    ]


def of_codec(one: RenditionFacts, codec: str, name: str, **changes: Any) -> RenditionFacts:
    return replace(one, key=f"rn_{name}", name=name, rung=name, codec_string=codec, **changes)


def of_two_codecs(facts: Facts) -> Facts:
    large, small, *sound = facts
    return [
        large,
        small,
        of_codec(large, "av01.0.05M.08", "av1-720p", bandwidth_bps=large.bandwidth_bps // 2),
        of_codec(small, "av01.0.04M.08", "av1-480p", bandwidth_bps=small.bandwidth_bps // 2),
        *sound,
        of_codec(sound[0], "opus", "opus-112k-1"),
    ]


def in_hdr(facts: Facts) -> Facts:
    large, small, *sound = facts
    return [
        of_codec(large, "hvc1.2.4.L93.B0", "hevc-720p", video_range="PQ"),
        of_codec(small, "hvc1.2.4.L90.B0", "hevc-480p", video_range="PQ"),
        large,
        *sound,
    ]


def with_trick_play(facts: Facts) -> Facts:
    large, small, *sound = facts
    return [large, replace(small, trick_play=TrickPlay(files={}, sizes_bytes=(5_000, 4_000, 3_000))), *sound]


KINDS: dict[str, Callable[[Facts], Facts]] = {
    "cenc": lambda facts: locked(facts, "cenc"),
    "cbcs": lambda facts: locked(facts, "cbcs"),
    "single-file": in_one_file,
    "two-codecs": of_two_codecs,
    "hdr": in_hdr,
    "ts": as_ts,
    "trick-play": with_trick_play,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_manifests_of(kind: str, version: Any, golden: Golden) -> None:
    facts = KINDS[kind](pictures_and_sound(version))
    golden(f"hls/{kind}-master.m3u8", hls.multivariant_playlist(facts, prefix=PREFIX))
    if kind not in {"two-codecs", "hdr", "trick-play"}:
        golden(f"hls/{kind}-media.m3u8", hls.media_playlist(facts[0]))
        golden(f"hls/{kind}-iframes.m3u8", hls.iframe_playlist(facts[0]))
    if kind != "ts":
        golden(f"mpd/{kind}.mpd", mpd.mpd(facts, prefix=PREFIX))


def by_score(facts: Facts) -> list[str]:
    """Codec and height of the variants, the one that a player should rather have first; the parser knows no SCORE."""
    found = re.findall(
        r'SCORE=([\d.]+),CODECS="(\w{4})[^"]*",RESOLUTION=\d+x(\d+)',
        hls.multivariant_playlist(facts, prefix=PREFIX),
    )
    ordered = sorted(found, key=lambda one: -float(one[0]))
    return list(dict.fromkeys(f"{codec} {height}" for _, codec, height in ordered))


def test_players_rather_take_the_larger_picture_then_hdr_then_the_better_codec(version: Any) -> None:
    facts = pictures_and_sound(version)
    assert by_score(of_two_codecs(facts)) == ["av01 720", "avc1 720", "av01 480", "avc1 480"]
    assert by_score(in_hdr(facts)) == ["hvc1 720", "avc1 720", "hvc1 480"]


def test_where_nothing_competes_variants_have_no_score(version: Any) -> None:
    assert "SCORE" not in hls.multivariant_playlist(pictures_and_sound(version), prefix=PREFIX)


def test_a_larger_picture_that_takes_fewer_bits_than_a_smaller_one_is_rather_taken(version: Any) -> None:
    large, small, *sound = pictures_and_sound(version)
    assert large.height == 720
    inverted = [replace(large, bandwidth_bps=small.bandwidth_bps - 1), small, *sound]
    assert by_score(inverted) == ["avc1 720", "avc1 480"]


def test_players_of_dash_rather_take_the_better_codec(version: Any) -> None:
    root = ET.fromstring(mpd.mpd(of_two_codecs(pictures_and_sound(version)), prefix=PREFIX))
    priorities = {
        adaptation[-1].attrib["codecs"][:4]: int(adaptation.attrib["selectionPriority"])
        for adaptation in root.iter(f"{DASH}AdaptationSet")
        if adaptation.attrib["contentType"] == "video"
    }
    assert priorities["av01"] > priorities["avc1"]
