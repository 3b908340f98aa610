"""The steps that end a run: manifest, verify, publish, update_metadata."""

import json
import logging
from fractions import Fraction
from posixpath import relpath
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from cutroom.errors import VerificationFailed
from cutroom.media import keys
from cutroom.media.plan import Plan
from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.steps.encodes import encode_facts
from cutroom.steps.encoding import CONTENT_TYPES, version_key
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop

if TYPE_CHECKING:
    from cutroom.packaging.checks.sound import EncodedSound

logger = logging.getLogger(__name__)

MULTIVARIANT = "master.m3u8"
MPD = "manifest.mpd"
REPORT = "report.json"


def manifest(shop: Workshop, job: dict[str, Any]) -> dict[str, str]:
    """Compose the multivariant playlist and the MPD of a version; nothing refers to them yet.

    Returns:
        Keys of both in the media bucket.
    """
    from cutroom.packaging import hls, mpd

    one = Job.from_json(job)
    made = one.plan(shop.work)
    facts = _facts(shop, made)
    reporter = shop.progress("manifest", "manifests", 1, "version")
    texts = {
        MULTIVARIANT: hls.multivariant_playlist(facts, prefix=_prefix(shop, one, made)),
        MPD: mpd.mpd(facts, prefix=_prefix(shop, one, made)),
    }
    for name, text in texts.items():
        content_type = CONTENT_TYPES["." + name.rsplit(".", 1)[1]]
        shop.media.put_bytes(version_key(shop, one, made, name), text.encode(), content_type=content_type)
    reporter.finish()
    return {name: version_key(shop, one, made, name) for name in texts}


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
        VerificationFailed: The message names the first check that does not hold; the old version goes on playing.
    """
    from cutroom.packaging import verify as checks
    from cutroom.packaging.checks.pictures import SourceFrames

    one = Job.from_json(job)
    made = one.plan(shop.work)
    reporter = shop.progress("verify", "report", 1, "version")
    frames = None
    if made.video is not None:
        known = json.loads(shop.work.get_bytes(keys.plan_file(made.plan_id, "source_frames.json")))
        frames = SourceFrames(**known)
    report = checks.verify(
        made,
        _facts(shop, made),
        source_frames=frames,
        encoded_sound=_encoded_sound(shop, made),
        multivariant=shop.media.get_bytes(version_key(shop, one, made, MULTIVARIANT)).decode(),
        manifest=shop.media.get_bytes(version_key(shop, one, made, MPD)).decode(),
        prefix=_prefix(shop, one, made),
        objects={
            info.key.removeprefix("renditions/"): info.size_bytes
            for rendition in made.renditions
            for info in shop.media.list(keys.rendition(rendition.key, ""))
        },
    )
    shop.media.put_bytes(
        version_key(shop, one, made, REPORT),
        json.dumps(report.to_json(), indent=2).encode(),
        content_type=CONTENT_TYPES[".json"],
    )
    wrong = [check for check in report.checks if not check.ok]
    for check in wrong:
        logger.error("Check failed: %s: %s", check.name, check.found)
    if wrong:
        raise VerificationFailed(
            f"The version was not published: {len(wrong)} of {len(report.checks)} checks do not hold, first: "
            f"{wrong[0].name} ({wrong[0].found}). The report is at {version_key(shop, one, made, REPORT)}."
        )
    logger.info("%s: all %d checks hold", made.version_id, len(report.checks))
    reporter.finish()
    return {"checks": len(report.checks), "report": version_key(shop, one, made, REPORT)}


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
    one = Job.from_json(job)
    made = one.plan(shop.work)
    facts = _facts(shop, made)
    stills: dict[str, str] = json.loads(shop.work.get_bytes(keys.plan_file(made.plan_id, "stills.json")))
    duration = max(Fraction(0), *(rendition.end_s for rendition in facts))
    return PublishedVersion(
        asset_id=one.upload.asset_id,
        version_id=made.version_id,
        profile=made.profile,
        profile_digest=made.profile_digest,
        source_sha256=made.source.sha256,
        prefix=version_key(shop, one, made, ""),
        hls=version_key(shop, one, made, MULTIVARIANT),
        dash=version_key(shop, one, made, MPD),
        poster=stills.get("poster"),
        thumbnails={name: key for name, key in stills.items() if name != "poster"},
        duration_s=f"{float(duration):.6f}",
        renditions=tuple(
            PublishedRendition(
                rendition_key=rendition.key,
                kind=rendition.kind,
                codec_string=rendition.codec_string,
                container="cmaf",
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
        ),
        report=json.loads(shop.media.get_bytes(version_key(shop, one, made, REPORT))),
    )
