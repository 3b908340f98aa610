from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given

import strategies
from cutroom.media.plan import Plan, make_plan
from cutroom.media.profile import Profile, load_profile
from cutroom.media.source import AudioTrack, Source, VideoTrack
from cutroom.packaging import facts

SOUND = AudioTrack(index=1, codec="aac", channels=2, sample_rate_hz=48_000, start_s=Fraction(0))
PICTURE = VideoTrack(
    index=0, codec="h264", width=320, height=180, time_base=Fraction(1, 25), frame_rate=Fraction(25)
)


def plan_of(
    times: Sequence[int], sound: AudioTrack | None = SOUND, segment_s: Fraction = Fraction(6)
) -> Plan:
    source = Source(
        sha256="ab" * 32, size_bytes=1, container="mov", start_s=Fraction(0), duration_s=None,
        video=(PICTURE,) if times else (), audio=(sound,) if sound else (),
    )  # fmt: skip
    profile = load_profile("web").model_copy(update={"segment_s": segment_s})
    return make_plan(source, strategies.packets_of(times), profile, asset_id="as_1", tools={})


FILM = range(25 * 20)
LATE_S = Fraction("6.4")


@pytest.mark.parametrize(
    ("times", "sound", "target_s"),
    [
        (FILM, SOUND, 6),
        # A picture every four seconds: none begins at 6 s, so the first segment lasts for 8 s.
        (range(0, 25 * 40, 100), SOUND, 8),
        # A pause of 13.4 s in the middle.
        ([*range(50), *range(385, 500)], SOUND, 15),
        # Players count from the beginning of the presentation, not from the first picture.
        (range(round(25 * LATE_S), 25 * 20), SOUND, 12),
        # One second of everything.
        (range(25), replace(SOUND, duration_s=Fraction(1)), 1),
        ([], replace(SOUND, duration_s=Fraction(1)), 1),
        # Nobody knows how long the sound is.
        ([], SOUND, 6),
    ],
)
def test_the_target_duration_is_that_of_the_longest_segment(
    times: Sequence[int], sound: AudioTrack, target_s: int
) -> None:
    assert plan_of(times, sound).target_s == target_s


def test_sound_whose_segments_end_behind_the_grid_counts() -> None:
    # Segments of pictures last 5.48 s at most, those of sound up to 5.5 s, and that is rounded up.
    segment_s = Fraction("5.48")
    assert plan_of(FILM, None, segment_s).target_s == 5
    assert plan_of(FILM, SOUND, segment_s).target_s == 6


def test_another_target_duration_makes_another_rendition_of_the_same_sound() -> None:
    film, slides = (plan_of(times).renditions[-1] for times in (FILM, range(0, 500, 100)))
    assert film.encode_keys == slides.encode_keys
    assert film.key != slides.key


@given(strategies.tracks(), strategies.profiles)
def test_no_segment_of_pictures_is_longer(track: strategies.Track, profile: Profile) -> None:
    picture = replace(PICTURE, time_base=track.time_base, frame_rate=None)
    source = Source(
        sha256="ab" * 32, size_bytes=1, container="mov", start_s=None, duration_s=None, video=(picture,)
    )
    plan = make_plan(source, track.packets, profile, asset_id="as_1", tools={})
    assert plan.video is not None
    timing = plan.video.timing
    begins = [timing.output_ticks(pts) for pts in plan.video.boundaries]
    lasting = [Fraction(after - begin, timing.timescale) for begin, after in pairwise([0, *begins[1:]])]
    assert plan.target_s >= facts.target_duration([Fraction(0), *lasting])
