"""Codec strings out of initialization segments, held against the packager's and by hand."""

import struct
from dataclasses import replace

import pytest

from cutroom.errors import VerificationFailed
from cutroom.packaging.checks.headers import headers
from cutroom.packaging.codec_string import codec_string, same_codec
from cutroom.packaging.facts import RenditionFacts


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", len(content) + 8, kind) + content


def init_of(entry: bytes, fields: int, configuration: bytes) -> bytes:
    """An initialization segment with one sample entry."""
    stsd = box(b"stsd", bytes(8) + box(entry, bytes(fields) + configuration))
    return box(b"ftyp", b"iso6") + box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stsd)))))


AVCC = box(b"avcC", bytes.fromhex("0142c01effe10004674d4028 01 0002 68ee"))
HVCC = box(b"hvcC", bytes.fromhex("01 02 20000000 b00000000000 5d") + bytes(10))
ESDS = box(
    b"esds",
    bytes.fromhex("00000000 0319000100 041140 15000000 00000000 00000000 05021210"),
)
MP3 = box(b"esds", bytes.fromhex("00000000 03 13 000100 04 0d 6b 15000000 00000000 00000000"))


@pytest.mark.parametrize(
    ("entry", "fields", "configuration", "wanted"),
    [
        # The parameter set speaks, not the copy of it in front.
        (b"avc1", 78, AVCC, "avc1.4d4028"),
        (b"hvc1", 78, HVCC, "hvc1.2.4.L93.B0"),
        (
            b"vp09",
            78,
            box(b"vpcC", bytes.fromhex("01000000 00 1f 82 01010100 00")),
            "vp09.00.31.08.01.01.01.01.00",
        ),
        (b"av01", 78, box(b"av1C", bytes.fromhex("81 05 4c 00")), "av01.0.05M.10"),
        (b"mp4a", 28, ESDS, "mp4a.40.2"),
        (b"mp4a", 28, MP3, "mp4a.6b"),
        (b"Opus", 28, box(b"dOps", bytes(11)), "Opus"),
        (b"ec-3", 28, box(b"dec3", bytes(5)), "ec-3"),
        (b"encv", 78, AVCC + box(b"sinf", box(b"frma", b"avc1")), "avc1.4d4028"),
    ],
)
def test_the_string_follows_from_the_configuration(
    entry: bytes, fields: int, configuration: bytes, wanted: str
) -> None:
    assert codec_string(init_of(entry, fields, configuration)) == wanted


@pytest.mark.parametrize(
    "init", [b"", box(b"moov", b""), init_of(b"mp4v", 78, b""), init_of(b"avc1", 78, b"")], ids=str
)
def test_what_describes_no_track_of_ours_is_refused(init: bytes) -> None:
    with pytest.raises(VerificationFailed):
        codec_string(init)


def test_what_one_string_leaves_out_is_not_compared() -> None:
    assert same_codec("av01.0.05M.08.0.111.01.01.01.0", "av01.0.05M.08")
    assert same_codec("avc1.4D4028", "avc1.4d4028")
    assert not same_codec("avc1.4d4028", "avc1.640028")


FACTS = RenditionFacts(
    key="rn_1", name="one", kind="video", container="cmaf", rung="one", track=0, codec_string="avc1.4d4028",
    timescale=1000, bandwidth_bps=1, average_bandwidth_bps=1, size_bytes=1, segments=(), files={},
)  # fmt: skip


def test_another_level_in_front_of_the_parameter_set_is_told() -> None:
    as_it_is = AVCC.replace(bytes.fromhex("0142c01e"), bytes.fromhex("014d4028"))
    assert headers([FACTS], {"rn_1": init_of(b"avc1", 78, as_it_is)}).ok
    found = headers([FACTS], {"rn_1": init_of(b"avc1", 78, AVCC)})
    assert (found.ok, found.found) == (False, "one states H.264 42c01e, is 4d4028")


@pytest.mark.parametrize(("noted", "ok"), [(1024, True), (0, True), (1025, False)])
def test_an_edit_list_that_leaves_out_something_else_is_told(noted: int, ok: bool) -> None:
    edits = box(b"edts", box(b"elst", struct.pack(">IIIiHH", 0, 1, 0, 1024, 1, 0)))
    init = box(b"moov", box(b"trak", edits))
    assert headers([replace(FACTS, lead_ticks=noted)], {"rn_1": init}).ok is ok
