"""What is no media is named."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import box
from cutroom.errors import SourceCorrupt, SourceUnsupported
from cutroom.ffmpeg import probe, sniff
from cutroom.media.limits import Limits


def still(brand: bytes, *, behind: bytes = b"") -> bytes:
    """An image as MP4, perhaps with a track as well."""
    return (
        box(b"ftyp", brand + bytes(4) + b"mif1") + box(b"meta", bytes(40)) + behind + box(b"mdat", bytes(9))
    )


class TestNotMedia:
    @pytest.mark.parametrize(
        ("head", "what"),
        [
            (b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff\xe0", "JPEG"), (b"BM6", "BMP"),
            (b"II*\x00", "TIFF"), (b"%PDF-1.7", "PDF"), (b"PK\x03\x04", "ZIP"), (b"\x1f\x8b\x08", "gzip"),
            (b"MThd\0\0\0\x06", "MIDI"), (b"\x7fELF\x02", "program"), (b"MZ\x90", "program"),
            (b"#EXTM3U\n#EXT", "playlist"),
            (b"ffconcat version 1.0\n", "concat"), (b"<?xml version", "XML"),
            (still(b"avif"), "AVIF image"), (still(b"msf1"), "HEIF image"),
            (still(b"heix"), "HEIC image"), (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP image"),
            (box(b"ftyp", b"crx ") + box(b"moov", b""), "Canon"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + bytes(17) + b"\0\0\0\x08acTL", "animated PNG"),
            (b"RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x02", "animated WebP"),
            (b"RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x10", "WebP image"),
            (b"MPCKSH\x0e\xda", "Musepack"), (b"MP+\x07", "Musepack"), (b"\0\0\1\0RED2", "R3D"),
            (still(b"heic") + bytes(5000) + b"mpvd", "motion photo"),
            (b"ADIF\0\x3e\x80", "ADIF"), (b"OFR \x11\0\0\0", "OptimFROG"), (b"IMPMa song\0", "tracker"),
            (b"Extended Module: a song\0", "tracker"), (b"a song".ljust(44, b"\0") + b"SCRM\xff", "tracker"),
            (b"a song".ljust(1080, b"\0") + b"M.K.\xff", "tracker"),
            (b"Dear diary,\r\ntoday", "plain text"), ("Grüße aus Köln".encode(), "plain text"),
        ],
    )  # fmt: skip
    def test_the_usual_mistakes_are_named(self, head: bytes, what: str) -> None:
        with pytest.raises(SourceUnsupported, match=what):
            sniff.reject_what_is_not_media(io.BytesIO(head))

    @given(st.text(min_size=1500, max_size=3000), st.sampled_from(["é", "語", "🎬"]))
    def test_text_is_text_wherever_its_head_is_cut(self, text: str, last: str) -> None:
        # 4,096 bytes are read; the last character may be cut in two.
        raw = (text + last * 4096).encode()[:4096]
        assert sniff._is_text(raw)

    @pytest.mark.parametrize(
        "head",
        [
            b"\0\0\0\x20ftypisom\0\0\x02\0", b"\x1aE\xdf\xa3\x9fB\x86\x81\x01", b"G@\x11\x10\0B\xf0", b"OggS\0\x02",
            b"ID3\x04\0\0\0\0\0\0", b"fLaC\0\0\0\"", b"RIFF\x24\0\0\0WAVEfmt ", b"RIFF\x24\0\0\0AVI LIST",
            b"FLV\x01\x05", b"GIF89a",
            still(b"avis", behind=box(b"moov", b"")), still(b"heic", behind=box(b"moov", b"")),
            box(b"ftyp", b"qt  ") + box(b"meta", b""),
        ],
    )  # fmt: skip
    def test_media_pass(self, head: bytes) -> None:
        sniff.reject_what_is_not_media(io.BytesIO(head + bytes(range(256))))

    def test_an_mp3_of_free_format_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"\xff\xfb\x04\x64" + bytes(9000))
        with pytest.raises(SourceUnsupported, match="free format"):
            probe.probe(tmp_path / "f", sha256="", log=tmp_path / "log", limits=Limits())

    @pytest.mark.parametrize("head", [b"", b"\xff\xfb\x90\x64", b"\xff\xf1\x04\x64", b"\xff\xfe\x04\x00"])
    def test_other_heads_are_no_free_format(self, head: bytes) -> None:
        sniff.reject_free_format(head)

    def test_an_empty_file_is_told_so(self, tmp_path: Path) -> None:
        (tmp_path / "f").touch()
        with pytest.raises(SourceCorrupt, match="empty"):
            probe.probe(tmp_path / "f", sha256="", log=tmp_path / "log", limits=Limits())
