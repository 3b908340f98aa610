"""Storing an object in blocks and reading it back, against reading and writing the same bytes in the same S3.

    python -m benchmarks --only ingest [--mib 512] [--sparse-gib 10] [--rounds 3]

Starts PostgreSQL and LocalStack of its own in a temporary folder.

new      an object that nobody has seen. Against the object read by ranges, four at a time, and each range put under a
         key of its own: the same bytes in and out of S3, without a digest, a database or an announcement.
known    another object of the same bytes: nothing is sent. Against reading it.
read     a local copy of the source, verified, with its digest. Against boto3's parallel download.
split    packets of a source cut from its blocks, against a copy first and then the cut.
memory   the peak of a process that does what the operator does with a sparse object.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from benchmarks.dedup import make_film
from cutroom.ffmpeg import runner
from cutroom.ffmpeg.served import served
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings, get_settings
from cutroom.stack.lifecycle import start_stack, stop_stack
from cutroom.stack.ports import free_port
from cutroom.steps.ingesting import ingest
from cutroom.steps.sources import open_sources
from cutroom.stores.blocks import open_block_service
from cutroom.stores.s3 import s3_client
from cutroom.stores.uploads import RANGE_BYTES, find_upload

MIB = 2**20

ONE_PROCESS = """
import json, sys
from pathlib import Path
from cutroom.media.upload import UploadedObject
from cutroom.settings import get_settings
from cutroom.steps.ingesting import ingest
from cutroom.stores.blocks import open_block_service
from cutroom.stores.s3 import s3_client

settings = get_settings()
upload = UploadedObject.from_json(json.loads(sys.argv[1]))
ingest(
    open_block_service(settings), s3_client(settings), upload, owner="sparse", lease_id="sparse",
    boundaries="container", original="keep", moved_prefix="",
)
# Not getrusage, which begins with the size of the process that started this one.
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""


def stored(settings: Settings, upload: UploadedObject, owner: str) -> dict[str, Any]:
    """What the operator does."""
    return ingest(
        open_block_service(settings),
        s3_client(settings),
        upload,
        owner=owner,
        lease_id=f"bench {upload.file_version_id}",
        boundaries=settings.block_boundaries,
        original="keep",
        moved_prefix="",
    )


def plain(settings: Settings, upload: UploadedObject, *, write: bool) -> None:
    """The same bytes out of S3, and into it again."""
    client, name = s3_client(settings), uuid.uuid4().hex

    def one(start: int) -> None:
        span = f"bytes={start}-{min(start + RANGE_BYTES, upload.size_bytes) - 1}"
        data = client.get_object(Bucket=upload.bucket, Key=upload.key, Range=span)["Body"].read()
        if write:
            client.put_object(Bucket=settings.work_bucket, Key=f"bench/{name}/{start}", Body=data)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(0, upload.size_bytes, RANGE_BYTES)))


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a piece of work."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def put(settings: Settings, path: Path) -> UploadedObject:
    """A file as an object of a new name."""
    key = f"bench/{uuid.uuid4().hex}{path.suffix}"
    s3_client(settings).upload_file(
        str(path), settings.uploads_bucket, key, Config=TransferConfig(multipart_chunksize=64 * MIB)
    )
    upload = find_upload(s3_client(settings), bucket=settings.uploads_bucket, key=key)
    # A store that is too slow to complete a large object was seen to leave an empty one.
    if upload.size_bytes != path.stat().st_size:
        raise RuntimeError(
            f"S3 has {upload.size_bytes} bytes of {path.name}, which is larger: nothing can be measured."
        )
    return upload


def measure_bytes(settings: Settings, folder: Path, mib: int) -> dict[str, float]:
    """MiB a second, of each way."""
    path = folder / "noise.bin"
    path.write_bytes(os.urandom(mib * MIB))
    owner = uuid.uuid4().hex
    new, again = put(settings, path), put(settings, path)
    sources = open_sources(settings, lease_id=owner)
    took = {
        "read and write, plain": seconds(lambda: plain(settings, new, write=True)),
        "ingest of new data": seconds(lambda: stored(settings, new, owner)),
        "read, plain": seconds(lambda: plain(settings, again, write=False)),
        "ingest of known data": seconds(lambda: stored(settings, again, owner)),
        "download by boto3": seconds(
            lambda: s3_client(settings).download_file(new.bucket, new.key, str(folder / "plain"))
        ),
        "copy from blocks": seconds(lambda: sources.fetch(new, folder / "copy")),
    }
    assert (folder / "copy").read_bytes() == path.read_bytes()
    return {name: mib / value for name, value in took.items()}


def measure_split(settings: Settings, folder: Path) -> dict[str, float]:
    """Seconds until the packets of a film are cut: with a local copy first, and straight from the blocks."""
    film = folder / "film.mp4"
    make_film(film, 60)
    upload = put(settings, film)
    stored(settings, upload, "film")
    sources = open_sources(settings, lease_id="film")
    order = folder / "cuts.json"
    cuts = [{"path": str(folder / f"{n}.nut"), "first": n * 300, "end": n * 300 + 300} for n in range(5)]
    times = folder / "times.txt"
    times.write_text("".join(f"{number} {number}\n" for number in range(1500)))
    order.write_text(json.dumps({"shift_s": 1, "cuts": cuts, "times": str(times), "time_base": "1/12800"}))

    def cut(name: str, descriptors: tuple[int, ...] = ()) -> None:
        argv = [sys.executable, "-m", "cutroom.ffmpeg.cutter", "split", name, "0", str(order)]
        runner.run(argv, log=folder / "log", descriptors=descriptors)

    def after_a_copy() -> None:
        sources.fetch(upload, folder / "copy.mp4")
        cut(str(folder / "copy.mp4"))

    def from_blocks() -> None:
        with sources.open(upload) as file, served(file) as source:
            cut(source.name, source.descriptors)

    return {"split after a copy": seconds(after_a_copy), "split from blocks": seconds(from_blocks)}


def measure_memory(settings: Settings, folder: Path, gib: int) -> float:
    """Peak MiB of a process that stores a sparse object."""
    path = folder / "sparse.mp4"
    with path.open("wb") as file:
        file.truncate(gib * 2**30)
    upload = put(settings, path)
    argv = [sys.executable, "-c", ONE_PROCESS, json.dumps(upload.to_json())]
    return float(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, and leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only ingest", description=__doc__)
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--sparse-gib", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as home:
        folder = Path(home)
        folder.chmod(0o755)
        os.environ["CUTROOM_HOME"] = home
        for service in ("POSTGRES", "DOCUMENTS", "LOCALSTACK", "AIRFLOW"):
            os.environ[f"CUTROOM_{service}_PORT"] = str(free_port())
        get_settings.cache_clear()
        settings = start_stack(get_settings(), with_airflow=False)
        try:
            for _ in range(chosen.rounds):
                figures = measure_bytes(settings, folder, chosen.mib)
                rounds.append({**figures, **measure_split(settings, folder)})
            peak_mib = measure_memory(settings, folder, chosen.sparse_gib) if chosen.sparse_gib else 0
        finally:
            stop_stack(settings)
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    print(f"{os.cpu_count()} cores, {chosen.mib} MiB, {chosen.rounds} round(s), median")
    for name, value in middle.items():
        print(f"{name:28}{value:9.1f} {'s' if name.startswith('split') else 'MiB/s'}")
    print(
        f"{'new, of read and write':28}{middle['ingest of new data'] / middle['read and write, plain']:9.2f}"
    )
    print(f"{f'peak, {chosen.sparse_gib} GiB sparse':28}{peak_mib:9.0f} MiB")
    print(json.dumps({"rounds": rounds, "peak_mib": peak_mib}))


if __name__ == "__main__":
    main()
