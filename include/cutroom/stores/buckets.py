"""The stores that the steps write to."""

from dataclasses import dataclass

from cutroom.settings import Settings
from cutroom.stores.objects import ObjectStore
from cutroom.stores.s3 import S3Store, s3_client


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where a run keeps its work and where the world finds the media."""

    work: ObjectStore
    """Plans, encode chunks of sources, encoded chunks."""
    media: ObjectStore
    """Renditions and the versions of assets: what players fetch."""


def open_stores(settings: Settings) -> Stores:
    """The work and media buckets."""
    client = s3_client(settings)
    return Stores(work=S3Store(client, settings.work_bucket), media=S3Store(client, settings.media_bucket))
