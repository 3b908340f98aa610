"""What a file is by how it begins, where it is no media: so that the reason can say what was uploaded."""

from typing import BinaryIO

from cutroom.errors import SourceUnsupported

JPEG = b"\xff\xd8\xff"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOTION_PHOTO_BYTES = 64 * 2**20
"""How far into an image its film is looked for; phones' stills are some megabytes."""

STILLS = {
    b"avif": "an AVIF image",
    b"heic": "a HEIC image",
    b"heix": "a HEIC image",
    b"heim": "a HEIC image",
    b"heis": "a HEIC image",
    b"hevc": "a HEIC image",
    b"mif1": "a HEIF image",
    b"mif2": "a HEIF image",
    b"crx ": "a raw image of a Canon camera (CR3)",
}
"""Brands of images that are MP4 by their form (ISO/IEC 23008-12, annex B)."""

MOST_BOXES = 20
"""Of an image, before its description."""

_MOTION_PHOTO = (
    "The file is a motion photo: a {what} image with a film behind it. Export the film from the phone's gallery, and "
    "upload that."
)

SNIFFED = (
    (b"\x89PNG", "a PNG image"),
    (JPEG, "a JPEG image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"8BPS", "a Photoshop image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"MThd", "a MIDI file of notes"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#EXTM3U", "a playlist, which is not taken: upload the media themselves"),
    (b"ffconcat", "a concat script, which is not taken: upload the media themselves"),
    (b"<?xml", "an XML document"),
    (b"<svg", "an SVG drawing"),
)
"""How files begin that are not media."""

_MODULE = "a module of notes for a tracker, which is not taken. Save it as FLAC"

NOT_TAKEN = (
    (0, b"MPCK", "Musepack, which is not taken. Save it as FLAC"),
    (0, b"MP+", "Musepack, which is not taken. Save it as FLAC"),
    (0, b"ADIF", "AAC as ADIF, which is not taken. Save it as M4A"),
    (0, b"OFR ", "OptimFROG, which is not taken. Save it as FLAC"),
    (0, b"Extended Module:", _MODULE),
    (0, b"IMPM", _MODULE),
    (44, b"SCRM", _MODULE),
    (1080, b"M.K.", _MODULE),
    (4, b"RED1", "what a RED camera records (R3D), which is not taken. Export it as ProRes or DNxHR"),
    (4, b"RED2", "what a RED camera records (R3D), which is not taken. Export it as ProRes or DNxHR"),
)
"""What stands at which byte of media that nothing here decodes as it is meant."""


def reject_what_is_not_media(file: BinaryIO) -> None:
    """Name the usual mistakes by how the file begins.

    Raises:
        SourceUnsupported: It is an image, a document, an archive, a playlist or plain text.
    """
    head = file.read(4096)
    if head.startswith(JPEG) and _has_film_behind(file.read(MOTION_PHOTO_BYTES)):
        raise SourceUnsupported(_MOTION_PHOTO.format(what="JPEG"))
    if (moving := _moving_image(head)) is not None:
        raise SourceUnsupported(f"The file is {moving}, which is not taken. Save it as GIF or MP4.")
    head = head.removeprefix(BYTE_ORDER_MARK)
    for magic, what in SNIFFED:
        if head.startswith(magic):
            raise SourceUnsupported(f"The file is {what}, not video or audio.")
    for at, magic, what in NOT_TAKEN:
        if head[at:].startswith(magic):
            raise SourceUnsupported(f"The file is {what}.")
    if head[4:8] == b"ftyp":
        _reject_still(head, file)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        raise SourceUnsupported("The file is a WebP image, not video or audio.")
    printable = sum(byte in b"\t\n\r\f" or 32 <= byte < 127 or byte >= 128 for byte in head)
    if printable == len(head) and _is_text(head):
        raise SourceUnsupported("The file is plain text, not video or audio.")


def _reject_still(head: bytes, file: BinaryIO) -> None:
    """Name an image that is an MP4 by its form.

    Args:
        head: Its beginning.
        file: Behind that.

    Raises:
        SourceUnsupported: It is one.
    """
    brands = [head[at : at + 4] for at in range(8, min(int.from_bytes(head[:4]), len(head)), 4)]
    named = [STILLS[one] for one in brands if one in STILLS]
    if not named:
        return
    if b"mpvd" in file.read(MOTION_PHOTO_BYTES):
        raise SourceUnsupported(_MOTION_PHOTO.format(what="HEIC"))
    if brands[0] == b"crx " or _is_image(file):
        raise SourceUnsupported(f"The file is {named[0]}, not video or audio.")


def _is_image(file: BinaryIO) -> bool:
    """Whether an MP4 describes an image and no film: a sequence of images has a track as well, and is a film."""
    at = 0
    has_items = False
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4])
        if head[4:8] in {b"moov", b"moof"}:
            return False
        has_items |= head[4:8] == b"meta"
        if size < 8:
            break
        at += size
    return has_items


def _moving_image(head: bytes) -> str | None:
    """What an image is that shows several pictures, by how it begins: no film that is taken."""
    if head.startswith(b"\x89PNG") and b"acTL" in head.partition(b"IDAT")[0]:
        return "an animated PNG"
    # A bit of its extended header (WebP container specification).
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & 2:
        return "an animated WebP"
    return None


def reject_free_format(head: bytes) -> None:
    """Name an MP3 whose bit rate is none of the table (ISO/IEC 11172-3, 2.4.2.3), by how it begins.

    To be asked where a file can't be read: others may begin so, too.

    Raises:
        SourceUnsupported: It is one.
    """
    if len(head) > 2 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] & 0xF0 == 0:
        raise SourceUnsupported(
            "The file is an MP3 of free format, which is not taken. Save it at a usual bit rate."
        )


def _has_film_behind(data: bytes) -> bool:
    """Whether an MP4 begins in it, right behind the end of an image."""
    at = data.find(b"ftyp")
    return at >= 6 and data[at - 6 : at - 4] == b"\xff\xd9"


def _is_text(head: bytes) -> bool:
    # The last character may be cut in two.
    for end in range(len(head), max(0, len(head) - 4), -1):
        try:
            head[:end].decode()
        except UnicodeDecodeError:
            continue
        return True
    return False
