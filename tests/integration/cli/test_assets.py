"""The commands as a user runs them: a process, its output and its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog_servers import SHA, SOURCE, UPLOAD, start_of, version
from cutroom.stores.catalog import Catalog
from cutroom.stores.documents import Documents

pytestmark = pytest.mark.stack

RUN = str(start_of(1)["run_id"])
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cutroom(catalog: Catalog, empty_database: str, documents_url: str, tmp_path: Path) -> Command:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUTROOM_", "AWS_"))}
    environment = {
        **kept, "CUTROOM_HOME": str(tmp_path), "CUTROOM_DATABASE_URL": empty_database,
        "CUTROOM_DOCUMENTS_URL": documents_url, "CUTROOM_MEDIA_URL": "https://cdn.example/media", "COLUMNS": "160",
        "PYTHONWARNINGS": "ignore", "PYTHONIOENCODING": "utf-8",
    }  # fmt: skip

    def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from cutroom.cli.main import main; main()", *arguments],
            env={**environment, **changes}, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def published(catalog: Catalog) -> None:
    catalog.start_run(**start_of(1))
    catalog.record_source(run_id=RUN, sha256=SHA, source=SOURCE)
    catalog.record_progress(run_id=RUN, step="encode_video", part="h264 chunk 0", done=6, total=6)
    catalog.record_tool(
        run_id=RUN, step="encode_video", part="h264 chunk 0", command="ffmpeg -i source.mp4 out.mp4",
        versions={"ffmpeg": "9.0.2"}, log_key="logs/encode.log",
    )  # fmt: skip
    catalog.publish(run_id=RUN, version=version())


def test_the_json_of_show_is_the_records(cutroom: Command, catalog: Catalog, published: None) -> None:
    shown = cutroom("show", UPLOAD.asset_id[:7], "--json")
    assert shown.returncode == 0
    record = json.loads(shown.stdout)
    assert record == catalog.asset(UPLOAD.asset_id).to_json(media_base_url="https://cdn.example/media")
    assert set(record) >= {
        "asset_id", "title", "owner", "tags", "status", "reason", "uploaded_at", "created_at", "updated_at", "source",
        "profile", "version_id", "playback", "renditions", "report", "runs",
    }  # fmt: skip
    assert set(record["runs"][0]) >= {
        "run_id", "dag_id", "status", "reason", "attempt", "started_at", "ended_at", "progress",
    }  # fmt: skip
    assert set(record["runs"][0]["progress"]) == {"percent", "eta_s", "steps"}
    assert set(record["runs"][0]["progress"]["steps"][0]) >= {"step", "part", "done", "total", "percent"}


def test_show_says_what_a_person_asks_for(cutroom: Command, published: None) -> None:
    shown = cutroom("show", UPLOAD.asset_id, "--commands").stdout
    for wanted in (
        "Über den Wolken", "published", "100.0%", "1280×720 29.97 fps", "average kb/s", "2,000", "0:01:00.060", "eva",
        "sky, flight",
        f"https://cdn.example/media/{version().hls}", "h264 chunk 0", "6 of 6 s", "ffmpeg -i source.mp4 out.mp4",
        "ffmpeg 9.0.2", "logs/encode.log",
    ):  # fmt: skip
        assert wanted in shown, wanted


def test_a_rejection_shows_its_reason(cutroom: Command, catalog: Catalog) -> None:
    catalog.start_run(**start_of(1))
    catalog.end_run(run_id=RUN, status="rejected", reason="It is a text file.")
    shown = cutroom("show", UPLOAD.asset_id).stdout
    assert "rejected" in shown
    assert "It is a text file." in shown


def test_assets_are_listed(cutroom: Command, catalog: Catalog, published: None) -> None:
    catalog.start_run(**{**start_of(1, key="incoming/[red]evil\x1b[31m.mp4"), "run_id": "other"})
    table = cutroom("assets")
    assert table.returncode == 0
    assert UPLOAD.asset_id in table.stdout
    assert "[red]evil\ufffd[31m" in table.stdout
    listed = json.loads(cutroom("assets", "--json", "--status", "published").stdout)
    assert [each["asset_id"] for each in listed] == [UPLOAD.asset_id]
    assert json.loads(cutroom("assets", "--json", "--status", "failed").stdout) == []


def test_no_assets_say_where_to_put_files(cutroom: Command) -> None:
    assert "s3://cutroom-uploads/incoming/" in cutroom("assets").stdout


def test_an_unknown_asset_is_an_error_of_one_line(cutroom: Command) -> None:
    shown = cutroom("show", "as_none", "--json")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr == "There is no asset 'as_none'; `cutroom assets` lists them.\n"


def test_a_wrong_status_is_wrong_usage(cutroom: Command) -> None:
    assert cutroom("assets", "--status", "gone").returncode == 2


@pytest.mark.parametrize(
    "address", ["", "postgresql://me:secret@127.0.0.1:1/films"], ids=["no stack", "away"]
)
def test_a_stack_that_is_not_running_says_what_to_do(cutroom: Command, address: str) -> None:
    shown = cutroom("assets", CUTROOM_DATABASE_URL=address)
    assert shown.returncode == 1
    assert "run `cutroom up`" in shown.stderr
    assert "secret" not in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_documents_are_checked_and_rebuilt(cutroom: Command, documents: Documents, published: None) -> None:
    checked = cutroom("rebuild-documents", "--check")
    assert (checked.returncode, checked.stderr) == (1, f"{UPLOAD.asset_id}: has no document\n")
    assert documents.get(UPLOAD.asset_id) is None
    rebuilt = cutroom("rebuild-documents")
    assert (rebuilt.returncode, rebuilt.stdout.splitlines()[0]) == (0, "Documents written: 1.")
    assert documents.get(UPLOAD.asset_id) is not None
    assert cutroom("rebuild-documents", "--check").returncode == 0
