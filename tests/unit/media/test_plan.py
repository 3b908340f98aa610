from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import strategies
from cutroom.errors import PlanInvalid, SourceUnsupported
from cutroom.media.plan import Plan, make_plan
from cutroom.media.profile import Profile, load_profile
from cutroom.media.recipes import Rung, VideoCodec
from cutroom.media.source import AudioTrack, Source, VideoTrack
from cutroom.media.timeline import Packet
from cutroom.media.video_plan import MAX_MAP_WIDTH

TOOLS = {"ffmpeg": "9.0.2", "packager": "3.8.0", "pyav": "18.1"}
WEB = load_profile("web")
SOUND = AudioTrack(index=1, codec="aac", channels=2, sample_rate_hz=48_000, start_s=Fraction(0))


def source_of(
    *,
    audio: tuple[AudioTrack, ...] = (SOUND,),
    video: bool = True,
    size: tuple[int, int] = (1280, 720),
    **of_track: Any,
) -> Source:
    track = VideoTrack(
        index=0, codec="h264", width=size[0], height=size[1], time_base=Fraction(1, 25), frame_rate=Fraction(25),
    )  # fmt: skip
    return Source(
        sha256="ab" * 32,
        size_bytes=1,
        container="mov",
        start_s=Fraction(0),
        duration_s=None,
        video=(replace(track, **of_track),) if video else (),
        audio=audio,
    )


def plan_of(
    source: Source | None = None, profile: Profile = WEB, seconds: int = 120, tools: dict[str, str] = TOOLS
) -> Plan:
    packets = strategies.packets_of(range(25 * seconds))
    return make_plan(source or source_of(), packets, profile, asset_id="as_1", tools=tools)


def encodes(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {one.name: one.encode_keys for one in plan.renditions}


def changed_rung(place: int, **changes: object) -> Profile:
    codec = WEB.video[0]
    rungs = [one.model_copy(update=changes) if n == place else one for n, one in enumerate(codec.rungs)]
    return WEB.model_copy(update={"video": (codec.model_copy(update={"rungs": tuple(rungs)}),)})


@given(strategies.sources(), strategies.tracks(), strategies.profiles)
def test_a_plan_survives_the_way_through_json(
    source: Source, track: strategies.Track, profile: Profile
) -> None:
    source = replace(source, video=(replace(source.video[0], time_base=track.time_base),))
    plan = make_plan(source, track.packets, profile, asset_id="as_1", tools=TOOLS)
    assert Plan.load(plan.dump()) == plan
    assert Plan.load(plan.dump()).dump() == plan.dump()


@given(strategies.sources(), strategies.profiles)
def test_the_same_source_and_profile_give_the_same_plan(source: Source, profile: Profile) -> None:
    packets = strategies.packets_of(range(0, 40_000, 40))
    first, second = (make_plan(source, packets, profile, asset_id="as_1", tools=TOOLS) for _ in range(2))
    assert first == second


@given(strategies.sources(), strategies.profiles)
def test_renditions_and_rungs_have_names_of_their_own(source: Source, profile: Profile) -> None:
    plan = make_plan(
        source, strategies.packets_of(range(0, 40_000, 40)), profile, asset_id="as_1", tools=TOOLS
    )
    for named in ([one.name for one in plan.renditions], [one.key for one in plan.renditions]):
        assert len(set(named)) == len(named)


class TestNames:
    def test_a_changed_rung_changes_its_own_encodes_only(self) -> None:
        before, after = encodes(plan_of()), encodes(plan_of(profile=changed_rung(2, crf=30)))
        assert {name for name in before if before[name] != after[name]} == {"h264-480p"}

    @pytest.mark.parametrize("seconds", [30, 120, 600, 1800])
    def test_a_rung_more_or_less_leaves_the_encodes_of_the_others(self, seconds: int) -> None:
        codec = WEB.video[0]
        fewer = WEB.model_copy(update={"video": (codec.model_copy(update={"rungs": codec.rungs[:-2]}),)})
        before, after = encodes(plan_of(seconds=seconds)), encodes(plan_of(profile=fewer, seconds=seconds))
        assert len(after) == len(before) - 2
        assert after == {name: before[name] for name in after}

    def test_the_description_of_the_profile_changes_nothing(self) -> None:
        assert plan_of(profile=WEB.model_copy(update={"description": "other words"})) == plan_of()

    def test_another_packager_changes_renditions_but_no_encode(self) -> None:
        before, after = plan_of(), plan_of(tools={**TOOLS, "packager": "3.9.0"})
        assert encodes(before) == encodes(after)
        assert not {one.key for one in before.renditions} & {one.key for one in after.renditions}
        assert before.plan_id != after.plan_id

    def test_another_ffmpeg_changes_everything(self) -> None:
        before, after = plan_of(), plan_of(tools={**TOOLS, "ffmpeg": "9.1"})
        old, new = ({key for keys in encodes(one).values() for key in keys} for one in (before, after))
        assert not old & new
        assert not {one.key for one in before.renditions} & {one.key for one in after.renditions}

    def test_another_file_changes_everything(self) -> None:
        before, after = plan_of(), plan_of(replace(source_of(), sha256="cd" * 32))
        old, new = ({key for keys in encodes(one).values() for key in keys} for one in (before, after))
        assert not old & new

    def test_another_asset_shares_the_renditions_and_has_its_own_version(self) -> None:
        packets = strategies.packets_of(range(250))
        one, other = (
            make_plan(source_of(), packets, WEB, asset_id=asset, tools=TOOLS) for asset in ("as_1", "as_2")
        )
        assert one.renditions == other.renditions
        assert one.version_id != other.version_id
        assert one.plan_id != other.plan_id

    def test_each_chunk_of_each_rung_has_a_key_of_its_own(self) -> None:
        keys = [key for of_one in encodes(plan_of(seconds=600)).values() for key in of_one]
        assert len(set(keys)) == len(keys)

    def test_a_rendition_is_found_by_its_key(self) -> None:
        plan = plan_of()
        assert plan.rendition(plan.renditions[2].key) is plan.renditions[2]


class TestChunks:
    @pytest.mark.parametrize(
        ("segment_s", "size"), [(6, (320, 180)), (6, (1920, 1080)), (6, (7680, 4320)), (1, (7680, 4320))]
    )
    def test_a_source_of_24_hours_stays_within_the_width_of_a_map(
        self, segment_s: int, size: tuple[int, int]
    ) -> None:
        # One frame a segment is enough to lay the grid.
        packets = strategies.packets_of(range(0, 24 * 3600 * 25, 25 * segment_s))
        profile = WEB.model_copy(update={"segment_s": Fraction(segment_s)})
        plan = make_plan(source_of(size=size), packets, profile, asset_id="as_1", tools=TOOLS)
        assert plan.video is not None
        assert len(plan.video.chunks) <= MAX_MAP_WIDTH

    def test_a_short_source_is_one_chunk(self) -> None:
        plan = plan_of(source_of(size=(320, 180)), seconds=10)
        assert plan.video is not None
        assert len(plan.video.chunks) == 1

    def test_a_larger_picture_is_cut_into_more_chunks(self) -> None:
        small, large = (plan_of(source_of(size=size)).video for size in ((640, 360), (3840, 2160)))
        assert small is not None
        assert large is not None
        assert len(small.chunks) < len(large.chunks)

    def test_boundaries_of_the_chunks_are_those_of_the_plan(self) -> None:
        video = plan_of().video
        assert video is not None
        assert list(video.boundaries) == list(range(0, 3000, 150))

    @given(st.integers(-(10**9), 10**9), st.sampled_from(["1/25", "1/90000", "1001/30000", "1001/24000"]))
    def test_shifted_times_are_never_negative_and_the_shift_is_none_without_need(
        self, start: int, time_base: str
    ) -> None:
        packets = [Packet(pts=start + n, is_keyframe=n == 0) for n in range(10)]
        tick_s = Fraction(time_base)
        video = make_plan(
            source_of(audio=(), time_base=tick_s), packets, WEB, asset_id="as_1", tools=TOOLS
        ).video
        assert video is not None
        least = start * tick_s + video.shift_s
        assert least >= 0
        assert video.shift_s == 0 or least < tick_s.numerator
        # So that adding it is exact wherever it is done: in ticks, in seconds.
        assert (video.shift_s / tick_s).denominator == 1


class TestPictures:
    @pytest.mark.parametrize(
        ("of_track", "wanted"),
        [
            ({}, (False, False, 0, False)),
            ({"field_order": "progressive"}, (False, False, 0, False)),
            ({"field_order": "tt"}, (True, False, 0, False)),
            ({"color_transfer": "smpte2084"}, (False, True, 0, False)),
            ({"color_transfer": "arib-std-b67"}, (False, True, 0, False)),
            ({"rotation": 270, "mirrored": True}, (False, False, 270, True)),
        ],
    )
    def test_what_is_done_to_a_frame_follows_from_what_the_probe_found(
        self, of_track: dict[str, Any], wanted: tuple[bool, bool, int, bool]
    ) -> None:
        video = plan_of(source_of(**of_track)).video
        assert video is not None
        picture = video.picture
        assert (picture.deinterlace, picture.tone_map, picture.rotation, picture.mirrored) == wanted

    @pytest.mark.parametrize(
        ("size", "of_track", "wanted"),
        [
            ((1280, 720), {"rotation": 90}, (720, 1280)),
            ((720, 576), {"sar": Fraction(64, 45)}, (1024, 576)),
            ((720, 480), {"sar": Fraction(8, 9)}, (720, 540)),
            ((720, 576), {"sar": Fraction(64, 45), "rotation": 270}, (576, 1024)),
        ],
    )
    def test_the_largest_rung_is_the_picture_as_shown(
        self, size: tuple[int, int], of_track: dict[str, Any], wanted: tuple[int, int]
    ) -> None:
        video = plan_of(source_of(size=size, **of_track)).video
        assert video is not None
        assert (video.rungs[0].width, video.rungs[0].height) == wanted


class TestThinnedRungs:
    """Every rung shows its frames evenly, and all of them the first of every segment."""

    @given(strategies.constant_times(), strategies.segment_lengths, st.lists(st.integers(1, 240), min_size=1))
    def test_segments_begin_with_frames_that_every_rung_shows(
        self, times: tuple[list[int], Fraction, Fraction], segment_s: Fraction, most_fps: list[int]
    ) -> None:
        pts, time_base, rate = times
        rungs = tuple(
            Rung(box=(1280 >> n, 720 >> n), max_bitrate=1_000_000, max_fps=Fraction(fps))
            for n, fps in enumerate(most_fps[:4])
        )
        profile = WEB.model_copy(
            update={"segment_s": segment_s, "video": (VideoCodec(codec="h264", rungs=rungs),), "audio": ()}
        )
        source = source_of(audio=(), time_base=time_base, frame_rate=rate)
        video = make_plan(source, strategies.packets_of(pts), profile, asset_id="as_1", tools=TOOLS).video
        assert video is not None
        assert video.frame_rate == rate or len(pts) < 2
        shown = [video.timing.output_ticks(one) for one in pts]
        grid = {video.timing.output_ticks(one) for one in video.boundaries}
        for rung in video.rungs:
            own = video.timing.thinned(shown, rung.frame_step)
            assert own == shown[:: rung.frame_step]
            assert grid <= set(own)
            assert video.ends_at(own[-1], rung) == shown[-1] + (video.timing.frame_ticks or 0)
            assert (video.rate_of(rung) or 0) <= min(rate, max(most_fps))

    def test_a_variable_rate_keeps_all_its_frames(self) -> None:
        slow = changed_rung(1, max_fps=Fraction(1))
        packets = strategies.packets_of([0, 1, 2, 7, 20, 21, 22, 40])
        source = source_of(audio=(), frame_rate=None)
        video = make_plan(source, packets, slow, asset_id="as_1", tools=TOOLS).video
        assert video is not None
        assert {rung.frame_step for rung in video.rungs} == {1}


class TestSound:
    def chosen(self, *tracks: AudioTrack) -> list[int]:
        return [one.track.index for one in plan_of(source_of(audio=tracks)).audio]

    @given(st.lists(strategies.audio_tracks, min_size=1, unique_by=lambda one: one.index))
    def test_every_track_is_carried(self, tracks: list[AudioTrack]) -> None:
        assert self.chosen(*tracks) == [one.index for one in tracks]

    def test_the_first_track_is_the_default_one(self) -> None:
        made = plan_of(source_of(audio=(SOUND, replace(SOUND, index=2, language="de", role="commentary"))))
        sound = [track for one in made.renditions for track in one.tracks if track.kind == "audio"]
        assert {(one.track, one.language, one.role, one.is_default) for one in sound} == {
            (1, SOUND.language, "main", True),
            (2, "de", "commentary", False),
        }

    @given(strategies.audio_tracks, strategies.audio_codecs)
    def test_bit_rates_go_from_the_best_down_and_suit_the_sound(self, track: AudioTrack, codec: Any) -> None:
        profile = load_profile("podcast").model_copy(update={"audio": (codec,)})
        (audio,) = make_plan(
            source_of(audio=(track,), video=False), [], profile, asset_id="a", tools=TOOLS
        ).audio
        rates = [one.bitrate_bps for one in audio.rungs]
        assert rates == sorted(set(rates), reverse=True)
        for rung in audio.rungs:
            assert rung.channels <= min(2, track.channels)
            assert rung.bitrate_bps <= 4 * rung.sample_rate_hz * rung.channels

    @pytest.mark.parametrize(
        ("rate", "wanted"),
        [(44_100, 44_100), (8_000, 48_000), (24_000, 48_000), (96_000, 48_000), (44_056, 48_000)],
    )
    def test_a_sample_rate_that_players_do_not_take_becomes_48_khz(self, rate: int, wanted: int) -> None:
        (audio,) = plan_of(source_of(audio=(replace(SOUND, sample_rate_hz=rate),))).audio
        assert {one.sample_rate_hz for one in audio.rungs} == {wanted}


class TestOrigin:
    def origin(self, sound_start: Fraction | None) -> Fraction:
        packets = strategies.packets_of(range(25, 100))
        source = source_of(audio=(replace(SOUND, start_s=sound_start),))
        video = make_plan(source, packets, WEB, asset_id="as_1", tools=TOOLS).video
        assert video is not None
        assert video.timing.first_ticks == round((1 - video.timing.origin_s) * video.timing.timescale)
        return video.timing.origin_s

    def test_the_presentation_starts_with_the_track_that_starts_first(self) -> None:
        assert self.origin(Fraction(1, 2)) == Fraction(1, 2)
        assert self.origin(Fraction(2)) == 1

    def test_a_sound_that_starts_less_than_a_millisecond_earlier_starts_with_the_picture(self) -> None:
        assert self.origin(Fraction(1) - Fraction(1, 1000)) == 1
        assert self.origin(Fraction(1) - Fraction(2, 1000)) == Fraction(998, 1000)

    def test_a_sound_whose_start_is_not_known_has_no_say(self) -> None:
        assert self.origin(None) == 1

    def test_sound_alone_starts_with_its_first_track(self) -> None:
        tracks = (
            replace(SOUND, start_s=Fraction(3)),
            replace(SOUND, index=2, language="eng", start_s=Fraction(2)),
        )
        plan = make_plan(source_of(audio=tracks, video=False), [], WEB, asset_id="as_1", tools=TOOLS)
        assert {one.origin_s for one in plan.audio} == {Fraction(2)}


class TestNothingToMake:
    def refused(self, source: Source, profile: Profile) -> str:
        with pytest.raises(SourceUnsupported) as error:
            make_plan(source, strategies.packets_of(range(25)), profile, asset_id="as_1", tools=TOOLS)
        return str(error.value)

    def test_pictures_without_sound_make_no_podcast(self) -> None:
        said = self.refused(source_of(audio=()), load_profile("podcast"))
        assert "holds only video" in said
        assert "profile podcast makes audio" in said

    def test_sound_makes_no_profile_of_pictures_alone(self) -> None:
        said = self.refused(source_of(video=False), WEB.model_copy(update={"audio": ()}))
        assert "holds only audio" in said
        assert "profile web makes video" in said

    def test_a_file_with_neither_is_told_so(self) -> None:
        assert "no video and no audio" in self.refused(source_of(video=False, audio=()), WEB)

    def test_sound_with_a_picture_becomes_a_podcast_without_it(self) -> None:
        plan = plan_of(profile=load_profile("podcast"))
        assert plan.video is None
        assert {one.kind for one in plan.renditions} == {"audio", "download"}

    @given(strategies.sources())
    def test_a_track_of_which_nothing_is_shown_is_an_invalid_plan(self, source: Source) -> None:
        assume(source.video)
        hidden = [Packet(pts=0, is_keyframe=True, is_shown=False)]
        with pytest.raises(PlanInvalid, match="no frame that is shown"):
            make_plan(source, hidden, WEB, asset_id="as_1", tools=TOOLS)
