"""MP4 and Matroska files by hand, right ones and wrong ones."""

import struct

from hypothesis import strategies as st


def box(kind: bytes, content: bytes, *, large: bool = False) -> bytes:
    if large:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


def element(name: int, content: bytes, *, unknown: bool = False) -> bytes:
    size = (1 << 56) - 1 if unknown else len(content)
    return name.to_bytes((name.bit_length() + 7) // 8) + (1 << 56 | size).to_bytes(8) + content


sizes = st.one_of(st.integers(0, 40), st.sampled_from([2**31, 2**32 - 1, 2**63, 2**64 - 1]))
lying_boxes = st.builds(
    lambda kind, size, large, content: (
        (struct.pack(">I4sQ", 1, kind, size) if large else struct.pack(">I4s", min(size, 2**32 - 1), kind))
        + content
    ),
    st.sampled_from([b"ftyp", b"moov", b"mdat", b"moof", b"free"]),
    sizes,
    st.booleans(),
    st.binary(max_size=30),
)
lying_elements = st.builds(
    lambda name, size, content: name + size + content,
    st.sampled_from([b"\x1aE\xdf\xa3", b"\x18S\x80g", b"\x1fC\xb6u", b"\xec", b"\x00", b"\xff"]),
    st.binary(max_size=9),
    st.binary(max_size=20),
)


lying_files = st.lists(st.one_of(lying_boxes, lying_elements, st.binary(max_size=20)), max_size=12).map(
    b"".join
)
"""Files that begin like a container, and lie about their lengths."""
