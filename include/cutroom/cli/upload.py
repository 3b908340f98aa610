"""Commands of the command line: upload and download."""

import getpass
import json
import mimetypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cutroom.cli.following import Seen, follow
from cutroom.cli.reports import Report, Reports, conclude, failed, printable, tell_in_words, tell_json
from cutroom.errors import LoginRequired, PermanentError, RequestInvalid, UsageError
from cutroom.media.upload import is_subtitles
from cutroom.settings import Settings, get_settings

if TYPE_CHECKING:
    from cutroom.cli.transfer_bars import TransferBars
    from cutroom.client.local_files import ChosenFile
    from cutroom.client.service import FileServiceClient


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(upload)
    app.command()(download)


def _given_path(given: str) -> Path:
    if not given:
        # As a path this would be the folder that one is in, with all that is in it: a variable that was never set.
        raise typer.BadParameter("a path is empty.")
    return Path(given)


def upload(
    paths: list[Path] = typer.Argument(
        help="Files, or folders with all that is in them.",
        metavar="PATH...",
        show_default=False,
        parser=_given_path,
    ),
    *,
    folder: str = typer.Option("", help="Folder of the File Service to put them in, such as talks/2026."),
    title: str = typer.Option("", help="Title of the asset; otherwise the file's name."),
    tag: list[str] = typer.Option([], help="A tag of the asset; may be given several times."),
    wait: bool = typer.Option(
        False, "--wait", help="Stay until the runs have ended, and show their progress."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one line of JSON for each file."),
    s3: bool = typer.Option(False, "--s3", help="Put whole files into the bucket, as any S3 tool would."),
    owner: str = typer.Option("", help="With --s3: who the file belongs to; otherwise your login name."),
) -> None:
    """Upload files for processing. Only what the store has never seen is sent."""
    if (owner and not s3) or (folder and s3):
        raise UsageError("--owner is for --s3, whose keys have no owner; --folder is for uploads without it.")
    settings = get_settings()
    if s3:
        reports = _upload_plain(settings, paths, title, tag, owner, wait=wait, as_json=as_json)
    else:
        reports = upload_files(
            settings, paths, folder=folder, title=title, tags=tag, wait=wait, as_json=as_json
        )
    conclude(reports)


def download(
    file_id: str = typer.Argument(help="A file's id, as `cutroom upload --json` tells it."),
    out: Path = typer.Argument(help="The file to write, or a folder to put it in under its name."),
    *,
    version: str = typer.Option("", help="Id of a version; otherwise the newest."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Download a file. Every block and the whole are verified; what an earlier try got is used."""
    from cutroom.cli.account import open_service
    from cutroom.cli.interrupts import ended_by_interrupts
    from cutroom.cli.progress_bars import progress_bars
    from cutroom.client.download import download_file

    service = open_service(get_settings())
    total = int(service.download(file_id, version_id=version or None, after=0)["version"]["size_bytes"])
    with ended_by_interrupts(), progress_bars() as bars:
        bar = bars.add_task(f"{file_id}: downloading", total=total or 1)
        got = download_file(
            service, file_id, out, version_id=version or None, told=lambda count: bars.advance(bar, count)
        )
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "file": str(got.path),
                    "file_id": got.file_id,
                    "version_id": got.version_id,
                    "bytes_total": got.bytes_total,
                    "bytes_received": got.bytes_received,
                    "blocks_total": got.blocks_total,
                }
            )
        )
    else:
        typer.echo(f"{got.path}: {got.bytes_total} bytes, {got.bytes_received} of them received")


def upload_files(
    settings: Settings, paths: list[Path], *, folder: str = "", title: str = "", tags: list[str],
    wait: bool, as_json: bool = False,
) -> list[Report]:  # fmt: skip
    """Upload files through the File Service, tell of each, and give what was told.

    What was uploaded is told of also where the command can't go on.

    Raises:
        UsageError: A path is neither a file nor a folder.
        LoginRequired: Nobody is logged in here.
    """
    from cutroom.cli.account import open_service
    from cutroom.cli.interrupts import ended_by_interrupts
    from cutroom.cli.transfer_bars import TransferBars
    from cutroom.client.local_files import choose_files

    choice = choose_files(paths, tuple(part for part in folder.split("/") if part))
    alone = len(choice.files) + len(choice.refused) == 1
    if alone and choice.refused:
        raise RequestInvalid(choice.refused[0][1])
    if choice.left_out:
        typer.echo(_of_left_out(choice.left_out), err=True)
    # Subtitles are read when their film is processed: they have to be there first.
    files = sorted(choice.files, key=lambda one: not is_subtitles(one.path.name))
    if title and len(files) > 1:
        raise UsageError("A title is for one file; upload the others by another command.")
    service = open_service(settings)
    reports = Reports(as_json=as_json)
    for path, reason in choice.refused:
        reports.add(failed(path, reason))
    try:
        with ended_by_interrupts(), TransferBars(sum(map(_size, files)), files=len(files)) as bars:
            for report in _uploaded(service, files, {"title": title, "tags": tuple(tags)}, bars, alone=alone):
                reports.add(report)
                if not wait:
                    reports.tell()
            for number, report in enumerate(reports.all, start=1):
                if wait and report["status"] == "uploaded":
                    look = _run_of(service, report["version_id"])
                    report.update(follow(look, report["file"], bars.progress))
                reports.tell(number)
    finally:
        reports.tell_all()
    return reports.all


def _uploaded(
    service: "FileServiceClient",
    files: list["ChosenFile"],
    said: Report,
    bars: "TransferBars",
    *,
    alone: bool,
) -> Iterator[Report]:
    """Upload each file; one that can't be taken does not stop the others, if there are others."""
    from cutroom.client.folders import Folders

    folders = Folders(service)
    for one in files:
        try:
            report = _upload_one(service, one.path, {**said, "folder_id": folders.ensure(one.folder)}, bars)
        except LoginRequired:
            raise
        except PermanentError as error:
            if alone:
                raise
            report = failed(one.path, str(error))
        yield report


def _of_left_out(paths: list[Path]) -> str:
    names = ", ".join(str(path) for path in paths[:3])
    return printable(
        f"Links, pipes, devices and unfinished downloads are left out: {names}{', …' if len(paths) > 3 else ''}"
    )


def _size(one: "ChosenFile") -> int:
    try:
        return one.path.stat().st_size
    except OSError:
        return 0  # Opening it will say what is wrong.


def _upload_one(
    service: "FileServiceClient", path: Path, said: dict[str, Any], bars: "TransferBars"
) -> Report:
    from cutroom.client.hashing import LocalFile
    from cutroom.client.service import NewFile
    from cutroom.client.upload import upload_file

    with LocalFile(path) as file:
        bars.begin(path, file.size_bytes)
        new = NewFile(
            name=path.name,
            size_bytes=file.size_bytes,
            content_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            **said,
        )
        uploaded = upload_file(service, file, new, threads=os.cpu_count() or 1, told=bars)
        bars.end()
    return {
        "file": path.name,
        "path": str(path),
        "file_id": uploaded.file_id,
        "version_id": uploaded.version_id,
        "asset_id": uploaded.asset_id,
        "bytes_total": uploaded.bytes_total,
        "bytes_sent": uploaded.bytes_sent,
        "blocks_total": uploaded.blocks_total,
        "blocks_sent": uploaded.blocks_sent,
        "status": "uploaded",
        "reason": "",
        "playback": None,
    }


def _run_of(service: "FileServiceClient", version_id: str) -> Callable[[], Seen | None]:
    def look() -> Seen | None:
        run = service.version(version_id)["run"]
        if run["status"] == "waiting":
            return None
        playback = {"hls": run["hls"], "dash": run["dash"]} if run["hls"] or run["dash"] else None
        return Seen(status=run["status"], percent=run["percent"], reason=run["reason"], playback=playback)

    return look


def _upload_plain(
    settings: Settings,
    files: list[Path],
    title: str,
    tags: list[str],
    owner: str,
    *,
    wait: bool,
    as_json: bool,
) -> list[Report]:
    from cutroom.cli import plain_upload
    from cutroom.cli.transfer_bars import TransferBars
    from cutroom.stores.uploads import metadata_of

    plain_upload.check_names(files)
    said = metadata_of(title=title, owner=owner or _login_name(), tags=tags)
    reports: list[Report] = []
    with TransferBars(0, files=1) as bars:
        for file in files:
            uploaded = plain_upload.put_file(settings, file, said, bars.progress)
            report: Report = {
                "file": file.name, "path": str(file), **plain_upload.facts_of(uploaded), "status": "uploaded",
                "reason": "", "playback": None,
            }  # fmt: skip
            if wait:
                report |= follow(plain_upload.run_of(settings, uploaded), file.name, bars.progress)
            reports.append(report)
            if as_json:
                tell_json(report)
    if not as_json:
        tell_in_words(reports)
    return reports


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run as a user id that has no name.
        return ""
