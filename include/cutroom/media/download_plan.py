"""The plan of the files to take away: which encodes each of them holds. Pure."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from cutroom.media.audio_plan import AudioPlan
from cutroom.media.profile import Profile
from cutroom.media.recipes import Download
from cutroom.media.rendition_plan import CodedTrack, RenditionPlan, plan_rendition
from cutroom.media.source import Source
from cutroom.media.tagging import plan_tagging
from cutroom.media.video_plan import VideoPlan


def plan_downloads(
    *,
    source: Source,
    profile: Profile,
    tracks: Sequence[CodedTrack],
    video: VideoPlan | None,
    audio: Sequence[AudioPlan],
    origin_s: Fraction,
    tools: Mapping[str, str],
) -> list[RenditionPlan]:
    """The files to take away: of each what the source has; a file of which nothing is left is not made.

    Another tag in the source makes another download, and of the same encodes.
    """
    encoded = {track.rung: track for track, _ in tracks}
    found = []
    for part in profile.downloads:
        names = [_picture(part, video), _sound(part, audio)]
        chosen = tuple(encoded[name] for name in names if name is not None)
        if chosen:
            found.append(
                plan_rendition(
                    name=part.name,
                    kind="download",
                    container=part.container,
                    tracks=chosen,
                    packaging=[],
                    tools=tools,
                    tagging=plan_tagging(source, part.container, origin_s),
                )
            )
    return found


def _picture(part: Download, video: VideoPlan | None) -> str | None:
    """The largest rung that is not larger than asked for, else the smallest."""
    if video is None or part.video is None:
        return None
    rungs = [rung for rung in video.rungs if rung.codec == part.video]
    fitting = [r for r in rungs if part.height is None or min(r.width, r.height) <= part.height]
    return (fitting or rungs[-1:])[0].name


def _sound(part: Download, audio: Sequence[AudioPlan]) -> str | None:
    """The default track, at the most channels and the highest bit rate."""
    plans = [one for one in audio if one.rungs[0].codec == part.audio]
    if not plans:
        return None
    first = plans[0].track.index
    best = max((one for one in plans if one.track.index == first), key=lambda one: one.rungs[0].channels)
    return best.rungs[0].name
