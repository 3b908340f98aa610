"""The target duration of a version: whole seconds that none of its segments exceeds by half a second. Pure.

It has to be the same in all playlists of pictures and sound (RFC 8216bis, 6.2.4), which are made one by one. So it is
planned: a source that shows no picture for ten seconds has a longer segment of pictures, and sound has to
state it, too.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from cutroom.media import codecs, timeline
from cutroom.media.audio_plan import AudioPlan
from cutroom.media.timeline import Packet
from cutroom.media.video_plan import VideoPlan


def target_duration_s(
    video: VideoPlan | None, packets: Sequence[Packet], audio: Sequence[AudioPlan], segment_s: Fraction
) -> int:
    """Seconds of which no segment, rounded to the nearest integer, has more.

    Args:
        video: The plan of the pictures; None: there are none.
        packets: Their packets.
        audio: The plans of the sound.
        segment_s: Segment length S.
    """
    longest = [_longest_sound_s(one, segment_s) for one in audio]
    if video is not None:
        longest.append(_longest_picture_s(video, packets))
    return max(1, *(math.floor(one + Fraction(1, 2)) for one in longest))


def _longest_picture_s(video: VideoPlan, packets: Sequence[Packet]) -> Fraction:
    """The first segment counts from the beginning of the presentation, the last one until its last frame ends."""
    timing = video.timing
    shown = [timing.output_ticks(pts) for pts in timeline.shown_pts(packets)]
    end = shown[-1] + (timing.frame_ticks or timeline.last_lasts(shown, video.last_lasts, timing.timescale))
    begins = [0, *(timing.output_ticks(pts) for pts in video.boundaries[1:]), end]
    return Fraction(max(after - begin for begin, after in pairwise(begins)), timing.timescale)


def _longest_sound_s(audio: AudioPlan, segment_s: Fraction) -> Fraction:
    """A segment ends with the first frame that ends behind it; the first begins with what the encoder puts in front."""
    track = audio.track
    known = track.start_s is not None and track.duration_s is not None
    ends_s = (track.start_s or 0) + (track.duration_s or 0) - audio.origin_s
    lasts_s = min(segment_s, max(Fraction(0), ends_s)) if known else segment_s
    return lasts_s + max(
        Fraction(facts.frame_samples * (1 if facts.is_lossless else 2), rung.sample_rate_hz)
        for rung in audio.rungs
        for facts in [codecs.AUDIO[rung.codec]]
    )
