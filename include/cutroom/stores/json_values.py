"""JSON that PostgreSQL and MongoDB both take: what a file says of itself must not stop its own record."""

import math
from collections.abc import Mapping
from typing import Any

_INT64 = 2**63


def storable_text(value: str) -> str:
    """The text without NUL and lone surrogates, which neither store takes; both become U+FFFD."""
    return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def storable(value: Any) -> Any:
    """A JSON value that both stores give back as it is.

    Numbers that JSON can't hold (NaN, infinity) are unknown: None. Integers beyond 64 bits become text. Keys
    become text; tuples become lists.
    """
    if isinstance(value, str):
        return storable_text(value)
    if value is None or isinstance(value, bool | int | float):
        return _storable_number(value)
    if isinstance(value, Mapping):
        return {storable_text(str(key)): storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [storable(each) for each in value]
    return storable_text(str(value))


def _storable_number(value: float | bool | None) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return str(value)
    return value
