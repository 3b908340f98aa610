"""Files to take away, made of the same encodes as the segments: picture and sound copied into one container."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom import ids
from cutroom.media import timeline
from cutroom.media.plan import Plan
from cutroom.media.rendition_plan import EncodedTrack, RenditionPlan
from cutroom.steps.frame_stats import frame_ticks
from cutroom.steps.sound import HEARD, compare_heard, read_samples
from cutroom.steps.workshop import Workshop, sha256_of

if TYPE_CHECKING:
    from cutroom.packaging.facts import RenditionFacts


def make_download(
    shop: Workshop,
    made: Plan,
    rendition: RenditionPlan,
    folder: Path,
    fetch: Callable[[EncodedTrack], tuple[Path, list[int]]],
) -> "RenditionFacts":
    """Write a download into `files` of a folder, decode it once, and give what was measured.

    Args:
        shop: Where it is made.
        made: The plan.
        rendition: The download.
        folder: An empty folder.
        fetch: Gives the file of an encoded track, and the times that the encoder of a picture was given.
    """
    from cutroom.ffmpeg import argv, runner
    from cutroom.packaging import facts, packager
    from cutroom.packaging.containers import CONTAINERS

    files = folder / "files"
    files.mkdir()
    path = files / f"{rendition.name}.{rendition.container}"
    fetched = [fetch(track) for track in rendition.tracks]
    inputs = [encoded for encoded, _ in fetched]
    if inputs[0].suffix == path.suffix == ".mp3":
        # As its encoder wrote it: the tag in front tells how much of the first and last frames is not to be played.
        inputs[0].replace(path)
        codec = "mp3"
    else:
        codec = ",".join(
            packager.codec_string(one, log=folder / "codec.log", limits=shop.limits) for one in inputs
        )
        command = argv.copy(inputs, path, container=rendition.container)
        runner.run(command, log=folder / "copy.log", limits=shop.limits, on_line=lambda _: None)
    picture = _rung(made, rendition, "video")
    sound = _rung(made, rendition, "audio")
    heard = _track(rendition, "audio")
    channels = sound.channels if sound else None
    decoded = {track.kind: _decoded(shop, track.kind, channels, path, folder) for track in rendition.tracks}
    shown = []
    if made.video and picture:
        timescale = made.video.timing.timescale
        given = next(ticks for _, ticks in fetched if ticks)
        resolution = CONTAINERS[rendition.container].resolution_s if rendition.container in CONTAINERS else 0
        shown = timeline.snapped(
            frame_ticks(decoded["video"], timescale), given, Fraction(resolution * timescale)
        )
    size = path.stat().st_size
    average = max(1, round(8 * size / max(1.0, float(made.source.duration_s or 1))))
    return facts.RenditionFacts(
        key=rendition.key,
        name=rendition.name,
        kind="download",
        container=rendition.container,
        rung=rendition.rung,
        track=rendition.track,
        codec_string=codec,
        timescale=made.video.timing.timescale if made.video and picture else sound.sample_rate_hz,
        segments=(),
        bandwidth_bps=average,
        average_bandwidth_bps=average,
        size_bytes=size,
        files={path.name: sha256_of(path)},
        width=picture.width if picture else None,
        height=picture.height if picture else None,
        frame_rate=made.video.rate_of(picture) if made.video and picture else None,
        frame_step=picture.frame_step if picture else 1,
        video_range=picture.video_range if picture else None,
        channels=sound.channels if sound else None,
        sample_rate_hz=sound.sample_rate_hz if sound else None,
        decoded_frames=len(shown) if picture else None,
        decoded_ticks_digest=ids.digest(shown) if picture else None,
        decoded_samples=read_samples(decoded["audio"]).samples if sound else None,
        likeness=None if heard is None else compare_heard(shop, heard.encode_keys[0], folder),
    )


def _decoded(shop: Workshop, kind: str, channels: int | None, path: Path, folder: Path) -> Path:
    from cutroom.ffmpeg import argv, runner, sound

    stats = folder / f"decoded-{kind}.txt"
    command = (
        argv.decode(source=path, stats=stats)
        if channels is None or kind == "video"
        else sound.decode(source=path, stats=stats, channels=channels, heard=folder / HEARD)
    )
    runner.run(command, log=folder / f"decode-{kind}.log", limits=shop.limits, on_line=lambda _: None)
    return stats


def _track(rendition: RenditionPlan, kind: str) -> EncodedTrack | None:
    return next((one for one in rendition.tracks if one.kind == kind), None)


def _rung(made: Plan, rendition: RenditionPlan, kind: str) -> Any:
    track = _track(rendition, kind)
    rungs = made.video.rungs if kind == "video" and made.video else [r for a in made.audio for r in a.rungs]
    return None if track is None else next(rung for rung in rungs if rung.name == track.rung)
