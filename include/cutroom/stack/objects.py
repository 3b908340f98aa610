"""Whether the embedded S3 still holds what published assets play."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from cutroom.media.version import PublishedVersion
from cutroom.settings import Settings
from cutroom.stack.kept_index import index_path
from cutroom.stores.catalog import Catalog
from cutroom.stores.records import AssetRecord

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class LostContent:
    """Objects that published assets need and that are gone."""

    objects: int
    asset_ids: tuple[str, ...]
    """The assets that don't play whole any more."""

    @property
    def message(self) -> str:
        """What a user reads."""
        shown = ", ".join(self.asset_ids[:3]) + (", …" if len(self.asset_ids) > 3 else "")
        return (
            f"S3 content was lost: {self.objects} objects of {len(self.asset_ids)} published assets are missing "
            f"({shown}). Upload their sources again to have them published anew."
        )


def lost_content(settings: Settings) -> LostContent | None:
    """What the published assets miss; None where nothing is missing, or where S3 is somebody else's.

    Reads the index on disk and the catalog, and no object.

    Raises:
        StoreUnavailable: The catalog does not answer.
    """
    if settings.s3 != "embedded":
        return None
    missing = dict(_missing(settings))
    return LostContent(objects=sum(missing.values()), asset_ids=tuple(missing)) if missing else None


def _missing(settings: Settings) -> Iterable[tuple[str, int]]:
    catalog = Catalog(settings.database_url)
    index = _Kept(settings.home / "objects", settings.media_bucket)
    try:
        offset = 0
        while page := catalog.assets(limit=_PAGE, offset=offset):
            for record in page:
                if record.version and (count := index.missing_of(record.version)):
                    yield record.asset_id, count
            offset += _PAGE
    finally:
        index.close()
        catalog.close()


class PlayableAssets:
    """The catalog's assets as they play now: one whose objects were lost says so, and names no dead address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._catalog = Catalog(settings.database_url)

    def assets(self, *, status: str | None = None, limit: int = 100, offset: int = 0) -> list[AssetRecord]:
        """As `Catalog.assets`."""
        return self._as_they_play(self._catalog.assets(status=status, limit=limit, offset=offset))

    def asset(self, asset_id: str) -> AssetRecord:
        """As `Catalog.asset`."""
        return self._as_they_play([self._catalog.asset(asset_id)])[0]

    def _as_they_play(self, records: list[AssetRecord]) -> list[AssetRecord]:
        # Without an index no embedded S3 ever ran in this home.
        if self._settings.s3 != "embedded" or not index_path(self._settings.home / "objects").is_file():
            return records
        index = _Kept(self._settings.home / "objects", self._settings.media_bucket)
        try:
            return [_as_it_plays(record, index) for record in records]
        finally:
            index.close()


def _as_it_plays(record: AssetRecord, index: "_Kept") -> AssetRecord:
    missing = index.missing_of(record.version) if record.version else 0
    if not missing:
        return record
    lost = LostContent(objects=missing, asset_ids=(record.asset_id,))
    return replace(record, status="failed", reason=lost.message, version=None)


class _Kept:
    """The index of one bucket, read only; an index that is gone names nothing."""

    def __init__(self, folder: Path, bucket: str) -> None:
        self._bucket = bucket
        path = index_path(folder)
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True) if path.is_file() else None

    def close(self) -> None:
        if self._connection:
            self._connection.close()

    def missing_of(self, version: PublishedVersion) -> int:
        """How many of the objects that a version names are not there."""
        names = {
            version.hls, version.dash, version.poster, *version.other_manifests.values(),
            *version.thumbnails.values(), *version.downloads.values(),
        } - {None}  # fmt: skip
        missing = sum(not self._count("key = ?", str(name)) for name in names)
        for rendition in version.renditions:
            # Keys below a prefix: from it to the same with the last character's successor.
            after = rendition.prefix[:-1] + chr(ord(rendition.prefix[-1]) + 1)
            missing += max(
                0, rendition.segments - self._count("key >= ? and key < ?", rendition.prefix, after)
            )
        return missing

    def _count(self, condition: str, *values: str) -> int:
        if self._connection is None:
            return 0
        query = f"select count(*) from object where bucket = ? and file is not null and {condition}"  # noqa: S608
        with closing(self._connection.execute(query, (self._bucket, *values))) as cursor:
            return int(cursor.fetchone()[0])
