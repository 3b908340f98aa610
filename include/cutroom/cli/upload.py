"""Commands of the command line: upload."""

import getpass
import json
import mimetypes
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cutroom.errors import Conflict, SourceRejected, StoreUnavailable, UsageError
from cutroom.media.upload import UploadedObject
from cutroom.settings import Settings, get_settings

if TYPE_CHECKING:
    from rich.progress import Progress

    from cutroom.stores.records import RunRecord

_POLL_S = 0.5
_PATIENCE_S = 60
"""How long to wait for a run to appear, or for the catalog to answer again, before saying so."""

_TOKEN = "cutroom-upload"  # noqa: S105
"""Metadata that tells our object version from one that somebody else put under the same key."""


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(upload)


def upload(
    files: list[Path] = typer.Argument(help="The files to upload.", metavar="FILE...", show_default=False),
    *,
    title: str = typer.Option("", help="Title of the asset; otherwise the file's name."),
    tag: list[str] = typer.Option([], help="A tag of the asset; may be given several times."),
    owner: str = typer.Option("", help="Who the file belongs to; otherwise your login name."),
    wait: bool = typer.Option(
        False, "--wait", help="Stay until the runs have ended, and show their progress."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one line of JSON for each file."),
) -> None:
    """Upload files for processing."""
    from cutroom.cli.progress_bars import progress_bars
    from cutroom.stores.uploads import metadata_of

    settings = get_settings()
    _check(files)
    said = metadata_of(title=title, owner=owner or _login_name(), tags=tag)
    reports: list[dict[str, Any]] = []
    with progress_bars() as bars:
        for file in files:
            uploaded = _put(settings, file, said, bars)
            report = _report(uploaded, file)
            if wait:
                report |= _outcome(settings, uploaded, bars)
            reports.append(report)
            if as_json:
                typer.echo(json.dumps(report, ensure_ascii=False))
    if not as_json:
        for report in reports:
            _tell(report)
    if any(report["status"] == "failed" for report in reports):
        raise typer.Exit(1)
    if reasons := [report["reason"] for report in reports if report["status"] == "rejected"]:
        raise SourceRejected("\n".join(reasons))


def _check(files: list[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise UsageError(f"{file} is not a file.")
    names = [file.name for file in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"Two of the files have the same name: {', '.join(twice)}. Upload them one by one.")


def _put(settings: Settings, file: Path, metadata: dict[str, str], bars: "Progress") -> UploadedObject:
    from cutroom.stores.objects import checked_key
    from cutroom.stores.s3 import TRANSFER, s3_client, translated
    from cutroom.stores.uploads import described, uploaded_object

    client = s3_client(settings)
    bucket, key = settings.uploads_bucket, checked_key(f"{settings.incoming_prefix}{file.name}")
    token = uuid.uuid4().hex
    size_bytes = file.stat().st_size
    bar = bars.add_task(f"{file.name}: uploading", total=size_bytes or 1)
    with translated(f"s3://{bucket}/{key}"):
        client.upload_file(
            str(file),
            bucket,
            key,
            ExtraArgs={
                "ContentType": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
                "Metadata": {**metadata, _TOKEN: token},
            },
            Callback=lambda sent_bytes: bars.advance(bar, sent_bytes),
            Config=TRANSFER,
        )
        head = client.head_object(Bucket=bucket, Key=key)
    bars.update(bar, completed=size_bytes or 1, total=size_bytes or 1)
    if head["Metadata"].get(_TOKEN) != token:
        raise Conflict(
            f"Somebody else uploaded {file.name} at the same time, after you; see `cutroom assets`."
        )
    return described(uploaded_object(head, bucket=bucket, key=key), head["Metadata"])


def _report(uploaded: UploadedObject, file: Path) -> dict[str, Any]:
    from cutroom import ids

    return {
        "file": file.name,
        "file_id": "fl_" + ids.digest([uploaded.bucket, uploaded.key], 20),
        "version_id": uploaded.file_version_id,
        "asset_id": uploaded.asset_id,
        "bytes_total": uploaded.size_bytes,
        "bytes_sent": uploaded.size_bytes,
        # A plain upload knows no blocks.
        "blocks_total": None,
        "blocks_sent": None,
        "status": "uploaded",
        "reason": "",
        "playback": None,
    }


def _outcome(settings: Settings, uploaded: UploadedObject, bars: "Progress") -> dict[str, Any]:
    """How the upload's run ended, after waiting for it."""
    from cutroom.steps.watch import run_arguments
    from cutroom.stores.catalog import Catalog

    catalog = Catalog(settings.database_url)
    run_id = run_arguments(uploaded.to_json())["trigger_run_id"]
    bar = bars.add_task(f"{uploaded.name}: waiting for its run", total=100)
    heard_at = time.monotonic()
    told = False
    while True:
        run: RunRecord | None = None
        try:
            run = catalog.run(run_id)
            heard_at = time.monotonic() if run else heard_at
        except StoreUnavailable:
            # A service that starts again is waited for; one that stays away is not.
            if time.monotonic() - heard_at > _PATIENCE_S:
                raise
        if run and run.status != "processing":
            bars.update(bar, description=f"{uploaded.name}: {run.status}", completed=100)
            record = catalog.asset(uploaded.asset_id)
            return {
                # A run whose result was overtaken by a newer upload did its work.
                "status": "published" if run.status == "superseded" else run.status,
                "reason": run.reason,
                "playback": record.playback(settings.media_base_url),
            }
        if run:
            bars.update(bar, description=f"{uploaded.name}: processing", completed=run.percent)
        elif not told and time.monotonic() - heard_at > _PATIENCE_S:
            told = True
            typer.echo(
                f"{uploaded.name} has no run yet: does `cutroom status` show Airflow running?", err=True
            )
        time.sleep(_POLL_S)


def _tell(report: dict[str, Any]) -> None:
    typer.echo(f"{report['file']}: {report['status']}, asset {report['asset_id']}")
    if report["status"] == "failed":
        typer.echo(report["reason"], err=True)
    elif playback := report["playback"]:
        typer.echo(f"  HLS  {playback['hls']}\n  DASH {playback['dash']}")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user id that has no name.
        return ""
