"""The name of an encode: a digest of everything that decides its bytes."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from cutroom import ids
from cutroom.media.source import Source

ENCODE_REVISION = 12
"""Raised when the arguments of an encode change, or the packets it is made of, so that older results are not taken for
the same."""


def encode_key(source: Source, track: int, what: Any, tools: Mapping[str, str]) -> str:
    """`en_` and a digest of the source's bytes, the track, what is made of it, and the encoder.

    Args:
        source: The source.
        track: Stream index in it.
        what: A JSON value of everything else that decides the bytes.
        tools: Name and version of the tools.
    """
    return "en_" + ids.digest([source.sha256, track, what, tools.get("ffmpeg", ""), ENCODE_REVISION])


def plain(kind: Any, value: Any) -> Any:
    """A value of a dataclass as JSON."""
    return adapter(kind).dump_python(value, mode="json")


adapter = cache(TypeAdapter)
