"""Files to take away, made of the same encodes as the segments: picture and sound copied into one container."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom import ids
from cutroom.media.plan import Plan
from cutroom.media.rendition_plan import RenditionPlan
from cutroom.steps.encodes import fetch_encode
from cutroom.steps.joined import join_pictures, read_back
from cutroom.steps.sound import HEARD, compare_heard, read_samples
from cutroom.steps.workshop import Workshop, sha256_of

if TYPE_CHECKING:
    from cutroom.packaging.facts import RenditionFacts


def make_download(shop: Workshop, made: Plan, rendition: RenditionPlan, folder: Path) -> "RenditionFacts":
    """Write a download into `files` of a folder, read it back, and give what was measured.

    Args:
        shop: Where it is made.
        made: The plan.
        rendition: The download.
        folder: An empty folder.
    """
    from cutroom.ffmpeg import argv, runner
    from cutroom.packaging import facts, packager

    files = folder / "files"
    files.mkdir()
    path = files / f"{rendition.name}.{rendition.container}"
    picture, sound = _rung(made, rendition, "video"), _rung(made, rendition, "audio")
    joined, heard, inputs = None, None, []
    for track in rendition.tracks:
        if track.kind == "video":
            inputs.append(folder / "joined.mp4")
            joined = join_pictures(shop, made, track, folder, inputs[-1])
        else:
            heard = track.encode_keys[0]
            suffix = ".mp3" if sound.codec == "mp3" else ".mp4"
            inputs.append(fetch_encode(shop, heard, folder / f"sound{suffix}"))
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
    timescale = made.video.timing.timescale if made.video and picture else sound.sample_rate_hz
    shown = read_back(joined, [path], timescale, rendition.container).ticks if joined else ()
    samples = None if heard is None else _samples(shop, path, sound.channels, folder)
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
        timescale=timescale,
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
        decoded_samples=samples,
        likeness=None if heard is None else compare_heard(shop, heard, folder),
    )


def _samples(shop: Workshop, path: Path, channels: int, folder: Path) -> int:
    """Samples of each channel that the sound of a download decodes to; it stays in a file for the comparison."""
    from cutroom.ffmpeg import runner, sound

    stats = folder / "decoded.txt"
    command = sound.decode(source=path, stats=stats, channels=channels, heard=folder / HEARD)
    runner.run(command, log=folder / "decode.log", limits=shop.limits, on_line=lambda _: None)
    return read_samples(stats).samples


def _rung(made: Plan, rendition: RenditionPlan, kind: str) -> Any:
    track = next((one for one in rendition.tracks if one.kind == kind), None)
    rungs = made.video.rungs if kind == "video" and made.video else [r for a in made.audio for r in a.rungs]
    return None if track is None else next(rung for rung in rungs if rung.name == track.rung)
