"""The command `cutroom demo`: from nothing to something that plays."""

from pathlib import Path

import typer

from cutroom.errors import UsageError

SAMPLE_SECONDS = 60


def demo(
    file: Path | None = typer.Argument(None, help="The file to publish; otherwise a sample is made."),
) -> None:
    """Start the stack, publish a file, and tell where it plays. The stack goes on running."""
    from cutroom.cli.reports import conclude
    from cutroom.cli.stack import start, tell_login
    from cutroom.cli.upload import upload_files

    if file is not None and not file.is_file():
        raise UsageError(f"{file} is not a file.")
    settings = start()
    chosen = file or _sample(settings.home)
    typer.echo(f"Uploading {chosen.name}")
    reports = upload_files(settings, [chosen], tags=[], wait=True)
    typer.echo(f"Record:   .venv/bin/cutroom show {reports[0]['asset_id']}")
    tell_login(settings)
    conclude(reports)
    typer.echo("The stack goes on running; stop it by: make down")


def _sample(home: Path) -> Path:
    from cutroom.stack.sample import make_sample

    path = home / "samples" / "cutroom-sample.mp4"
    if not path.is_file():
        typer.echo(f"Making a sample of {SAMPLE_SECONDS} s")
        make_sample(path, SAMPLE_SECONDS)
    return path
