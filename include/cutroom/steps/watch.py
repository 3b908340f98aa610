"""Watching the uploads: which run an upload becomes, and taking its message off the queue."""

import logging
from typing import Any

from cutroom import ids
from cutroom.media.profile import load_profile
from cutroom.media.upload import UploadedObject, is_subtitles
from cutroom.settings import get_settings

logger = logging.getLogger(__name__)

DAG_OF_KIND = {"video": "process_video", "audio": "process_audio"}

_DELETE_AT_ONCE = 10
"""SQS takes no more in one call."""


def run_arguments(upload: dict[str, Any]) -> dict[str, Any]:
    """What triggers the run of an upload: the DAG, the run id and the conf.

    The run id follows from the file version and the profile, so that an event that comes again names a run
    that is there already.
    """
    uploaded = UploadedObject.from_json(upload)
    profile = get_settings().profile_for(uploaded.kind)
    return {
        "trigger_dag_id": DAG_OF_KIND[uploaded.kind],
        "trigger_run_id": ids.run_id(uploaded.file_version_id, load_profile(profile).digest),
        "conf": {"upload": uploaded.to_json(), "profile": profile},
    }


def acknowledge(receipts: list[str]) -> int:
    """Take messages off the queue, now that their runs exist; tells how many went.

    A message that the queue no longer knows by this receipt comes again, and finds its runs there.
    """
    from cutroom.errors import ObjectMissing
    from cutroom.stores.provision import queue_url
    from cutroom.stores.s3 import sqs_client, translated

    if not receipts:
        return 0
    settings = get_settings()
    queues = sqs_client(settings)
    gone = 0
    try:
        url = queue_url(queues, settings.uploads_queue)
        for start in range(0, len(receipts), _DELETE_AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt}
                for number, receipt in enumerate(receipts[start : start + _DELETE_AT_ONCE])
            ]
            with translated(f"The queue {settings.uploads_queue}"):
                told = queues.delete_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]
            gone += len(told.get("Successful", []))
            for failure in told.get("Failed", []):
                logger.warning("A message stays in the queue and comes again: %s", failure.get("Message"))
    except ObjectMissing:
        logger.warning("The queue %s is gone, and its messages with it", settings.uploads_queue)
    return gone


def unknown_file_versions(file_versions: list[str]) -> set[str]:
    """Those of the file versions that have no run yet."""
    from cutroom.stores.database import Database
    from cutroom.stores.uploads import unknown_file_versions as unknown

    if not file_versions:
        return set()
    database = Database(get_settings().database_url)
    try:
        return unknown(database, file_versions)
    finally:
        database.close()


def committed_uploads(file_versions: list[str]) -> list[UploadedObject]:
    """What was committed as these file versions and gets a run.

    Nothing for one that is not known, for one whose file was deleted, and for subtitles.
    """
    from cutroom.stores.database import Database
    from cutroom.stores.file_versions import committed_upload

    if not file_versions:
        return []
    database = Database(get_settings().database_url)
    try:
        with database.snapshot() as session:
            found = [committed_upload(session, version_id) for version_id in file_versions]
    finally:
        database.close()
    return [upload for upload in found if upload is not None and not is_subtitles(upload.name)]


def unstarted_commits() -> list[UploadedObject]:
    """Committed versions that have no run: of their manifest or its event nothing was heard."""
    from cutroom.stores import file_commits
    from cutroom.stores.database import Database
    from cutroom.stores.s3 import S3Store, s3_client

    settings = get_settings()
    database = Database(settings.database_url)
    try:
        objects = S3Store(s3_client(settings), settings.uploads_bucket)
        return file_commits.unstarted(database, objects, bucket=settings.uploads_bucket)
    finally:
        database.close()
