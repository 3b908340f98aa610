"""Which tracks of sound are carried, and what players list them as."""

from dataclasses import replace
from fractions import Fraction

import pytest

from cutroom.media.sound_tracks import MAX_TRACKS, can_be_mixed, carried_tracks, taken_as
from cutroom.media.source import AudioTrack

STEREO = AudioTrack(index=1, codec="aac", channels=2, sample_rate_hz=48_000)
MONO = replace(STEREO, channels=1)


def of_index(track: AudioTrack, *indices: int) -> list[AudioTrack]:
    return [replace(track, index=index) for index in indices]


def test_the_default_track_comes_first_and_the_others_as_they_are() -> None:
    tracks, left_out = carried_tracks([*of_index(STEREO, 1, 2), replace(STEREO, index=3, is_default=True)])
    assert [one.index for one in tracks] == [3, 1, 2]
    assert left_out == []


def test_names_are_distinct_and_tell_the_role() -> None:
    tracks, _ = carried_tracks(
        [
            replace(STEREO, index=1, label="English", language="en"),
            replace(STEREO, index=2, label="English", language="en", role="commentary"),
            replace(STEREO, index=3, label="English", language="en"),
            replace(STEREO, index=4, label="English audio description", role="description"),
            replace(STEREO, index=5, channels=6),
        ]
    )
    assert [one.label for one in tracks] == [
        "English", "English (commentary)", "English 2", "English audio description", "Track 5",
    ]  # fmt: skip


def test_more_tracks_than_are_carried_are_named() -> None:
    tracks, left_out = carried_tracks(of_index(STEREO, *range(MAX_TRACKS + 2)))
    assert len(tracks) == MAX_TRACKS
    assert [said.split(":")[0] for said in left_out] == [f"track {MAX_TRACKS}", f"track {MAX_TRACKS + 1}"]


def test_single_channels_of_a_master_are_the_channels_of_programmes() -> None:
    joined = {
        count: [
            (one.channel_layout, one.joined)
            for one in carried_tracks(of_index(MONO, *range(1, count + 1)))[0]
        ]
        for count in (1, 2, 3, 4, 6, 8)
    }
    assert joined == {
        1: [(None, ())],
        2: [("stereo", (1, 2))],
        3: [(None, ())] * 3,
        4: [("stereo", (1, 2)), ("stereo", (3, 4))],
        6: [("5.1", (1, 2, 3, 4, 5, 6))],
        8: [("5.1", (1, 2, 3, 4, 5, 6)), ("stereo", (7, 8))],
    }


def test_single_channels_that_something_tells_apart_stay_apart() -> None:
    for other in (
        replace(MONO, index=2, language="de"),
        replace(MONO, index=2, label="Boom"),
        replace(MONO, index=2, role="description"),
        replace(MONO, index=2, sample_rate_hz=44_100),
    ):
        assert [one.joined for one in carried_tracks([MONO, other])[0]] == [(), ()]


def test_a_joined_track_starts_with_its_first_channel_and_ends_with_its_last() -> None:
    left = replace(MONO, start_s=Fraction(1), duration_s=Fraction(4))
    right = replace(MONO, index=2, start_s=Fraction(1, 2), duration_s=Fraction(6), is_default=True)
    ((track,), _) = carried_tracks([left, right])
    assert (track.start_s, track.duration_s, track.is_default, track.channels) == (Fraction(1, 2), 6, True, 2)


@pytest.mark.parametrize(
    ("channels", "layout", "is_mixed", "taken"),
    [
        (1, "1 channels (LFE)", True, None),
        (2, None, True, None),
        (2, "stereo", True, None),
        (2, "2 channels (FC+LFE)", True, None),
        (2, "2 channels (BL+BR)", True, "stereo"),
        (2, "2 channels (FL+FC)", True, "stereo"),
        (2, "binaural", False, None),
        (3, None, True, "3.0"),
        (3, "2.1", True, None),
        (3, "3 channels (FL+FR+TC)", False, None),
        (3, "3 channels (BL+BR+BC)", False, None),
        (4, None, True, None),
        (4, "4 channels (FL+FR+LFE+BC)", True, None),
        (4, "ambisonic 1", False, None),
        (8, "7.1(wide)", True, None),
        (8, "cube", False, None),
        (9, None, False, None),
    ],
)
def test_channels_are_taken_for_what_loses_none_of_them(
    channels: int, layout: str | None, is_mixed: bool, taken: str | None
) -> None:
    """ffmpeg takes three without places for left, right and LFE, and refuses two that are not in front."""
    assert can_be_mixed(channels, layout) is is_mixed
    if is_mixed:
        assert taken_as(channels, layout) == taken
