"""The RFC 6381 codec string of a track, read from the decoder's own configuration in its initialization segment.

Written without the packager, so that what the manifests say can be held against the bitstream.
"""

import struct
from collections.abc import Callable

from cutroom.errors import VerificationFailed
from cutroom.packaging.boxes import boxes

_VISUAL_ENTRY_BYTES = 78
_AUDIO_ENTRY_BYTES = 28
"""Length of a sample entry's own fields before the boxes inside it (ISO/IEC 14496-12, 12.1.3 and 12.2.3)."""


def codec_string(init: bytes) -> str:
    """The codec of the only track of an initialization segment.

    Raises:
        VerificationFailed: It holds no sample entry, or one of a codec that is not made here.
    """
    for box in boxes(init):
        if box.kind == b"stsd":
            entry = box.start + 8
            size, kind = struct.unpack_from(">I4s", init, entry)
            return _of_entry(init, kind.decode("latin-1"), entry + 8, entry + size)
    raise VerificationFailed("The initialization segment describes no track.")


def same_codec(one: str, other: str) -> bool:
    """Whether two codec strings name the same; what one of them leaves out at its end is not compared."""
    return all(a.lower() == b.lower() for a, b in zip(one.split("."), other.split("."), strict=False))


def _of_entry(data: bytes, kind: str, start: int, end: int) -> str:
    if kind in {"encv", "enca"}:
        inside = _inside(data, kind == "encv", start, end)
        original = inside.get(b"sinf", b"")
        at = original.find(b"frma")
        kind = original[at + 4 : at + 8].decode("latin-1") if at >= 0 else kind
        return _described(kind, inside)
    return _described(kind, _inside(data, kind in _VISUAL, start, end))


def _inside(data: bytes, is_visual: bool, start: int, end: int) -> dict[bytes, bytes]:
    head = _VISUAL_ENTRY_BYTES if is_visual else _AUDIO_ENTRY_BYTES
    return {box.kind: data[box.start : box.end] for box in boxes(data, start + head, end)}


def _described(kind: str, inside: dict[bytes, bytes]) -> str:
    if kind not in _READERS:
        raise VerificationFailed(
            f"The initialization segment holds a track of the kind {kind!r}, which is not made."
        )
    box, read = _READERS[kind]
    if box and box not in inside:
        raise VerificationFailed(
            f"The initialization segment lacks the {box.decode()} box of its {kind} track."
        )
    return kind + read(inside.get(box, b""))


def _avc(config: bytes) -> str:
    """Profile, constraints and level out of the first sequence parameter set itself (ISO/IEC 14496-10, 7.3.2.1)."""
    length = struct.unpack_from(">H", config, 6)[0]
    parameters = config[8 : 8 + length]
    return "." + parameters[1:4].hex()


def _hevc(config: bytes) -> str:
    """ISO/IEC 14496-15, E.3: profile, compatibility with its bits reversed, tier and level, constraint bytes."""
    first, compatibility = config[1], struct.unpack_from(">I", config, 2)[0]
    space = ("", "A", "B", "C")[first >> 6]
    reverted = int(f"{compatibility:032b}"[::-1], 2)
    constraints = config[6:12].rstrip(b"\0")
    tier = "H" if first & 0x20 else "L"
    parts = [f"{space}{first & 0x1F}", f"{reverted:X}", f"{tier}{config[12]}"]
    return "." + ".".join([*parts, *(f"{byte:X}" for byte in constraints)])


def _vp9(config: bytes) -> str:
    """VP Codec ISO Media File Format Binding: everything that the box holds after its version and flags."""
    depth_and_more = f"{config[6] >> 4:02d}.{config[6] >> 1 & 7:02d}"
    colours = ".".join(f"{point:02d}" for point in (*config[7:10], config[6] & 1))
    return f".{config[4]:02d}.{config[5]:02d}.{depth_and_more}.{colours}"


def _av1(config: bytes) -> str:
    """AV1 Codec ISO Media File Format Binding, 2.3.3 and 5: profile, level and tier, bit depth."""
    profile, level = config[1] >> 5, config[1] & 0x1F
    tier = "H" if config[2] & 0x80 else "M"
    depth = 12 if config[2] & 0x20 else 10 if config[2] & 0x40 else 8
    return f".{profile}.{level:02d}{tier}.{depth:02d}"


def _esds(config: bytes) -> str:
    """Object type of the decoder, and for MPEG-4 sound that of its configuration (ISO/IEC 14496-1, 7.2.6)."""
    at, object_type = 4, 0
    while at < len(config):
        tag, at = config[at], at + 1
        length = 0
        while True:
            byte, at = config[at], at + 1
            length = length << 7 | byte & 0x7F
            if byte < 0x80:
                break
        if tag == 0x03:  # ES descriptor: two bytes of id, and flags that announce what else there is
            flags = config[at + 2]
            at += 3 + (2 if flags & 0x80 else 0) + (1 + config[at + 3] if flags & 0x40 else 0)
            at += 2 if flags & 0x20 else 0
        elif tag == 0x04:  # decoder configuration: object type and twelve bytes more, then what it holds
            object_type, at = config[at], at + 13
        elif tag == 0x05 and object_type == 0x40:
            kind = config[at] >> 3
            if kind == 31:
                kind = 32 + ((config[at] & 7) << 3 | config[at + 1] >> 5)
            return f".40.{kind}"
        else:
            at += length
    return f".{object_type:02x}"


def _nothing(_: bytes) -> str:
    return ""


_VISUAL = {"avc1", "avc3", "hvc1", "hev1", "vp09", "av01"}

_READERS: dict[str, tuple[bytes, Callable[[bytes], str]]] = {
    "avc1": (b"avcC", _avc),
    "avc3": (b"avcC", _avc),
    "hvc1": (b"hvcC", _hevc),
    "hev1": (b"hvcC", _hevc),
    "vp09": (b"vpcC", _vp9),
    "av01": (b"av1C", _av1),
    "mp4a": (b"esds", _esds),
    "Opus": (b"", _nothing),
    "fLaC": (b"", _nothing),
    "ac-3": (b"", _nothing),
    "ec-3": (b"", _nothing),
}
"""For each sample entry the box that describes its decoder, and how it is read."""
