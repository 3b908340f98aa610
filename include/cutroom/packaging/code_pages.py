"""What a file of text was written in: found by its marks and its bytes, guessed by its words, known by its language."""

from contextlib import suppress

import charset_normalizer

_LEGACY_ENCODINGS = {
    "cs": "cp1250", "hu": "cp1250", "pl": "cp1250", "ro": "cp1250", "sk": "cp1250", "sl": "cp1250", "hr": "cp1250",
    "bg": "cp1251", "ru": "cp1251", "sr": "cp1251", "uk": "cp1251", "el": "cp1253", "tr": "cp1254", "he": "cp1255",
    "ar": "cp1256", "fa": "cp1256", "vi": "cp1258", "th": "cp874", "ja": "cp932", "ko": "cp949", "zh": "gb18030",
    "zh-Hant": "big5hkscs", "zh-TW": "big5hkscs", "zh-HK": "big5hkscs", "sr-Latn": "cp1250", "bs": "cp1250",
    "sq": "cp1250", "be": "cp1251", "mk": "cp1251", "kk": "cp1251", "az": "cp1254", "yi": "cp1255", "ur": "cp1256",
    "et": "cp1257", "lt": "cp1257", "lv": "cp1257",
}  # fmt: skip
"""What files were written in before Unicode, by language; others in cp1252, which holds Latin-1's letters."""

_LETTERS = (
    ("cp1252", "àâæçéèêëîïôœùûüÿ"), ("cp1252", "äöüßé"), ("cp1252", "áéíñóúü¿¡ºª"), ("cp1252", "ãõáâàçéêíóôúüºª"),
    ("cp1252", "åäöé"), ("cp1252", "åæøéòôó"), ("cp1252", "áðéíóúýþæö"), ("cp1252", "àèéìíîòóùú"),
    ("cp1252", "äáçéëïíóöúü"), ("cp1252", "àçéèíïóòúül"),
    ("cp1250", "áčďéěíňóřšťúůýž"), ("cp1250", "áäčďéíĺľňóôŕšťúýž"), ("cp1250", "ąćęłńóśźż"), ("cp1250", "áéíóöőúüű"),
    ("cp1250", "čćđšž"), ("cp1250", "ăâîşţ"), ("cp1254", "çğıöşüâîûİ"),
)  # fmt: skip
"""What languages in Latin letters write beside ASCII, and in which page; those of the west first."""

_SIGNS = frozenset("„“”‚‘’–—…«»‹›°§®©™·•´€♪\xa0\xad")

ENOUGH = 0.95
"""What part of all letters beside ASCII are those of a language; the rest are names of others."""

_LATIN = {"cp1250", "cp1252", "cp1254", "cp1257", "cp1258"}

LOOKED_AT_BYTES = 65_536
"""How much of a file its encoding is guessed by."""

FEWEST_LETTERS = 200
"""Of fewer bytes that are not ASCII nothing can be told."""

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def decoded(data: bytes, language: str | None) -> str:
    """The text of a file: by its mark, as UTF-8, as UTF-16 without a mark, else as files in this language were.

    Args:
        data: The whole file.
        language: RFC 5646, as its name tells; None: it is guessed.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    # Of two bytes each letter of Latin, and each end of a line, has a zero.
    zeros = [data[at::2].count(0) for at in (0, 1)]
    if sum(zeros) * 20 > len(data):
        return data.decode("utf-16-be" if zeros[0] > zeros[1] else "utf-16-le", errors="replace")
    with suppress(UnicodeDecodeError):
        return data.decode()
    legacy = _legacy(language)
    guessed = None if language and legacy in _LATIN else _guessed(data, is_latin=language is None)
    for likely in (guessed, legacy, "cp1252"):
        with suppress(UnicodeDecodeError):
            if likely is not None:
                return data.decode(likely)
    return data.decode("latin-1")


def _legacy(language: str | None) -> str:
    parts = (language or "").split("-")
    said = ("-".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((_LEGACY_ENCODINGS[one] for one in said if one in _LEGACY_ENCODINGS), "cp1252")


def _guessed(data: bytes, *, is_latin: bool) -> str | None:
    """The encoding of words that are not in Latin letters, and, where they may be, that of Latin; None: no idea."""
    data = data[:LOOKED_AT_BYTES]
    if len(data.translate(None, bytes(range(128)))) < FEWEST_LETTERS:
        return None
    found = charset_normalizer.from_bytes(data).best()
    if found is not None:
        letters = [one for one in str(found) if one.isalpha() and (ord(one) >= 0x250 or one.isascii())]
        if 2 * sum(not letter.isascii() for letter in letters) > len(letters):
            return found.encoding
    return _guessed_latin(data) if is_latin else None


def _guessed_latin(data: bytes) -> str | None:
    """The page that makes words of one language of these bytes; each page makes letters of some kind."""
    best, most = None, ENOUGH
    for page, letters in _LETTERS:
        read = [one for one in data.decode(page, errors="replace") if not one.isascii() and one not in _SIGNS]
        own = sum(one in letters or one.lower() in letters for one in read)
        if read and own > most * len(read):
            best, most = page, own / len(read)
    return best
