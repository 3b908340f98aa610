"""The File Service as a library: what `cutroom.api.files` shows as REST."""

from dataclasses import dataclass

from cutroom.blocks.service import BlockService
from cutroom.settings import Settings
from cutroom.stores.blocks import open_block_service
from cutroom.stores.database import Database
from cutroom.stores.device_tokens import DeviceTokens
from cutroom.stores.file_tree import FileTree
from cutroom.stores.file_uploads import FileUploads
from cutroom.stores.file_versions import FileVersions
from cutroom.stores.request_rates import RequestRates
from cutroom.stores.s3 import S3Store, s3_client


@dataclass(frozen=True, slots=True, kw_only=True)
class FileService:
    """The parts of the File Service; each may be shared between threads."""

    tree: FileTree
    versions: FileVersions
    uploads: FileUploads
    tokens: DeviceTokens
    rates: RequestRates

    def delete_file(self, owner: str, file_id: str) -> None:
        """Take a file away from its owner, and release its blocks; see `FileTree.delete_file`."""
        self.tree.delete_file(owner, file_id)
        self.versions.release_deleted(file_id)

    def sweep(self) -> int:
        """End what lay idle and release what was deleted; tells how many uploads ended. May be repeated."""
        self.versions.release_deleted()
        return self.uploads.sweep()


def open_file_service(settings: Settings, blocks: BlockService | None = None) -> FileService:
    """The File Service over PostgreSQL, the Block Service and the uploads bucket.

    Args:
        settings: Where these are, and the limits.
        blocks: The Block Service; None: as the settings say.
    """
    blocks = blocks or open_block_service(settings)
    database = Database(settings.database_url)
    objects = S3Store(s3_client(settings), settings.uploads_bucket)
    return FileService(
        tree=FileTree(database),
        versions=FileVersions(database, blocks),
        uploads=FileUploads(database, blocks, objects, settings),
        tokens=DeviceTokens(database),
        rates=RequestRates(database),
    )
