"""Files to take away, made of the same encodes as the segments: picture and sound copied into one container."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom import ids
from cutroom.media.plan import Plan
from cutroom.media.rendition_plan import RenditionPlan
from cutroom.media.tagging import COVER_SIDE_PX
from cutroom.steps.encodes import encode_facts, fetch_encode
from cutroom.steps.job import Job
from cutroom.steps.joined import join_pictures, read_back
from cutroom.steps.sound import HEARD, compare_heard, read_samples
from cutroom.steps.sound_stills import read_covers
from cutroom.steps.workshop import Workshop, sha256_of

if TYPE_CHECKING:
    from cutroom.packaging.facts import RenditionFacts


def make_download(
    shop: Workshop, job: Job, made: Plan, rendition: RenditionPlan, folder: Path
) -> "RenditionFacts":
    """Write a download into `files` of a folder, read it back, and give what was measured.

    Args:
        shop: Where it is made.
        job: Whose file the cover is in.
        made: The plan.
        rendition: The download.
        folder: An empty folder.
    """
    from cutroom.ffmpeg import argv, gapless, metadata, runner
    from cutroom.packaging import facts, packager, webm

    files = folder / "files"
    files.mkdir()
    path = files / f"{rendition.name}.{rendition.container}"
    picture, sound = _rung(made, rendition, "video"), _rung(made, rendition, "audio")
    joined, heard, heard_track, inputs = None, None, None, []
    for track in rendition.tracks:
        if track.kind == "video":
            inputs.append(folder / "joined.mp4")
            joined = join_pictures(shop, made, track, folder, inputs[-1])
        else:
            heard, heard_track = track.encode_keys[0], track.track
            suffix = ".mp3" if sound.codec == "mp3" else ".mp4"
            inputs.append(fetch_encode(shop, heard, folder / f"sound{suffix}"))
    said, cover = _said(shop, job, made, rendition, folder)
    is_mp3 = inputs[0].suffix == path.suffix == ".mp3"
    if is_mp3:
        codec = "mp3"
    else:
        codec = ",".join(
            packager.codec_string(one, log=folder / "codec.log", limits=shop.limits) for one in inputs
        )
    if is_mp3 and said is None:
        inputs[0].replace(path)
    else:
        earlier = [Fraction(0)] * len(inputs)
        if rendition.container == "webm" and sound:
            earlier[-1] = webm.read_ends(inputs[-1]).earlier_s
            inputs[-1] = _in_ogg(shop, inputs[-1], folder)
        # Also of an MP3 ffmpeg keeps what tells how much of the first and last frames is not to be played.
        command = argv.copy(
            inputs, path, container=rendition.container, earlier_s=earlier, metadata=said, cover=cover
        )
        runner.run(command, log=folder / "copy.log", limits=shop.limits, on_line=lambda _: None)
        if is_mp3:
            metadata.mend_chapter_sizes(path)
    if is_mp3 and heard is not None:
        gapless.state_end(path, encode_facts(shop, heard)["samples"])
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
        heard_track=heard_track,
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


def _in_ogg(shop: Workshop, encoded: Path, folder: Path) -> Path:
    """Opus in the container of which ffmpeg tells WebM how much of the last frame is not to be played."""
    from cutroom.ffmpeg import argv, runner

    path = folder / "sound.ogg"
    command = argv.copy([encoded], path, container="ogg")
    runner.run(command, log=folder / "copy.log", limits=shop.limits, on_line=lambda _: None)
    return path


def _said(
    shop: Workshop, job: Job, made: Plan, rendition: RenditionPlan, folder: Path
) -> tuple[Path | None, Path | None]:
    """Files of what the download says of itself, as `argv.copy` takes them."""
    from cutroom.ffmpeg import metadata

    tagging, container, cover = rendition.tagging, rendition.container, None
    if tagging is None:
        return None, None
    if tagging.cover_of is not None:
        with shop.steady(job.upload, made.source) as source:
            covers = read_covers(shop, made, source, folder, [COVER_SIDE_PX], step="assemble")
        cover = next(iter(covers.values()), None)
    path = folder / "metadata.txt"
    path.write_text(metadata.ffmetadata(tagging, container=container, cover=cover))
    # Ogg has it among the tags.
    return path, None if container == "ogg" else cover


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
