"""The steps that end a run: manifest, verify, publish, update_metadata."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import PurePath
from posixpath import relpath
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from cutroom.errors import ObjectMissing, SourceCorrupt, VerificationFailed
from cutroom.media import keys
from cutroom.media.encode_key import plain
from cutroom.media.plan import Plan
from cutroom.media.source import Source
from cutroom.media.text_plan import without_empty
from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.steps.encodes import encode_facts
from cutroom.steps.job import Job
from cutroom.steps.stored import REPORT, digests
from cutroom.steps.version_files import CONTENT_TYPES, version_key
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.packaging.checks.sound import EncodedSound
    from cutroom.packaging.facts import RenditionFacts
    from cutroom.packaging.images import ImageTrack

logger = logging.getLogger(__name__)


def manifest(shop: Workshop, job: dict[str, Any]) -> dict[str, str]:
    """Compose the multivariant playlists and the MPDs of a version; nothing refers to them yet.

    Returns:
        Key of each in the media bucket, by its label.
    """
    from cutroom.packaging import hls, images, mpd
    from cutroom.packaging.containers import manifest_names

    one = Job.from_json(job)
    made = one.plan(shop.work)
    facts = _facts(shop, made)
    shown = [each for each in facts if not each.is_empty]
    reporter = shop.progress("manifest", "manifests", 1, "version")
    _tell_of_empty(shop, made, {each.track for each in facts if each.is_empty})
    prefix = _prefix(shop, one, made)
    stills = _stills(shop, one, made, shown)
    written = {}
    if stills is not None:
        text = images.media_playlist(stills)
        key = version_key(shop, one, made, images.PLAYLIST)
        shop.media.put_bytes(key, text.encode(), content_type=CONTENT_TYPES[".m3u8"])
    for name in manifest_names(made.containers):
        named = [each for each in shown if each.container == name.container and each.kind != "download"]
        if name.kind == "hls":
            text = hls.multivariant_playlist(
                named, prefix=prefix, with_iframes=made.iframe_playlists, stills=stills
            )
        else:
            text = mpd.mpd(named, prefix=prefix, stills=stills)
        written[name.label] = version_key(shop, one, made, name.file)
        shop.media.put_bytes(
            written[name.label], text.encode(), content_type=CONTENT_TYPES[PurePath(name.file).suffix]
        )
    reporter.finish()
    return written


def _tell_of_empty(shop: Workshop, made: Plan, tracks: set[int]) -> None:
    """Keep on the record that nothing is shown of these tracks of subtitles, which only their cues could tell."""
    if not tracks:
        return
    source = without_empty(made.source, tracks)
    for said in source.not_carried[len(made.source.not_carried) :]:
        logger.warning("%s is not carried", said)
    shop.record.record_source(run_id=shop.run_id, sha256=made.source.sha256, source=plain(Source, source))


def _stills(shop: Workshop, job: Job, made: Plan, shown: "Sequence[RenditionFacts]") -> "ImageTrack | None":
    """The sheets of stills as they were stored, until the last of these renditions ends; None without pictures."""
    from cutroom.ffmpeg import sprites
    from cutroom.packaging.images import ImageTrack

    if made.video is None:
        return None
    planned_s = sprites.end_s(made.video)
    sheet = sprites.plan_sheet(planned_s, made.video.track.display_size, made.thumbnails)
    names = [version_key(shop, job, made, sprites.SPRITES % number) for number in range(1, sheet.sheets + 1)]
    stored = [shop.media.head(name) for name in names]
    sizes_bytes = tuple(info.size_bytes for info in stored if info is not None)
    # A profile may make downloads alone.
    end_s = max((each.end_s for each in shown if each.kind == "video"), default=planned_s)
    return ImageTrack(sheet=sheet, sizes_bytes=sizes_bytes, duration_s=end_s)


def _facts(shop: Workshop, made: Plan) -> list[Any]:
    from cutroom.packaging.facts import RenditionFacts

    return [
        RenditionFacts.load(shop.media.get_bytes(keys.rendition_facts(one.key))) for one in made.renditions
    ]


def _prefix(shop: Workshop, job: Job, made: Plan) -> str:
    """How the manifests of a version reach the renditions."""
    folder = version_key(shop, job, made, "").rstrip("/") or "."
    return relpath("renditions", folder) + "/"


def verify(shop: Workshop, job: dict[str, Any]) -> dict[str, Any]:
    """Check the version that is about to be published, and store the report beside it.

    Raises:
        SourceCorrupt: A check does not hold, and the source can't be decoded as it was meant.
        VerificationFailed: The message names the first check that does not hold; the old version goes on playing.
    """
    from cutroom.packaging import verify as checks
    from cutroom.packaging.checks.pictures import SourceFrames
    from cutroom.packaging.containers import manifest_names

    one = Job.from_json(job)
    made = one.plan(shop.work)
    reporter = shop.progress("verify", "report", 1, "version")
    frames = {}
    if made.video is not None:
        known = json.loads(shop.work.get_bytes(keys.plan_file(made.plan_id, "source_frames.json")))
        frames = {int(step): SourceFrames(**counted) for step, counted in known.items()}
    heard = _encoded_sound(shop, made)
    facts = _facts(shop, made)
    report = checks.verify(
        made,
        facts,
        source_frames=frames,
        encoded_sound=heard,
        texts={
            name.file: shop.media.get_bytes(version_key(shop, one, made, name.file)).decode()
            for name in manifest_names(made.containers)
        },
        playlists=_playlists(shop, facts),
        prefix=_prefix(shop, one, made),
        objects={
            info.key.removeprefix("renditions/"): info.size_bytes
            for rendition in made.renditions
            for info in shop.media.list(keys.rendition(rendition.key, ""))
        },
    )
    # What `cutroom verify` holds the files against from now on.
    files = digests(shop.media, version_key(shop, one, made, ""), facts)
    shop.media.put_bytes(
        version_key(shop, one, made, REPORT),
        json.dumps(report.to_json() | {"files": files}, indent=2).encode(),
        content_type=CONTENT_TYPES[".json"],
    )
    for words in report.notes:
        logger.warning("%s", words)
    wrong = [check for check in report.checks if not check.ok]
    for check in wrong:
        logger.error("Check failed: %s: %s", check.name, check.found)
    is_damaged = any(one.is_damaged for one in frames.values()) or any(
        one.is_damaged for one in heard.values()
    )
    if wrong and (made.source.damage or is_damaged):
        raise SourceCorrupt(
            "The file is damaged, and what can be decoded of it is not the same from one decoding to the next "
            f"({wrong[0].name}: {wrong[0].found}). Upload the file again, or save it anew."
        )
    if wrong:
        raise VerificationFailed(
            f"The version was not published: {len(wrong)} of {len(report.checks)} checks do not hold, first: "
            f"{wrong[0].name} ({wrong[0].found}). The report is at "
            f"{shop.media.address(version_key(shop, one, made, REPORT))}."
        )
    logger.info("%s: all %d checks hold", made.version_id, len(report.checks))
    reporter.finish()
    return {"checks": len(report.checks), "report": version_key(shop, one, made, REPORT)}


def _playlists(shop: Workshop, facts: Sequence["RenditionFacts"]) -> dict[str, str]:
    """The media playlists as they are stored; one that is missing is told by the check of what is stored."""
    from cutroom.packaging import packager

    found = {}
    for one in facts:
        for name in (packager.PLAYLIST, packager.IFRAMES):
            with suppress(ObjectMissing):
                found[f"{one.key}/{name}"] = shop.media.get_bytes(keys.rendition(one.key, name)).decode()
    return found


def _encoded_sound(shop: Workshop, made: Plan) -> dict[str, "EncodedSound"]:
    """What was noted when each rung of sound was encoded."""
    from cutroom.packaging.checks.sound import EncodedSound

    noted = TypeAdapter(EncodedSound)
    return {
        track.rung: noted.validate_python(encode_facts(shop, track.encode_keys[0]))
        for rendition in made.renditions
        for track in rendition.tracks
        if track.kind == "audio"
    }


def version(shop: Workshop, job: dict[str, Any]) -> PublishedVersion:
    """What the catalog is told of the version of a run."""
    from cutroom.packaging.containers import manifest_names

    one = Job.from_json(job)
    made = one.plan(shop.work)
    facts = _facts(shop, made)
    stills: dict[str, str] = json.loads(shop.work.get_bytes(keys.plan_file(made.plan_id, "stills.json")))
    # Where a profile makes downloads alone, what the source says has to do.
    ends = [rendition.end_s for rendition in facts if rendition.kind in {"video", "audio"}]
    duration = max(ends, default=made.source.duration_s or Fraction(0))
    manifests = {
        name.label: version_key(shop, one, made, name.file) for name in manifest_names(made.containers)
    }
    return PublishedVersion(
        asset_id=one.upload.asset_id,
        version_id=made.version_id,
        profile=made.profile,
        profile_digest=made.profile_digest,
        source_sha256=made.source.sha256,
        prefix=version_key(shop, one, made, ""),
        hls=manifests.pop("hls", None),
        dash=manifests.pop("dash", None),
        other_manifests=manifests,
        downloads={
            rendition.name: keys.rendition(rendition.key, next(iter(rendition.files)))
            for rendition in facts
            if rendition.kind == "download"
        },
        poster=stills.get("poster"),
        thumbnails={name: key for name, key in stills.items() if name != "poster"},
        duration_s=f"{float(duration):.6f}",
        renditions=tuple(
            PublishedRendition(
                rendition_key=rendition.key,
                kind=rendition.kind,
                codec_string=rendition.codec_string,
                container=rendition.container,
                width=rendition.width,
                height=rendition.height,
                frame_rate=None if rendition.frame_rate is None else str(rendition.frame_rate),
                channels=rendition.channels,
                sample_rate_hz=rendition.sample_rate_hz,
                language=rendition.language,
                bandwidth_bps=rendition.bandwidth_bps,
                average_bandwidth_bps=rendition.average_bandwidth_bps,
                bytes=rendition.size_bytes,
                segments=len(rendition.segments),
                prefix=keys.rendition(rendition.key, ""),
            )
            for rendition in facts
            if not rendition.is_empty
        ),
        report=json.loads(shop.media.get_bytes(version_key(shop, one, made, REPORT))),
    )
