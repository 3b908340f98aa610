"""Encodes in the store: kept with what is known of them, and fetched whole or not at all."""

import json
from pathlib import Path
from typing import Any

from cutroom.errors import ObjectCorrupt, ObjectMissing
from cutroom.media import keys
from cutroom.steps.workshop import Workshop, sha256_of


def keep_encode(
    shop: Workshop, key: str, output: Path, facts: dict[str, Any], heard: Path | None = None
) -> None:
    """Store an encode, of sound with what it was made of, then what is known of it: that says that all is there."""
    shop.work.put_file(keys.encode(key), output)
    if heard is not None:
        shop.work.put_file(keys.encode_heard(key), heard)
    known = {**facts, "size_bytes": output.stat().st_size, "sha256": sha256_of(output)}
    shop.work.put_bytes(keys.encode_facts(key), json.dumps(known).encode(), content_type="application/json")


def encode_facts(shop: Workshop, key: str) -> dict[str, Any]:
    """What is known of an encode.

    Raises:
        ObjectMissing: It is not there.
    """
    try:
        known: dict[str, Any] = json.loads(shop.work.get_bytes(keys.encode_facts(key)))
    except ObjectMissing as error:
        raise ObjectMissing(
            f"The encode {key} is not in the store: it was removed, or another release made the plan. "
            "Clear the task `plan` and all after it."
        ) from error
    return known


def fetch_encode(shop: Workshop, key: str, path: Path) -> Path:
    """An encode, checked against its digest.

    Args:
        shop: Where it is needed.
        key: The encode.
        path: Where it is written.

    Raises:
        ObjectMissing: It is not there.
        ObjectCorrupt: See `check_encode`.
    """
    known = encode_facts(shop, key)
    shop.work.get_file(keys.encode(key), path)
    check_encode(shop, key, path, known)
    return path


def check_encode(shop: Workshop, key: str, path: Path, known: dict[str, Any]) -> None:
    """Compare an encode that was fetched with its digest.

    Args:
        shop: Where it is needed.
        key: The encode.
        path: Where it lies.
        known: What is known of it.

    Raises:
        ObjectCorrupt: Its bytes are not those that were stored; what is known of it is removed, so that clearing the
            encode task makes it anew.
    """
    if sha256_of(path) != known["sha256"]:
        shop.work.delete(keys.encode_facts(key))
        raise ObjectCorrupt(
            f"The encode {key} is damaged in the store. Clear the task `split` and all after it."
        )
