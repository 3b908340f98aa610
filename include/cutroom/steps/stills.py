"""The step that makes stills: thumbnails. It decodes the source on its own, and so counts its frames once more."""

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom import ids
from cutroom.media import keys, poster, timeline
from cutroom.media.plan import Plan
from cutroom.media.video_plan import VideoPlan
from cutroom.steps import planning
from cutroom.steps.frame_stats import frame_ticks
from cutroom.steps.job import Job
from cutroom.steps.sound_stills import sound_stills
from cutroom.steps.version_files import CONTENT_TYPES, version_key
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.ffmpeg.sprites import SpriteSheet


def thumbnails(shop: Workshop, job: dict[str, Any]) -> dict[str, str]:
    """Make the stills of a version, and decode the source once on its own to know its frames.

    Returns:
        Name of each still to its key in the media bucket.
    """
    one = Job.from_json(job)
    made = one.plan(shop.work)
    if (known := shop.work.head(keys.plan_file(made.plan_id, "stills.json"))) is not None:
        stills: dict[str, str] = json.loads(shop.work.get_bytes(known.key))
        if all(shop.media.head(key) is not None for key in stills.values()):
            return stills
    reporter = shop.progress("thumbnails", "stills", float(made.source.duration_s or 1))
    with shop.steady(one.upload, made.source) as source, shop.folder("stills") as folder:
        files = sound_stills(shop, made, source, folder)
        if made.video is not None:
            files |= _video_stills(shop, made, source, folder, reporter)
        stills = {}
        for name, path in files.items():
            stills[name] = version_key(shop, one, made, path.name)
            shop.media.put_file(stills[name], path, content_type=CONTENT_TYPES[path.suffix])
    shop.work.put_bytes(keys.plan_file(made.plan_id, "stills.json"), json.dumps(stills).encode())
    reporter.finish()
    return stills


def _video_stills(shop: Workshop, made: Plan, source: Path, folder: Path, reporter: Any) -> dict[str, Path]:
    from cutroom.ffmpeg import inspection, runner, sprites
    from cutroom.ffmpeg.refusals import of_decoding, tells_of_damage

    video = made.video
    assert video is not None
    duration = sprites.end_s(video)
    sheet = sprites.plan_sheet(duration, video.track.display_size, made.thumbnails)
    # From within the folder: of the names of pictures ffmpeg takes a `%` for a number, also of a folder's.
    command = inspection.inspect_video(
        video, sheet, source=source.absolute(), stats=folder / "stats.txt", folder=Path()
    )
    log = folder / "ffmpeg.log"
    try:
        with of_decoding("The picture"), shop.busy(1):
            runner.run(command, log=log, limits=shop.limits, on_line=runner.Progress(reporter), cwd=folder)
    finally:
        shop.tool_ran("thumbnails", "stills", command, log, made.tools)
    timing = video.timing
    # Frames are counted in source ticks here, and moved to the output's timeline in the way that the plan says.
    decoded = frame_ticks(folder / "stats.txt", 1 / timing.time_base)  # type: ignore[arg-type]
    if video.track.is_retimed:
        # The container has no times of its own to hold against: what is checked is that every frame is there.
        decoded = _shown_times(shop, made, decoded)
    ticks = [timing.output_ticks(pts) for pts in decoded]
    boundaries = [timing.output_ticks(boundary) for boundary in video.boundaries]
    is_damaged = tells_of_damage(log.read_text(errors="replace"))
    shown = {rung.frame_step: timing.thinned(ticks, rung.frame_step) for rung in video.rungs}
    frames = {
        step: {
            "count": len(own),
            "ticks_digest": ids.digest(own),
            "starts": timeline.first_shown(boundaries, own),
            "is_damaged": is_damaged,
        }
        for step, own in shown.items()
    }
    shop.work.put_bytes(keys.plan_file(made.plan_id, "source_frames.json"), json.dumps(frames).encode())
    (folder / "thumbnails.vtt").write_text(sprites.webvtt(sheet, max(duration, _end_s(video, ticks))))
    sheets = sorted(folder.glob("sprite_*.jpg"))
    return {
        "poster": _chosen_poster(folder, sheet, duration),
        "poster_choice": folder / "poster.json",
        **{
            f"sprite_{number}" if number > 1 else "sprite": path
            for number, path in enumerate(sheets, start=1)
        },
        "vtt": folder / "thumbnails.vtt",
        "preview": folder / inspection.PREVIEW,
    }


def _end_s(video: VideoPlan, ticks: list[int]) -> Fraction:
    """When the last of these frames is no longer shown."""
    timing = video.timing
    if not ticks:
        return Fraction(0)
    lasts = timeline.last_lasts(ticks, timing.frame_ticks or video.last_lasts, timing.timescale)
    return Fraction(ticks[-1] + lasts, timing.timescale)


def _chosen_poster(folder: Path, sheet: "SpriteSheet", duration: Fraction) -> Path:
    """The best candidate under the poster's name; beside it lies what was measured of all of them."""
    from cutroom.ffmpeg import inspection, sprites

    choice = poster.choose(
        sprites.read_candidates((folder / inspection.MEASURED).read_text(), sheet), duration
    )
    (folder / "poster.json").write_text(json.dumps(choice.to_json(), indent=2))
    return (folder / (inspection.CANDIDATES % (choice.chosen + 1))).rename(folder / "poster.jpg")


def _shown_times(shop: Workshop, made: Plan, decoded: list[int]) -> list[int]:
    _, packets = planning.source_facts(shop, made.source.sha256)
    shown = timeline.shown_pts(packets)
    return shown if len(shown) == len(decoded) else decoded
