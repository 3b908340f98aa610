"""Uploading to the bucket as any S3 tool would: `cutroom upload --s3`."""

import mimetypes
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cutroom.cli.following import Seen
from cutroom.errors import Conflict, UsageError
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings

if TYPE_CHECKING:
    from rich.progress import Progress

_TOKEN = "cutroom-upload"  # noqa: S105
"""Metadata that tells our object version from one that somebody else put under the same key."""


def check_names(files: list[Path]) -> None:
    """Refuse what would become one key.

    Raises:
        UsageError: A path is no file, or two have the same name.
    """
    for file in files:
        if not file.is_file():
            raise UsageError(f"{file} is not a file.")
    names = [file.name for file in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"Two of the files have the same name: {', '.join(twice)}. Upload them one by one.")


def put_file(settings: Settings, file: Path, metadata: dict[str, str], bars: "Progress") -> UploadedObject:
    """Put a file under the incoming prefix.

    Raises:
        Conflict: Somebody else put another one there at the same time.
    """
    from cutroom.stores.objects import checked_key
    from cutroom.stores.s3 import TRANSFER, s3_client, translated
    from cutroom.stores.uploads import described, uploaded_object

    client = s3_client(settings)
    bucket, key = settings.uploads_bucket, checked_key(f"{settings.incoming_prefix}{file.name}")
    token = uuid.uuid4().hex
    size_bytes = file.stat().st_size
    bar = bars.add_task(f"{file.name}: uploading", total=size_bytes or 1, said="")
    with translated(f"s3://{bucket}/{key}"):
        client.upload_file(
            str(file),
            bucket,
            key,
            ExtraArgs={
                "ContentType": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
                "Metadata": {**metadata, _TOKEN: token},
            },
            Callback=lambda sent_bytes: bars.advance(bar, sent_bytes),
            Config=TRANSFER,
        )
        head = client.head_object(Bucket=bucket, Key=key)
    bars.update(bar, completed=size_bytes or 1, total=size_bytes or 1)
    if head["Metadata"].get(_TOKEN) != token:
        raise Conflict(
            f"Somebody else uploaded {file.name} at the same time, after you; see `cutroom assets`."
        )
    return described(uploaded_object(head, bucket=bucket, key=key), head["Metadata"])


def facts_of(uploaded: UploadedObject) -> dict[str, Any]:
    """What `--json` tells of a plain upload."""
    from cutroom import ids

    return {
        "file_id": ids.file_id(uploaded.bucket, uploaded.key),
        "version_id": uploaded.file_version_id,
        "asset_id": uploaded.asset_id,
        "bytes_total": uploaded.size_bytes,
        "bytes_sent": uploaded.size_bytes,
        # A plain upload knows no blocks.
        "blocks_total": None,
        "blocks_sent": None,
    }


def run_of(settings: Settings, uploaded: UploadedObject) -> Callable[[], Seen | None]:
    """Looks at the upload's run in the catalog."""
    from cutroom.steps.watch import run_arguments
    from cutroom.stores.catalog import Catalog

    catalog = Catalog(settings.database_url)
    run_id = run_arguments(uploaded.to_json())["trigger_run_id"]

    def look() -> Seen | None:
        run = catalog.run(run_id)
        if run is None:
            return None
        playback = None
        if run.status != "processing":
            playback = catalog.asset(uploaded.asset_id).playback(settings.media_base_url)
        return Seen(status=run.status, percent=run.percent, reason=run.reason, playback=playback)

    return look
