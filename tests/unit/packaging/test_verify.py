"""Every check holds for a version that is right, and catches the fault that it is there for."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cutroom import ids
from cutroom.packaging import packager
from cutroom.packaging.containers import CONTAINERS
from cutroom.packaging.facts import TrickPlay

CMAF = CONTAINERS["cmaf"]
SAMPLES = 48_000 * 15


def test_a_version_that_is_right_passes_every_check(version: Any) -> None:
    assert version.failed() == []
    assert version.report().ok
    assert len(version.report().checks) >= 20


def test_what_is_not_whole_of_the_sound_is_told_by_its_track(version: Any) -> None:
    assert version.report().notes == ()
    rungs = [[rung.name for rung in one.rungs] for one in version.plan.audio]
    changes = ({"filled_samples": 72_000}, {"cut_samples": 480, "lacking_samples": 48_000})
    found = version.sound | {
        name: replace(version.sound[name], **changes[track])
        for track, names in enumerate(rungs)
        for name in names
    }
    # Each codec has a plan of the same tracks.
    plan = replace(version.plan, audio=(*version.plan.audio, *version.plan.audio))
    assert replace(version, sound=found, plan=plan).report().notes == (
        "The sound of track 1 is silent for 1.5 s of its 15.00 s, where the file holds none, or none that decodes.",
        "Of the sound of track 2, 0.01 s overlap others, and are left out.",
        "The sound of track 2 ends 1.00 s before it does by the file: nothing decodes behind.",
    )


def cut_segments(one: Any) -> Any:
    """A grid of 7, 5 and 3 seconds."""
    first, second, third = one.segments
    second_at = 7 * one.timescale
    return (
        replace(first, duration_ticks=second_at),
        replace(second, start_ticks=second_at, duration_ticks=5 * one.timescale),
        third,
    )


def with_other_segments(version: Any) -> Any:
    segments = cut_segments(version.facts[1])
    starts = tuple(one.start_ticks for one in segments)
    return version.change(1, segments=segments, keyframe_ticks=starts)


def with_a_stray_keyframe(version: Any) -> Any:
    ticks = version.facts[1].keyframe_ticks
    return version.change(1, keyframe_ticks=(*ticks, ticks[-1] + 512))


def without_object(version: Any, name: str) -> Any:
    gone = f"{version.facts[2].key}/{name}"
    return replace(version, objects={key: size for key, size in version.objects.items() if key != gone})


def with_object(version: Any, name: str, size: int) -> Any:
    return replace(version, objects={**version.objects, f"{version.facts[2].key}/{name}": size})


def shifted(version: Any, ticks: int) -> Any:
    timing = version.plan.video.timing
    times = [timing.output_ticks(n) for n in range(version.frames.count)]
    times[100] += ticks
    return version.change(0, decoded_ticks_digest=ids.digest(times))


def with_rates(version: Any, **changes: int) -> Any:
    return version.change(0, rates=replace(version.facts[0].rates, **changes))


def sounding(version: Any, **changes: float) -> Any:
    return version.change(SOUND, likeness=replace(version.facts[SOUND].likeness, **changes))


def in_playlist(version: Any, pattern: str, value: str) -> Any:
    changed = re.sub(pattern, value, version.multivariant, count=1)
    assert changed != version.multivariant
    return replace(version, multivariant=changed)


def in_media(version: Any, name: str, pattern: str, value: str) -> Any:
    """In the playlist of this name of the first picture."""
    key = f"{version.facts[0].key}/{name}"
    changed = re.sub(pattern, value, version.playlists[key], count=1)
    assert changed != version.playlists[key]
    return replace(version, playlists=version.playlists | {key: changed})


def in_mpd(version: Any, pattern: str, value: str) -> Any:
    changed = re.sub(pattern, value, version.manifest, count=1)
    assert changed != version.manifest
    return replace(version, manifest=changed)


SHOWS = "h264-720p shows the source's frames, each at its time"
GRID = "segments begin with keyframes, on the grid and nowhere else"
SAME = "all rungs have the same segments"
STORED = "every file of every rendition is stored, with its size"
HLS = "master.m3u8 states every rendition, its codec, bit rate, picture and language"
DASH = "manifest.mpd states every rendition, its codec, bit rate, picture and segments"
MEDIA = "every media playlist states its segments, where they lie and how long they last"

BEGINS = "aac-64k-2 begins with the presentation, and goes on without a gap"
ALIKE = "aac-64k-2 sounds like its source all along, across segments too"

SOUND = -2
"""Place of the last rendition of sound; subtitles come after it."""

FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a lost frame": (lambda v: v.change(0, decoded_frames=v.frames.count - 1), SHOWS),
    "a doubled frame": (lambda v: v.change(0, decoded_frames=v.frames.count + 1), SHOWS),
    "a shifted time": (lambda v: shifted(v, 1), SHOWS),
    "frames that were not counted": (lambda v: v.change(0, decoded_frames=None, decoded_ticks_digest=None), SHOWS),
    "a thinner rung than planned": (lambda v: v.change(0, frame_step=2), SHOWS),
    "another grid": (with_other_segments, GRID),
    "rungs that differ in their grid": (with_other_segments, SAME),
    "a stray keyframe": (with_a_stray_keyframe, GRID),
    "no keyframes": (lambda v: v.change(1, keyframe_ticks=()), GRID),
    "a missing segment": (lambda v: without_object(v, CMAF.segment % 2), STORED),
    "a missing initialization segment": (lambda v: without_object(v, CMAF.init), STORED),
    "a missing media playlist": (lambda v: without_object(v, packager.PLAYLIST), STORED),
    "a missing keyframe of trick play": (
        lambda v: v.change(2, trick_play=TrickPlay(files={"trick_00001.m4s": "0" * 64}, sizes_bytes=(1,))), STORED),
    "an empty segment": (lambda v: with_object(v, CMAF.segment % 2, 0), STORED),
    "an empty playlist": (lambda v: with_object(v, packager.PLAYLIST, 0), STORED),
    "a truncated segment": (
        lambda v: with_object(v, CMAF.segment % 2, v.facts[2].segments[1].size_bytes - 1), STORED),
    "a bit rate above what was asked for": (
        lambda v: with_rates(v, peak_bps=v.plan.video.rungs[0].max_bitrate_bps * 11 // 10 + 1),
        "h264-720p keeps its bit rate"),
    "a bit rate that was not measured": (lambda v: v.change(0, rates=None), "h264-720p keeps its bit rate"),
    "a buffer that runs dry": (
        lambda v: with_rates(v, lowest_fill_bits=-1), "h264-720p never empties the decoder's buffer"),
    "a join that is spoilt": (
        lambda v: v.change(0, joins=(replace(v.facts[0].joins[0], after_db=14.0),)),
        "h264-720p shows its source at its joins"),
    "another size": (lambda v: v.change(1, width=852), "every picture has the size of its rung"),
    "another codec in the bitstream": (
        lambda v: v.change(0, bitstream_codec="avc1.640028"), "every codec string is that of the bitstream"),
    "a sound that is too short": (
        lambda v: v.change(SOUND, decoded_samples=SAMPLES - 1), "aac-64k-2 is as long as its source"),
    "a sound that is too long": (
        lambda v: v.change(SOUND, decoded_samples=SAMPLES + 1), "aac-64k-2 is as long as its source"),
    "a sound that was not counted": (
        lambda v: v.change(SOUND, decoded_samples=None), "aac-64k-2 is as long as its source"),
    "a sample that went in and does not come out": (
        lambda v: replace(v, sound={name: replace(one, samples=SAMPLES - 1) for name, one in v.sound.items()}),
        "aac-64k-2 is as long as its source"),
    "samples that the source has not": (
        lambda v: replace(v, sound={name: replace(one, source_samples=SAMPLES - 2) for name, one in v.sound.items()}),
        "aac-64k-2 is as long as its source"),
    "other sound at a segment boundary": (lambda v: sounding(v, least=0.2), ALIKE),
    "a sound that is late all along": (lambda v: sounding(v, lag_ms=2.1), ALIKE),
    "a sound that is early for a while": (lambda v: sounding(v, spread_ms=-20.0), ALIKE),
    "a sound that falls behind": (lambda v: sounding(v, drift_ms=3.0), ALIKE),
    "a sound that is gone for a moment": (lambda v: sounding(v, silenced=2, silenced_at_s=6.0), ALIKE),
    "a sound that starts late": (lambda v: v.change(SOUND, first_tick=241), BEGINS),
    "a sound whose start is not known": (
        lambda v: v.change(SOUND, first_tick=None), BEGINS),
    "a segment of sound that is late": (lambda v: v.change(SOUND, largest_gap_ticks=480), BEGINS),
    "a cue that is lost": (lambda v: v.change(-1, cues=2), "text-en-3 shows every cue of its source"),
    "a wrong codec in one variant": (lambda v: in_playlist(v, r"avc1\.64001f", "avc1.640028"), HLS),
    "a variant that does not name its sound's codec": (lambda v: in_playlist(v, r",mp4a\.40\.2", ""), HLS),
    "a wrong bit rate in the playlist": (lambda v: in_playlist(v, r"([:,])BANDWIDTH=\d", r"\1BANDWIDTH=9"), HLS),
    "a variant that is not named": (
        lambda v: in_playlist(v, r"#EXT-X-STREAM-INF[^\n]*\n[^\n]*\n", ""), HLS),
    "a sound that no variant plays": (
        lambda v: in_playlist(v, r"(#EXT-X-MEDIA[^\n]*)audio-0([^\n]*\n)", r"\1audio-0\2\1audio-9\2"), HLS),
    "a sound that is not named": (lambda v: in_playlist(v, r"#EXT-X-MEDIA[^\n]*\n", ""), HLS),
    "a rendition that leads elsewhere": (lambda v: in_playlist(v, r"/rn_", "/rm_"), HLS),
    "a wrong bit rate in the MPD": (lambda v: in_mpd(v, r'bandwidth="\d', 'bandwidth="9'), DASH),
    "a wrong codec in the MPD": (lambda v: in_mpd(v, r"avc1\.64001f", "avc1.640028"), DASH),
    "another size in the playlist": (lambda v: in_playlist(v, r"RESOLUTION=1280x720", "RESOLUTION=1920x1080"), HLS),
    "another rate in the playlist": (lambda v: in_playlist(v, r"FRAME-RATE=25", "FRAME-RATE=50"), HLS),
    "another range in the playlist": (lambda v: in_playlist(v, r"RANGE=SDR", "RANGE=PQ"), HLS),
    "another language in the playlist": (lambda v: in_playlist(v, r'LANGUAGE="de"', 'LANGUAGE="fr"'), HLS),
    "a segment that lasts longer": (lambda v: in_media(v, "media.m3u8", r"EXTINF:6\.", "EXTINF:6.5"), MEDIA),
    "a segment less": (lambda v: in_media(v, "media.m3u8", r"#EXTINF[^\n]*\n[^\n]*\n", ""), MEDIA),
    "a segment twice": (lambda v: in_media(v, "media.m3u8", "seg_00002", "seg_00001"), MEDIA),
    "a playlist without an end": (lambda v: in_media(v, "media.m3u8", "#EXT-X-ENDLIST\n", ""), MEDIA),
    "a target duration that does not hold": (
        lambda v: in_media(v, "media.m3u8", r"TARGETDURATION:\d+", "TARGETDURATION:5"), MEDIA),
    "a keyframe elsewhere": (lambda v: in_media(v, "iframes.m3u8", "@84", "@85"), MEDIA),
    "a key that nothing is locked with": (
        lambda v: in_media(v, "media.m3u8", "#EXTINF", '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF'), MEDIA),
    "another size in the MPD": (lambda v: in_mpd(v, 'width="1280"', 'width="1920"'), DASH),
    "a longer segment in the MPD": (lambda v: in_mpd(v, r'<S t="0" d="', '<S t="0" d="1'), DASH),
    "a segment less in the MPD": (lambda v: in_mpd(v, r'<S d="[^/]*/>', ""), DASH),
    "a representation that leads elsewhere": (lambda v: in_mpd(v, "/rn_", "/rm_"), DASH),
    "segments that begin later in the MPD": (lambda v: in_mpd(v, '<S t="0"', '<S t="500"'), DASH),
    "an offset in the MPD": (lambda v: in_mpd(v, "startNumber", 'presentationTimeOffset="9" startNumber'), DASH),
    "another clock in the MPD": (lambda v: in_mpd(v, r'timescale="\d+"', 'timescale="1000"'), DASH),
    "another first segment in the MPD": (lambda v: in_mpd(v, 'startNumber="1"', 'startNumber="2"'), DASH),
    "other names of segments in the MPD": (lambda v: in_mpd(v, r"seg_\$", "sag_$"), DASH),
    "another beginning of a track in the MPD": (lambda v: in_mpd(v, "init.mp4", "../init.mp4"), DASH),
    "pixels that are not square in the MPD": (lambda v: in_mpd(v, 'sar="1:1"', 'sar="4:3"'), DASH),
    "another language in the MPD": (lambda v: in_mpd(v, 'lang="[a-z]+"', 'lang="fr"'), DASH),
    "another beginning of a track in HLS": (lambda v: in_media(v, "media.m3u8", "init.mp4", "../init.mp4"), MEDIA),
    "a break in a playlist": (lambda v: in_media(v, "media.m3u8", "#EXTINF", "#EXT-X-DISCONTINUITY\n#EXTINF"), MEDIA),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(version: Any, fault: str) -> None:
    inject, check = FAULTS[fault]
    assert check in inject(version).failed()


@pytest.mark.parametrize("place", [0, SOUND, -1], ids=["of the picture", "of the sound", "of the subtitles"])
def test_a_missing_rendition_fails_and_does_not_end_the_check(version: Any, place: int) -> None:
    facts = [one for one in version.facts if one is not version.facts[place]]
    failed = replace(version, facts=tuple(facts)).failed()
    assert "every planned rendition is there" in failed
    assert {HLS, DASH} <= set(failed)


def test_no_rendition_at_all_fails(version: Any) -> None:
    report = replace(version, facts=()).report()
    assert not report.ok


def test_every_kind_of_check_catches_some_fault(version: Any) -> None:
    caught = {check for inject, _ in FAULTS.values() for check in inject(version).failed()}
    caught.add("every planned rendition is there")
    kinds = {re.sub(r"^(h264|aac)-\S+ ", "", name) for name in caught}
    all_kinds = {re.sub(r"^(h264|aac)-\S+ ", "", check.name) for check in version.report().checks}
    assert kinds == all_kinds


def test_a_report_is_a_plain_value(version: Any) -> None:
    value = version.report().to_json()
    assert value["ok"] is True
    assert value["checks"][0] == {"name": "every planned rendition is there", "ok": True, "found": "9 of 9"}
