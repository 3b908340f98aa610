"""What a file is by how it begins, where it is no media: so that the reason can say what was uploaded."""

from typing import BinaryIO

from cutroom.errors import SourceUnsupported

JPEG = b"\xff\xd8\xff"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MOTION_PHOTO_BYTES = 64 * 2**20
"""How far into an image its film is looked for; phones' stills are some megabytes."""

SNIFFED = (
    (b"\x89PNG", "a PNG image"),
    (JPEG, "a JPEG image"),
    (b"GIF8", "a GIF image"),
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


def reject_what_is_not_media(file: BinaryIO) -> None:
    """Name the usual mistakes by how the file begins.

    Raises:
        SourceUnsupported: It is an image, a document, an archive, a playlist or plain text.
    """
    head = file.read(4096)
    if head.startswith(JPEG) and _has_film_behind(file.read(MOTION_PHOTO_BYTES)):
        raise SourceUnsupported(
            "The file is a motion photo: a JPEG image with a film behind it. Export the film from the phone's "
            "gallery, and upload that."
        )
    head = head.removeprefix(BYTE_ORDER_MARK)
    for magic, what in SNIFFED:
        if head.startswith(magic):
            raise SourceUnsupported(f"The file is {what}, not video or audio.")
    if head[4:12] in {b"ftypavif", b"ftypheic", b"ftypmif1"} or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    ):
        raise SourceUnsupported("The file is an image, not video or audio.")
    printable = sum(byte in b"\t\n\r\f" or 32 <= byte < 127 or byte >= 128 for byte in head)
    if printable == len(head) and _is_text(head):
        raise SourceUnsupported("The file is plain text, not video or audio.")


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
