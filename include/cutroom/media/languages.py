"""Languages as containers and file names write them, in the form that players take (RFC 5646)."""

import re
from functools import cache

import babel
from babel.core import get_global

_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")

NOT_SAID = frozenset({"und", "mis", "mul", "zxx", "qaa"})
"""ISO 639 codes that name no language."""


def language_tag(said: str | None) -> str | None:
    """The shortest tag of a language: `en` for `eng` and `English`, `de` for `ger` and for `deu`, `pt-BR` for `pt_br`.

    Containers hold any text there, and it goes into playlists and the MPD: what is no language is None.
    """
    tag = (said or "").strip().replace("_", "-")
    # Some are longer than any part of a tag: Portuguese, Hungarian.
    if tag.lower() in _codes_by_name():
        return _codes_by_name()[tag.lower()]
    if not _TAG.fullmatch(tag):
        return None
    language, *rest = tag.split("-")
    if language.lower() in NOT_SAID:
        return None
    language = language.lower()
    if len(language) > 3:
        # No language has a code of so many letters.
        return None
    # CLDR knows both three-letter codes of ISO 639-2; RFC 5646, 2.2.1 wants the two-letter one where there is one.
    language = get_global("language_aliases").get(language, language).split("_")[0]
    return "-".join([language, *(part.upper() if len(part) == 2 else part.title() for part in rest)])


@cache
def _codes_by_name() -> dict[str, str]:
    """The languages that have a code of two letters, by their names in English."""
    return {str(name).lower(): code for code, name in babel.Locale("en").languages.items() if len(code) == 2}


def is_known_language(said: str) -> bool:
    """Whether this is the code of a language, and not just letters."""
    tag = language_tag(said)
    return tag is not None and language_name(tag) is not None


def language_name(tag: str) -> str | None:
    """What its speakers call a language, as they would write it in a list; None where that is not known."""
    try:
        locale = babel.Locale.parse(tag, sep="-")
    except (ValueError, babel.UnknownLocaleError):
        return None
    name = locale.get_display_name(tag.replace("-", "_")) or locale.get_language_name(
        tag.split("-", maxsplit=1)[0]
    )
    return None if name is None else name[:1].upper() + name[1:]
