"""The command `cutroom demo`: from nothing to something that plays."""

from pathlib import Path

import typer

from cutroom import ids
from cutroom.errors import UsageError

SAMPLE_SECONDS = 60


def demo(
    file: Path | None = typer.Argument(None, help="The file to publish; otherwise a sample is made."),
) -> None:
    """Start the stack, publish a file, and tell where it plays. The stack goes on running."""
    from cutroom.cli.stack import start, tell_login
    from cutroom.cli.upload import upload

    if file is not None and not file.is_file():
        raise UsageError(f"{file} is not a file.")
    settings = start()
    chosen = file or _sample(settings.home)
    typer.echo(f"Uploading {chosen.name} to s3://{settings.uploads_bucket}/{settings.incoming_prefix}")
    upload([chosen], folder="", title="", tag=[], wait=True, as_json=False, s3=True, owner="")
    asset = ids.asset_id(settings.uploads_bucket, f"{settings.incoming_prefix}{chosen.name}")
    typer.echo(f"Record:   .venv/bin/cutroom show {asset}")
    tell_login(settings)
    typer.echo("The stack goes on running; stop it by: make down")


def _sample(home: Path) -> Path:
    from cutroom.stack.sample import make_sample

    path = home / "samples" / "cutroom-sample.mp4"
    if not path.is_file():
        typer.echo(f"Making a sample of {SAMPLE_SECONDS} s")
        make_sample(path, SAMPLE_SECONDS)
    return path
