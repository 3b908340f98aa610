"""What a track of sound is decoded from, and how it is placed on the presentation's timeline: ffmpeg's filters."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from cutroom.ffmpeg.argv import ONE_THREAD, rational
from cutroom.ffmpeg.containers import INPUT_OPTIONS, named
from cutroom.media.audio_plan import AudioPlan
from cutroom.media.clock import SMALLEST_GAP_S
from cutroom.media.edits import heard as heard_of
from cutroom.media.lost_frames import FOLLOWED, LEFT_S, SMALLEST_STEP_S
from cutroom.media.source import AudioTrack, SoundClock

AHEAD = 48_000
"""Samples that a track is filled up to before the presentation, to be cut again: of a first frame that is less than
10 ms late ffmpeg would take no notice."""

LEVELLED = ".levelled"
"""How the name of a file ends that `sound.level` wrote."""

# Gaps are filled with silence, and what comes twice is cut. A clock of the sound that drifts from that of its container
# (a recorder's sound card) is followed by half a percent at most, which nobody hears; 10 ms are left as they are.
IN_STEP = {
    "async": 1,
    "first_pts": -AHEAD,
    "min_comp": f"{float(LEFT_S):.3f}",
    "min_hard_comp": f"{float(SMALLEST_GAP_S)}",
    "max_soft_comp": f"{float(FOLLOWED):.3f}",
    "comp_duration": 1,
}

# Where times are counted from samples there is no drift, and what is missing is missing at once: a broken frame, or the
# tag where two files were put one after the other.
COUNTED = {**IN_STEP, "min_hard_comp": IN_STEP["min_comp"], "max_soft_comp": 0}

# There a frame that was lost in reception is a gap: 15 ms and more are silence at once, and no clock that drifts.
EXACT = {**IN_STEP, "min_hard_comp": f"{float(SMALLEST_STEP_S):.3f}"}

# A time of Vorbis is off by up to 448 samples where a page ends between a long block and a short one (14 ms at 32 kHz),
# and nothing is wrong.
ROUGH_S, ROUGH_SAMPLES = Fraction(1, 50), 512

_IN_STEP: Mapping[SoundClock, Mapping[str, Any]] = {
    "loose": IN_STEP,
    "rough": IN_STEP,
    "exact": EXACT,
    "counted": COUNTED,
    "none": COUNTED,
}


def indices(audio: AudioPlan) -> tuple[int, ...]:
    """Stream indices of what makes a track."""
    return audio.track.joined or (audio.track.index,)


def _in_step(track: AudioTrack) -> Mapping[str, Any]:
    """How closely the times of a track are followed."""
    options = _IN_STEP[track.clock]
    if track.clock != "rough":
        return options
    left_s = max(ROUGH_S, Fraction(ROUGH_SAMPLES, track.sample_rate_hz))
    gap_s = max(SMALLEST_GAP_S, 2 * left_s)
    return {**options, "min_comp": f"{float(left_s):.4f}", "min_hard_comp": f"{float(gap_s):.4f}"}


def step_s(track: AudioTrack) -> Fraction:
    """How far a frame has to be from its place for silence to be put in front of it, or for it to be cut."""
    return Fraction(_in_step(track)["min_hard_comp"])


def streams(audio: AudioPlan, source: Path) -> tuple[int, ...]:
    """Which streams a track is decoded from; `level` has written them in order."""
    found = indices(audio)
    return tuple(range(len(found))) if source.suffix == LEVELLED else found


def options_of(source: Path) -> dict[str, Any]:
    """How ffmpeg reads the sound of a file."""
    # With several threads the decoders of FLAC, ALAC and WavPack drop other frames than those that an edit list leaves
    # out.
    return INPUT_OPTIONS | named(source) | ONE_THREAD | {"copyts": None, "vn": None, "sn": None, "dn": None}


def placed(audio: AudioPlan, source: Path) -> Any:
    """A track on the presentation's timeline: silence before a late start and in gaps, so that it stays in step."""
    at = "N/SR/TB" if audio.track.clock == "none" else f"PTS-round(({rational(audio.origin_s)})/TB)"
    ends_s = audio.track.ends_s
    last = (
        {} if ends_s is None else {"end_pts": round((ends_s - audio.origin_s) * audio.track.sample_rate_hz)}
    )
    placed = [
        played(audio, source, stream)
        .filter("asetpts", at)
        .filter("aresample", **_in_step(audio.track))
        .filter("atrim", start_pts=0, **last)
        for stream in streams(audio, source)
    ]
    taken_as = audio.track.taken_as
    if len(placed) == 1 and taken_as is not None:
        order = "|".join(str(channel) for channel in range(audio.track.channels))
        return placed[0].filter("channelmap", map=order, channel_layout=taken_as)
    if len(placed) == 1:
        return placed[0]
    # amerge ends with the shortest, and gives so many channels the layout of that number.
    track = audio.track
    placed = [one.filter("aformat", channel_layouts="mono") for one in placed]
    if track.duration_s is not None:
        end = float((track.start_s or 0) + track.duration_s - audio.origin_s)
        placed = [one.filter("apad", whole_dur=f"{end:.6f}") for one in placed]
    return ffmpeg.filter(placed, "amerge", inputs=len(placed))


def played(audio: AudioPlan, source: Path, index: int) -> Any:
    """The samples of a stream at the times that its container, or an edit list of several stretches, gives them."""
    track = audio.track
    options = options_of(source)
    if not track.edits:
        return ffmpeg.input(f"file:{source}", **options)[str(index)]
    # ffmpeg follows such a list from frame to frame, up to 21 ms from where it says. Each stretch has a reader of its
    # own, as sound would else be kept until its turn comes; another length of queue tells one from the other.
    without = options | unedited(source)
    stretches = []
    for number, (pause, first, end) in enumerate(heard_of(track.edits, track.sample_rate_hz)):
        stretches.append(
            ffmpeg.input(f"file:{source}", **without, thread_queue_size=8 + number)[str(index)]
            .filter("aresample", **_in_step(track))
            .filter("atrim", start_pts=first, end_pts=end)
            .filter("asetpts", "PTS-STARTPTS")
            .filter("apad", whole_len=end - first)
            .filter("adelay", f"{pause}S", all=1)
        )
    return ffmpeg.filter(stretches, "concat", n=len(stretches), v=0, a=1)


def decoded(audio: AudioPlan, source: Path, index: int) -> Any:
    """The samples of a stream at their own times, whatever an edit list of several stretches plays of them."""
    options = options_of(source) | (unedited(source) if audio.track.edits else {})
    return ffmpeg.input(f"file:{source}", **options)[str(index)]


def unedited(source: Path) -> dict[str, int]:
    """What has ffmpeg pass over an edit list, where the file can have one."""
    return {} if source.suffix == LEVELLED else {"ignore_editlist": 1}
