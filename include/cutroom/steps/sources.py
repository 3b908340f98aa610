"""The bytes of an upload: from its blocks, or from the object in the uploads bucket while it is not in blocks."""

import contextlib
import hashlib
import io
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from cutroom.blocks.block import Block
from cutroom.blocks.reader import open_blocks
from cutroom.blocks.service import BlockService
from cutroom.client.block_transfer import get_unverified, transfer_client
from cutroom.errors import ReferenceUnknown, SourceMissing
from cutroom.media.sidecars import MAX_SIDECAR_BYTES
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings
from cutroom.stores.blocks import open_block_service
from cutroom.stores.database import Database
from cutroom.stores.file_versions import subtitles_beside
from cutroom.stores.s3 import s3_client
from cutroom.stores.uploads import open_upload, read_sidecars

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COPY_BYTES = 2**20


class StoredSources:
    """Uploads as steps read them; each block is verified when it arrives.

    Args:
        blocks: Knows what an upload consists of.
        s3: Reads the uploads bucket.
        database: Knows which files lie beside each other in the File Service.
        lease_id: Holds the blocks of what is read, for the run that reads it.
    """

    def __init__(self, *, blocks: BlockService, s3: "S3Client", database: Database, lease_id: str) -> None:
        self._blocks, self._s3, self._database, self._lease_id = blocks, s3, database, lease_id

    def open(self, upload: UploadedObject) -> io.BufferedReader:
        """The upload as a seekable file.

        Opening or reading it raises `SourceMissing` where it is gone, and `ObjectMissing` or `ObjectCorrupt` with the
        name of a block that the store has lost or damaged.
        """
        reference_id = upload.file_version_id
        try:
            self._blocks.hold_references(reference_id, lease_id=self._lease_id)
            blocks = self._blocks.references(reference_id)
        except ReferenceUnknown:
            return open_upload(self._s3, upload)
        return open_stored(self._blocks, reference_id, blocks)

    @staticmethod
    def takes_bytes(upload: UploadedObject) -> int:
        """How much of the disk a fetched upload takes."""
        return upload.size_bytes

    def fetch(self, upload: UploadedObject, path: Path) -> str:
        """Copy the upload to `path`, which appears whole or not at all; gives its SHA-256. Raises as `open` does."""
        partial = path.with_name(f".{uuid.uuid4().hex}.partial")
        digest = hashlib.sha256()
        try:
            with self.open(upload) as source, partial.open("wb") as target:
                while data := source.read(COPY_BYTES):
                    digest.update(data)
                    target.write(data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        return digest.hexdigest()

    def subtitles_beside(self, film: UploadedObject) -> dict[str, bytes]:
        """The files of subtitles that lie beside an upload, as they are now: bytes by name; larger ones are none."""
        if not film.in_blocks:
            return read_sidecars(self._s3, film)
        with self._database.snapshot() as session:
            beside = subtitles_beside(session, film)
        found = {}
        for name, upload in beside.items():
            if upload.size_bytes <= MAX_SIDECAR_BYTES:
                with contextlib.suppress(SourceMissing), self.open(upload) as file:
                    found[name] = file.read()
        return found


def open_sources(settings: Settings, *, lease_id: str) -> StoredSources:
    """The uploads of the stores that the settings name."""
    return StoredSources(
        blocks=open_block_service(settings),
        s3=s3_client(settings),
        database=Database(settings.database_url),
        lease_id=lease_id,
    )


def open_stored(service: BlockService, reference_id: str, blocks: list[Block]) -> io.BufferedReader:
    """What consists of these blocks, as a seekable file; raises as `StoredSources.open` does."""
    client = transfer_client()

    def fetch(block: Block) -> bytes:
        # An address for each block when it is needed: one that was asked for ahead may have expired by then.
        try:
            (url,) = service.get_block_download_urls([block.block_id], reference_id=reference_id)
        except ReferenceUnknown as error:
            raise SourceMissing("The file was deleted while it was worked on.") from error
        return get_unverified(client, url, block)

    return open_blocks(blocks, fetch, on_close=client.close)
