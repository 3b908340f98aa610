"""`transcode`, `verify`, `profiles`: media on this machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cutroom.cli.reports import printable
from cutroom.errors import UsageError, VerificationFailed

if TYPE_CHECKING:
    from cutroom.media.version import PublishedRendition

STOPPED = "Stopped. The same command goes on from here."


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(transcode)
    app.command()(verify)
    app.command()(profiles)


def transcode(
    source: Path = typer.Argument(..., help="A video or audio file."),
    out_dir: Path = typer.Argument(..., help="Folder for HLS and DASH."),
    *,
    profile: str = typer.Option(
        "", help="Name of a profile, or path of a YAML file; by default by the kind of file."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Make HLS and DASH from a file on this machine: the same steps as in Airflow, without any service."""
    from cutroom.cli.interrupts import ended_at_once
    from cutroom.cli.progress_bars import StepProgress
    from cutroom.media.upload import kind_of
    from cutroom.settings import get_settings
    from cutroom.steps.local import transcode as run

    settings = get_settings()
    chosen = profile or settings.profile_for(kind_of(source.name))
    with ended_at_once(STOPPED), StepProgress(printable(source.name)) as progress:
        version = run(source, out_dir, profile=chosen, settings=settings, listener=progress)
    if as_json:
        typer.echo(json.dumps({**version.to_json(), "out_dir": str(out_dir)}, indent=2))
        return
    shown = printable(str(out_dir))
    rows = [_row(rendition) for rendition in version.renditions]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for rendition, (*words, rate) in zip(version.renditions, rows, strict=True):
        cells = [f"{word:{width}}" for word, width in zip(words, widths[:-1], strict=True)]
        files = [f"{shown}/{one}" for one in version.downloads.values() if one.startswith(rendition.prefix)]
        typer.echo("  ".join([*cells, f"{rate:>{widths[-1]}}", *files]))
    manifests = [name for name in (version.hls, version.dash, *version.other_manifests.values()) if name]
    played = " or ".join(f"{shown}/{name}" for name in manifests)
    typer.echo(f"{len(version.report['checks'])} checks hold. Play {played}")


def _row(rendition: "PublishedRendition") -> tuple[str, ...]:
    """Kind, container, codec, what tells it from others of its kind, and bit rate."""
    facts = [
        f"{rendition.width}×{rendition.height}" if rendition.width else "",
        f"{rendition.channels} ch" if rendition.channels else "",
        rendition.language or "",
    ]
    rate = f"{rendition.average_bandwidth_bps / 1000:,.0f} kbit/s"
    return rendition.kind, rendition.container, rendition.codec_string, " ".join(filter(None, facts)), rate


def verify(
    what: str = typer.Argument(..., help="An asset, or a folder that `transcode` made."),
    *,
    source: Path | None = typer.Option(
        None, exists=True, dir_okay=False, help="The file that it was made of: compare frames and sound."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document."),
) -> None:
    """Show the report of a version, and read its files back against it."""
    from cutroom.settings import get_settings
    from cutroom.steps.local import check_asset, check_folder

    folder = Path(what)
    if folder.is_dir():
        report = check_folder(folder, get_settings(), source)
    elif what.startswith("as_"):
        report = check_asset(what, get_settings(), source)
    else:
        raise UsageError(f"There is no folder {what}, and the id of an asset begins with as_.")
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        for check in report["checks"]:
            mark = "skip" if check.get("skipped") else "ok  " if check["ok"] else "FAIL"
            typer.echo(f"{mark} {check['name']}: {check['found']}")
    if not report["ok"]:
        raise VerificationFailed(f"{what} is not as it was verified.")


def profiles(*, as_json: bool = typer.Option(False, "--json", help="Print one JSON document.")) -> None:
    """List the profiles."""
    from cutroom.media.profile import load_profile, profile_names

    shipped = [load_profile(name) for name in profile_names()]
    if as_json:
        typer.echo(
            json.dumps([{**one.model_dump(mode="json"), "digest": one.digest} for one in shipped], indent=2)
        )
        return
    for one in shipped:
        typer.echo(f"{one.name:16}{one.digest}  {one.description}")
