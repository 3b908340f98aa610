"""Content keys: what locks and opens segments. Secret; a plan and a manifest name only the key's id."""

import hashlib
import re
from dataclasses import dataclass, field

from cutroom.errors import UsageError

_WRITTEN = re.compile(r"([0-9a-fA-F]{32}):([0-9a-fA-F]{32})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentKey:
    """A key of 128 bits and its public id, both as hexadecimal digits."""

    key_id: str
    key: str = field(repr=False)


def parse_content_key(name: str, written: str) -> ContentKey:
    """A key as settings and key services write it: `<key id>:<key>`, 32 hexadecimal digits each.

    Raises:
        UsageError: It is written otherwise; the message does not repeat it.
    """
    found = _WRITTEN.fullmatch(written.strip())
    if found is None:
        raise UsageError(
            f"The content key {name!r} is not written as <key id>:<key>, with 32 hexadecimal digits each."
        )
    return ContentKey(key_id=found[1].lower(), key=found[2].lower())


def iv_of(rendition_key: str, number: int = 0) -> bytes:
    """The initialization vector of a rendition, or of one of its segments: never the same for two of them.

    It follows from the name, which is a digest of the content, so that packaging twice gives the same bytes.
    """
    return hashlib.sha256(f"{rendition_key} {number}".encode()).digest()[:16]
