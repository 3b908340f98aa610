"""Verification: a version is held against its source, its plan and itself before anybody may see it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cutroom.media.plan import Plan
from cutroom.packaging.checks import files, joins, manifests, pictures, sound, text
from cutroom.packaging.checks.pictures import SourceFrames
from cutroom.packaging.checks.report import Report
from cutroom.packaging.checks.sound import EncodedSound
from cutroom.packaging.containers import manifest_names
from cutroom.packaging.facts import RenditionFacts


def verify(
    plan: Plan,
    renditions: Sequence[RenditionFacts],
    *,
    source_frames: Mapping[int, SourceFrames],
    encoded_sound: Mapping[str, EncodedSound],
    texts: Mapping[str, str],
    playlists: Mapping[str, str],
    prefix: str,
    objects: Mapping[str, int],
) -> Report:
    """Check a version against its source, its plan and itself.

    Args:
        plan: The plan.
        renditions: Facts of every rendition.
        source_frames: What decoding the source's pictures gave, by the `frame_step` of its rungs; empty without video.
        encoded_sound: What was noted when the sound was encoded, by the rung's name.
        texts: Every multivariant playlist and MPD by its file name.
        playlists: Every media playlist by its key below the renditions.
        prefix: How the manifests reach the renditions.
        objects: Size of every object in the renditions' folders, by its key below them.
    """
    video = [one for one in renditions if one.kind == "video"]
    audio = [one for one in renditions if one.kind == "audio"]
    checks = [files.complete(plan, renditions), files.stored(renditions, objects)]
    if plan.video is not None:
        checks += pictures.frames(video, source_frames)
        checks += [
            pictures.sizes(plan, video),
            pictures.grid(video, source_frames),
            pictures.aligned(video, source_frames),
        ]
        checks += [check for one in video for check in joins.checks(plan, one)]
    checks += [sound.samples(plan, one, encoded_sound) for one in audio]
    checks += [sound.alike(one) for one in audio]
    checks += [
        sound.loudness(rung, one, encoded_sound[one.rung]) for one, rung in sound.normalised(plan, audio)
    ]
    checks += [*sound.starts(audio), manifests.codecs(renditions)]
    checks.append(manifests.media(renditions, playlists))
    checks += text.cues([one for one in renditions if one.kind == "text"])
    for one in (one for one in renditions if one.kind == "download"):
        checks += pictures.frames([one], source_frames) if one.decoded_frames is not None else []
        if one.decoded_samples is not None:
            checks += [sound.samples(plan, one, encoded_sound), sound.alike(one)]
    for name in manifest_names(plan.containers):
        read_back = manifests.hls if name.kind == "hls" else manifests.dash
        named = [
            one
            for one in renditions
            if one.container == name.container and one.kind != "download" and not one.is_empty
        ]
        checks.append(read_back(name.file, texts[name.file], named, prefix))
    return Report(
        version_id=plan.version_id,
        checks=tuple(checks),
        renditions={one.name: joins.told(plan, one) for one in video},
        loudness=tuple(sound.told_loudness(one, encoded_sound[one.rung]) for one in audio),
        sound={one.name: one.likeness and asdict(one.likeness) for one in audio},
        notes=sound.notes(plan, encoded_sound),
    )
