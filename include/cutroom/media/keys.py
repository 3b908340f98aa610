"""Object keys: the only place where names of objects are built."""

import re

from cutroom.ids import FileId, FileVersionId
from cutroom.media.timeline import EncodeChunk

MANIFESTS = "manifests/"
"""Where in the uploads bucket the upload manifests of the File Service are."""

CHUNK_REVISION = 8
"""Raised when split writes other packets for the same window: those of an older release are not taken for them then."""

_BLOCK = re.compile(r"blocks/[0-9a-f]{2}/([0-9a-f]{64})\.([0-9]{1,18})")
_MANIFEST = re.compile(rf"{MANIFESTS}fl_[a-z2-7]+/(fv_[a-z2-7]+)\.json")


def committed_file(session_id: str) -> str:
    """What a file of the File Service is known by in the catalog; the bytes are blocks, no object has this key."""
    return f"files/{session_id}"


def upload_manifest(file_id: FileId, version_id: FileVersionId) -> str:
    """Tells of a committed version, in the uploads bucket."""
    return f"{MANIFESTS}{file_id}/{version_id}.json"


def version_of_manifest(key: str) -> FileVersionId | None:
    """The file version that an upload manifest tells of; None for any other key."""
    found = _MANIFEST.fullmatch(key)
    return FileVersionId(found[1]) if found else None


def plan(plan_id: str) -> str:
    """The plan, in the work bucket."""
    return f"plans/{plan_id}/plan.json"


def plan_file(plan_id: str, name: str) -> str:
    """A file that belongs to a plan, in the work bucket: what one step found and a later one needs."""
    return f"plans/{plan_id}/{name}"


def chunk(source_sha256: str, track: int, one: EncodeChunk) -> str:
    """The packets of an encode chunk of a source, in the work bucket."""
    return f"chunks/{source_sha256}/{track}/{CHUNK_REVISION}/{one.start_pts}-{one.end_pts}.nut"


def encode(encode_key: str) -> str:
    """An encoded chunk or track, in the work bucket."""
    return f"encodes/{encode_key}/media"


def encode_facts(encode_key: str) -> str:
    """What is known of an encode; written after it, so its presence says that the encode is whole."""
    return f"encodes/{encode_key}/facts.json"


def encode_heard(encode_key: str) -> str:
    """The sound that an encode was made of, as it is compared with what is published (see `cutroom.media.likeness`)."""
    return f"encodes/{encode_key}/heard"


def tool_log(run_id: str, step: str, part: str) -> str:
    """The full log of a media tool, in the work bucket."""
    return f"logs/{run_id}/{step}/{part}.log"


def rendition(rendition_key: str, name: str) -> str:
    """A file of a rendition, in the media bucket."""
    return f"renditions/{rendition_key}/{name}"


def rendition_facts(rendition_key: str) -> str:
    """What is known of a rendition; written after its files, so its presence says that it is whole."""
    return rendition(rendition_key, "rendition.json")


def version(asset_id: str, version_id: str, name: str) -> str:
    """A file of a published version, in the media bucket."""
    return f"assets/{asset_id}/{version_id}/{name}"


def source_facts(source_sha256: str) -> str:
    """What the probe found in a source, in the work bucket."""
    return f"sources/{source_sha256}/facts.json"


def block(block_id: str, lease_number: int) -> str:
    """The object of a block, in the blocks bucket.

    Each lease puts under keys of its own, and no number comes twice: what is removed late can't be what somebody puts
    anew.
    """
    return f"blocks/{block_id[:2]}/{block_id}.{lease_number}"


def block_of(key: str) -> tuple[str, int] | None:
    """The reverse of `block`: id and lease number; None for any other key."""
    found = _BLOCK.fullmatch(key)
    return (found[1], int(found[2])) if found and key == block(found[1], int(found[2])) else None


def blocks_from(digits: str) -> str:
    """What the keys of all blocks start with whose ids start with up to two digits."""
    return f"blocks/{digits}"


def sidecar(source_sha256: str, sha256: str) -> str:
    """A file of subtitles that lay beside a source, in the work bucket."""
    return f"sidecars/{source_sha256}/{sha256}"


def quarantined(key: str) -> str:
    """Where a corrupt object is kept to be looked at, in the same bucket."""
    return f"quarantine/{key}"
