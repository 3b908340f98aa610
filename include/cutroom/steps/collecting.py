"""Collecting garbage: what nothing holds or needs, a grace period after it was last of use."""

import logging
from dataclasses import asdict
from typing import Any

from cutroom.errors import UsageError
from cutroom.settings import get_settings

logger = logging.getLogger(__name__)

HOUR_S = 3600
GRACE_HOURS = 72
"""By default: longer than any upload stays open and than any run takes."""


def end_uploads(chosen: dict[str, Any]) -> int:
    """End uploads that nobody went on with, and release what was deleted; tells how many uploads ended."""
    from cutroom.stores.file_service import open_file_service

    if chosen["dry_run"]:
        return 0
    return open_file_service(get_settings()).sweep()


def collect_blocks(chosen: dict[str, Any]) -> dict[str, Any]:
    """Remove blocks that nothing holds, and condemn further ones; tells what went, or would go.

    Raises:
        ObjectMissing: A block that a file consists of is missing; nothing was removed.
    """
    from cutroom.stores import block_garbage
    from cutroom.stores.blocks import block_objects
    from cutroom.stores.database import Database

    settings = get_settings()
    done = block_garbage.collect_blocks(
        Database(settings.database_url),
        block_objects(settings),
        grace_s=_grace_s(chosen),
        dry_run=chosen["dry_run"],
    )
    return _told(chosen, asdict(done))


def collect_leftovers(chosen: dict[str, Any]) -> dict[str, Any]:
    """Remove what runs left and no version needs; tells what went, or would go."""
    from cutroom.stores import leftovers
    from cutroom.stores.database import Database

    settings = get_settings()
    done = leftovers.collect_leftovers(
        settings, Database(settings.database_url), grace_s=_grace_s(chosen), dry_run=chosen["dry_run"]
    )
    return _told(chosen, asdict(done))


def _grace_s(chosen: dict[str, Any]) -> int:
    hours = chosen["grace_hours"]
    if hours < 1:
        raise UsageError(f"grace_hours is {hours}; it has to be at least 1, and longer than the longest run.")
    return int(hours * HOUR_S)


def _told(chosen: dict[str, Any], done: dict[str, Any]) -> dict[str, Any]:
    logger.info("%s: %s", "Would be done" if chosen["dry_run"] else "Done", done)
    return done
