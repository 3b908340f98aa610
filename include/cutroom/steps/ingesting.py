"""Ingest: an object that came by plain S3 is stored in blocks, once, and the original is dealt with."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args

from cutroom.blocks.boundaries import boundaries_of
from cutroom.errors import ObjectCorrupt, SourceMissing, UsageError
from cutroom.media.upload import UploadedObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from cutroom.blocks.service import BlockService

logger = logging.getLogger(__name__)

Original = Literal["keep", "drop", "move"]
"""What becomes of the object once its blocks are stored: it stays, it is deleted, or it goes to another prefix."""

COMPARE_BYTES = 2**20


def original_of(name: str) -> Original:
    """What becomes of the original, by its name.

    Raises:
        UsageError: There is no such way; the message names those that there are.
    """
    for known in get_args(Original):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise UsageError(
        f"The original can't be dealt with by {name!r}; choose one of {', '.join(get_args(Original))}."
    )


def ingest(
    service: "BlockService",
    s3: "S3Client",
    upload: UploadedObject,
    *,
    owner: str,
    lease_id: str,
    boundaries: str,
    original: str,
    moved_prefix: str,
    done: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Let the file version of an upload consist of blocks; only blocks that the store lacks are sent.

    What is in blocks already is not read again, whichever way it came. An empty object has no blocks.

    Args:
        service: The Block Service.
        s3: Reads the object, and deletes or moves it.
        upload: The object version.
        owner: Whose blocks they are.
        lease_id: Holds the blocks until they are referenced; the same in each try.
        boundaries: Where the object is cut (`blocks.boundaries`).
        original: `keep`, `drop` or `move`.
        moved_prefix: Where `move` puts it, in the same bucket.
        done: Told how many bytes are through; may raise to stop.

    Returns:
        File version, digest, and how many bytes and blocks there are and were sent.

    Raises:
        SourceMissing: The object version is gone.
        StoreUnavailable: A store did not answer: try again.
    """
    from cutroom.blocks.storing import Stored, store_file
    from cutroom.client.block_transfer import put_block, transfer_client
    from cutroom.stores.uploads import open_upload

    cut_by, then = boundaries_of(boundaries), original_of(original)
    name = upload.file_version_id
    if upload.size_bytes == 0:
        return {"file_version_id": name, **Stored().to_json()}
    with open_upload(s3, upload) as source, transfer_client() as client:
        stored = store_file(
            service,
            source,
            reference_id=name,
            owner=owner,
            lease_id=lease_id,
            boundaries=cut_by,
            put=lambda where, data: put_block(client, where.url, where.headers, data),
            done=done,
        )
    logger.info(
        "%s: %d of %d bytes were new, in %d of %d blocks",
        name, stored.bytes_sent, stored.bytes_total, stored.blocks_sent, stored.blocks_total,
    )  # fmt: skip
    service.hold_references(name, lease_id=lease_id)
    if then != "keep" and not upload.in_blocks:
        _put_away(service, s3, upload, moved_prefix if then == "move" else None)
    return {"file_version_id": name, **stored.to_json()}


def _put_away(service: "BlockService", s3: "S3Client", upload: UploadedObject, prefix: str | None) -> None:
    """Delete the object version, after its blocks were read back beside it, and after a copy where one is wanted."""
    from cutroom.stores.s3 import translated

    if not upload.versioned:
        # Without versions a newer upload under this key could be deleted in place of the one that was stored.
        logger.warning("%s is kept: its bucket keeps no versions", upload.key)
        return
    try:
        _check_same(service, s3, upload)
    except SourceMissing:
        logger.info("%s was put away before", upload.key)
        return
    with translated(f"s3://{upload.bucket}/{upload.key}"):
        which = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version}
        if prefix is not None:
            s3.copy(which, upload.bucket, f"{prefix}{upload.key}")  # type: ignore[arg-type]
        s3.delete_object(**which)  # type: ignore[arg-type]
    logger.info("%s was %s", upload.key, "deleted" if prefix is None else f"moved to {prefix}{upload.key}")


def _check_same(service: "BlockService", s3: "S3Client", upload: UploadedObject) -> None:
    from cutroom.steps.sources import open_stored
    from cutroom.stores.uploads import open_upload

    blocks = service.references(upload.file_version_id)
    with (
        open_upload(s3, upload) as original,
        open_stored(service, upload.file_version_id, blocks) as stored,
    ):
        while data := original.read(COMPARE_BYTES):
            if stored.read(COMPARE_BYTES) != data:
                raise ObjectCorrupt(f"{upload.key} is not what its blocks hold; it is kept.")
        if stored.read(1):
            raise ObjectCorrupt(f"{upload.key} is shorter than what its blocks hold; it is kept.")
