"""Blocks as objects of the blocks bucket: addresses that are good for one content, and what S3 itself says of it."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cutroom.blocks.block import Block
from cutroom.blocks.service import PresignedPut
from cutroom.errors import ObjectMissing, StoreUnavailable
from cutroom.ids import BlockId
from cutroom.media import keys
from cutroom.stores.s3 import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 16
"""Requests to S3 at the same time: enough to hide its latency, and half of the client's connections."""

_PER_DELETE = 1000
"""S3's limit of keys in one DeleteObjects."""

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """The object of a block, as a listing tells of it."""

    block_id: str
    lease_number: int
    modified_at: datetime


class BlockObjects:
    """The objects of blocks in one bucket. `signer` makes the addresses, which may name another endpoint."""

    def __init__(self, client: "S3Client", bucket: str, *, signer: "S3Client", url_s: int) -> None:
        self._client = client
        self._signer = signer
        self.bucket = bucket
        self.url_s = url_s

    def presigned_put(self, block: Block, lease_number: int) -> PresignedPut:
        """Where exactly these bytes may be written if nothing is there yet: checksum and length are signed in."""
        expires_at = datetime.now(UTC) + timedelta(seconds=self.url_s)
        checksum = _base64(block.block_id)
        url = self._signer.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self.bucket,
                "Key": keys.block(block.block_id, lease_number),
                "ChecksumSHA256": checksum,
                "ContentLength": block.size_bytes,
                "IfNoneMatch": "*",
            },
            ExpiresIn=self.url_s,
            HttpMethod="PUT",
        )
        headers = {
            "x-amz-checksum-sha256": checksum,
            "content-length": str(block.size_bytes),
            "if-none-match": "*",
        }
        return PresignedPut(url=url, headers=headers, expires_at=expires_at)

    def presigned_get(self, block_id: BlockId, lease_number: int) -> str:
        """Where the bytes of a block can be read for a while."""
        return self._signer.generate_presigned_url(
            "get_object",
            Params={"Bucket": self.bucket, "Key": keys.block(block_id, lease_number)},
            ExpiresIn=self.url_s,
            HttpMethod="GET",
        )

    def put(self, block: Block, lease_number: int, content: bytes) -> None:
        """Write the bytes of a block under a lease's key; S3 checks them on their way."""
        key = keys.block(block.block_id, lease_number)
        with translated(f"s3://{self.bucket}/{key}"):
            self._client.put_object(
                Bucket=self.bucket, Key=key, Body=content, ChecksumSHA256=_base64(block.block_id)
            )

    def quarantine(self, block_id: str, lease_number: int) -> None:
        """Move an object out of the way, where it can be looked at."""
        key = keys.block(block_id, lease_number)
        with translated(f"s3://{self.bucket}/{key}"):
            self._client.copy_object(
                Bucket=self.bucket,
                Key=keys.quarantined(key),
                CopySource={"Bucket": self.bucket, "Key": key},
            )
        self.remove([(block_id, lease_number)])

    def arrived(self, blocks: Sequence[Block], lease_number: int) -> tuple[list[Block], list[Block]]:
        """Those of the blocks that lie under this lease's keys, right, and those of which other bytes lie there."""
        with ThreadPoolExecutor(min(AT_ONCE, len(blocks)) or 1) as pool:
            right = list(pool.map(lambda block: self._is_right(block, lease_number), blocks))
        found = list(zip(blocks, right, strict=True))
        return [block for block, is_right in found if is_right], [
            block for block, is_right in found if is_right is False
        ]

    def _is_right(self, block: Block, lease_number: int) -> bool | None:
        """Whether the object has the block's digest and length by S3's own word; None where there is none."""
        try:
            head = self.head(block.block_id, lease_number)
        except ObjectMissing:
            return None
        if head["ContentLength"] != block.size_bytes:
            return False
        if "ChecksumSHA256" in head:
            return bool(head["ChecksumSHA256"] == _base64(block.block_id))
        # Put without its checksum, past the presigned address or to a store that keeps none: then its bytes decide.
        return self.digest_of(block.block_id, lease_number) == block.block_id

    def gone(self, copies: Iterable[tuple[BlockId, int]]) -> set[BlockId]:
        """Those of the blocks, each with a lease's number, of which there is no object under that lease's key."""

        def is_gone(copy: tuple[BlockId, int]) -> bool:
            try:
                self.head(*copy)
            except ObjectMissing:
                return True
            return False

        asked = list(copies)
        with ThreadPoolExecutor(min(AT_ONCE, len(asked)) or 1) as pool:
            found = list(pool.map(is_gone, asked))
        return {block_id for (block_id, _), missing in zip(asked, found, strict=True) if missing}

    def head(self, block_id: str, lease_number: int) -> dict[str, Any]:
        """What S3 says of the object.

        Raises:
            ObjectMissing: There is none.
        """
        key = keys.block(block_id, lease_number)
        with translated(f"s3://{self.bucket}/{key}"):
            return dict(self._client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED"))

    def digest_of(self, block_id: str, lease_number: int) -> str:
        """The SHA-256 of the object's bytes, read back now.

        Raises:
            ObjectMissing: There is none.
        """
        key = keys.block(block_id, lease_number)
        digest = hashlib.sha256()
        with (
            translated(f"s3://{self.bucket}/{key}"),
            closing(self._client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body,
        ):
            for piece in body.iter_chunks(_MIB):
                digest.update(piece)
        return digest.hexdigest()

    def listed(self, digits: str = "") -> Iterator[StoredCopy]:
        """The object of every block whose id starts with these digits, in order of the ids; no other objects."""
        prefix = keys.blocks_from(digits)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        with translated(f"s3://{self.bucket}/{prefix}"):
            for page in pages:
                for item in page.get("Contents", ()):
                    if named := keys.block_of(item["Key"]):
                        yield StoredCopy(
                            block_id=named[0], lease_number=named[1], modified_at=item["LastModified"]
                        )

    def remove(self, copies: Iterable[tuple[str, int]]) -> None:
        """Remove objects by block and lease number; those that are not there are no matter."""
        names = [keys.block(block_id, lease_number) for block_id, lease_number in copies]
        for start in range(0, len(names), _PER_DELETE):
            batch = names[start : start + _PER_DELETE]
            with translated(f"{len(batch)} blocks in s3://{self.bucket}"):
                answer = self._client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in batch], "Quiet": True}
                )
            if refused := answer.get("Errors", []):
                raise StoreUnavailable(
                    f"s3://{self.bucket}/{refused[0].get('Key')} can't be removed ({refused[0].get('Code')})."
                )

    def check_bucket(self) -> None:
        """Return where the bucket answers.

        Raises:
            StoreUnavailable: It does not, or is not there.
        """
        try:
            with translated(f"The bucket {self.bucket}"):
                self._client.head_bucket(Bucket=self.bucket)
        except ObjectMissing as error:
            raise StoreUnavailable(f"There is no bucket {self.bucket} yet; run `cutroom up`.") from error


def _base64(block_id: str) -> str:
    return base64.b64encode(bytes.fromhex(block_id)).decode()
