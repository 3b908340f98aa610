"""Uploads in blocks, against hashing alone and against a plain parallel put into the same S3.

    python -m benchmarks --only upload [--known-mib 1024] [--new-mib 512] [--sparse-gib 10] [--rounds 3]

Starts PostgreSQL and LocalStack of its own in a temporary folder, and a File Service in a process of its own.

known    a file whose every block is stored, uploaded again under another name: nothing is sent. Against SHA-256 of the
         same file on all cores and nothing else, which is the least that finds out what is known.
new      a file that nobody has seen. Against boto3 putting the same bytes into the same LocalStack, in parallel parts
         of its own default size.
memory   the peak of the command line that uploads a sparse file.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import httpx
from boto3.s3.transfer import TransferConfig

from cutroom.blocks.block import BLOCK_BYTES
from cutroom.client.hashing import LocalFile
from cutroom.client.service import FileServiceClient, NewFile
from cutroom.client.upload import Uploaded, upload_file
from cutroom.settings import Settings, get_settings
from cutroom.stack.lifecycle import start_stack, stop_stack
from cutroom.stack.ports import free_port
from cutroom.stores.database import Database
from cutroom.stores.device_tokens import DeviceTokens

CUTROOM = Path(sys.executable).with_name("cutroom")
MIB = 2**20
PEAK = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
"""Runs a command and prints its peak in KiB."""


class _Silent:
    def hashed(self, size_bytes: int) -> None:
        """Nobody listens."""

    skipped = sent = hashed


def hash_alone(path: Path) -> None:
    """SHA-256 of each 4 MiB of a file, on all cores."""
    turns = iter(range(0, path.stat().st_size, BLOCK_BYTES))
    lock = threading.Lock()

    def work() -> None:
        buffer = memoryview(bytearray(BLOCK_BYTES))
        descriptor = os.open(path, os.O_RDONLY)
        while True:
            with lock:
                offset = next(turns, None)
            if offset is None:
                break
            count = os.preadv(descriptor, [buffer], offset)
            hashlib.sha256(buffer[:count]).hexdigest()
        os.close(descriptor)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(work) for _ in range(os.cpu_count() or 1)]:
            done.result()


def plain_put(settings: Settings, path: Path) -> None:
    """Put the file as any S3 tool does: parts in parallel."""
    boto3.client("s3").upload_file(
        str(path), settings.work_bucket, f"bench/{path.name}", Config=TransferConfig(max_concurrency=6)
    )


def upload(client: FileServiceClient, path: Path, name: str) -> Uploaded:
    """Upload in blocks and commit."""
    with LocalFile(path) as file:
        new = NewFile(name=name, folder_id="root", size_bytes=file.size_bytes, content_type="video/mp4")
        return upload_file(client, file, new, threads=os.cpu_count() or 1, told=_Silent())


def write_random(path: Path, size_mib: int) -> None:
    """Bytes that nobody has seen and that repeat nowhere."""
    with path.open("wb") as file:
        for _ in range(size_mib):
            file.write(os.urandom(MIB))


def timed(work: Callable[[], object]) -> float:
    """Wall seconds."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def measure_known(client: FileServiceClient, folder: Path, size_mib: int, rounds: int) -> dict[str, float]:
    """Throughputs in MiB/s: of hashing alone, and of uploading what is known."""
    path = folder / "known.mp4"
    write_random(path, size_mib)
    upload(client, path, "known.mp4")
    hashing, uploading = [], []
    for number in range(rounds):
        hashing.append(timed(lambda: hash_alone(path)))
        uploading.append(timed(lambda number=number: _known(client, path, number)))  # type: ignore[misc]
    path.unlink()
    return {
        "sha256 alone": size_mib / statistics.median(hashing),
        "upload of known data": size_mib / statistics.median(uploading),
    }


def _known(client: FileServiceClient, path: Path, number: int) -> None:
    if upload(client, path, f"known again {number}.mp4").bytes_sent:
        raise SystemExit("What was known was sent again.")


def measure_new(
    settings: Settings, client: FileServiceClient, folder: Path, size_mib: int, rounds: int
) -> dict[str, float]:
    """Throughputs in MiB/s: of a plain parallel put, and of uploading the same amount in blocks."""
    putting, uploading = [], []
    for number in range(rounds):
        path = folder / f"new {number}.mp4"
        write_random(path, size_mib)
        putting.append(timed(lambda path=path: plain_put(settings, path)))  # type: ignore[misc]
        uploading.append(timed(lambda path=path: upload(client, path, path.name)))  # type: ignore[misc]
        path.unlink()
    return {
        "plain parallel put": size_mib / statistics.median(putting),
        "upload of new data": size_mib / statistics.median(uploading),
    }


def measure_memory(url: str, token: str, folder: Path, size_gib: int) -> float:
    """Peak MiB of the command line that uploads a sparse file."""
    path = folder / "sparse.mp4"
    with path.open("wb") as file:
        file.truncate(size_gib * 2**30)
    environment = {**os.environ, "CUTROOM_FILE_SERVICE_URL": url, "CUTROOM_TOKEN": token}
    # A process begins with the peak of the one that starts it, so a small one does.
    command = [sys.executable, "-c", PEAK, str(CUTROOM), "upload", str(path), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1]) / 1024


def main(arguments: Sequence[str]) -> None:
    """Measure, print a table, and leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only upload", description=__doc__)
    parser.add_argument("--known-mib", type=int, default=1024)
    parser.add_argument("--new-mib", type=int, default=512)
    parser.add_argument("--sparse-gib", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as home:
        folder = Path(home)
        folder.chmod(0o755)
        os.environ |= {"CUTROOM_HOME": home, "CUTROOM_REQUESTS_PER_S": "1000"}
        for service in ("POSTGRES", "DOCUMENTS", "LOCALSTACK", "AIRFLOW"):
            os.environ[f"CUTROOM_{service}_PORT"] = str(free_port())
        get_settings.cache_clear()
        settings = start_stack(get_settings(), with_airflow=False)
        port = free_port()
        server = subprocess.Popen([CUTROOM, "file-service", "--port", str(port)])
        try:
            url = f"http://127.0.0.1:{port}/files"
            _wait_for(url)
            _, token = DeviceTokens(Database(settings.database_url)).create("bench", name="bench")
            client = FileServiceClient(url, token)
            figures = measure_known(client, folder, chosen.known_mib, chosen.rounds)
            figures |= measure_new(settings, client, folder, chosen.new_mib, chosen.rounds)
            peak_mib = measure_memory(url, token, folder, chosen.sparse_gib)
        finally:
            server.terminate()
            server.wait()
            stop_stack(settings)
    print(f"{os.cpu_count()} cores, {chosen.rounds} round(s), median")
    for name, mib_per_s in figures.items():
        print(f"{name:28}{mib_per_s:9.0f} MiB/s")
    print(f"{'known, of sha256 alone':28}{figures['upload of known data'] / figures['sha256 alone']:9.2f}")
    print(f"{'new, of a plain put':28}{figures['upload of new data'] / figures['plain parallel put']:9.2f}")
    print(f"{f'peak, {chosen.sparse_gib} GiB sparse':28}{peak_mib:9.0f} MiB")
    print(json.dumps({"mib_per_s": figures, "peak_mib": peak_mib}))


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/me")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("The File Service did not start.")
