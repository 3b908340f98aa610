"""Names of files and folders: what is allowed, and when two names are the same.

A name has to work on every device that may hold the file. So two names that differ only by case, or by how Unicode
spells an accent, are one name: the first spelling stays on show.
"""

import unicodedata

from cutroom.errors import RequestInvalid

NAME_LIMIT_BYTES = 255
"""The limit of the usual file systems on one name, in UTF-8."""

ROOT = "root"
"""Stands for the top, where an id of a folder is due."""

_FORBIDDEN = frozenset("/\\")
# Controls, lone surrogates, and marks that turn the text around: names that show as others.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# What a name may not consist of alone, as nothing of it would show: spaces, joiners, marks on what is not there.
_INVISIBLE_CATEGORIES = frozenset({"Cf", "Zs", "Mn", "Me"})
_FORBIDDEN_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def checked_name(name: str) -> str:
    """The name in Unicode's composed form (NFC), without spaces around it.

    Raises:
        RequestInvalid: It is empty or nothing that shows, `.`, `..`, over 255 bytes, or has a slash, backslash, control
            character, or a mark that changes the direction of text.
    """
    checked = unicodedata.normalize("NFC", name).strip()
    if checked in {"", ".", ".."} or all(
        unicodedata.category(one) in _INVISIBLE_CATEGORIES for one in checked
    ):
        raise RequestInvalid(f"{name!r} is not possible as a name: give it at least one letter or digit.")
    for character in checked:
        if (
            character in _FORBIDDEN
            or character in _FORBIDDEN_MARKS
            or unicodedata.category(character) in _FORBIDDEN_CATEGORIES
        ):
            raise RequestInvalid(
                f"A name can't hold the character U+{ord(character):04X}; rename {checked[:40]!r}."
            )
    size_bytes = len(checked.encode())
    if size_bytes > NAME_LIMIT_BYTES:
        raise RequestInvalid(
            f"The name {checked[:40]!r}… has {size_bytes} bytes; {NAME_LIMIT_BYTES} are allowed."
        )
    return checked


def name_key(name: str) -> str:
    """What two names have in common when they are the same name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
