"""Commands of the command line: stack."""

import json
import time

import typer

from cutroom.cli.demo import demo
from cutroom.settings import Settings, get_settings


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(demo)


def up() -> None:
    """Start the stack and wait until it works. What runs already is left alone."""
    settings = start()
    typer.echo(f"Uploads:  s3://{settings.uploads_bucket}/{settings.incoming_prefix}")
    tell_login(settings)


def start() -> Settings:
    """Start the stack and tell when each service is ready; gives the settings with its addresses."""
    from cutroom.stack.lifecycle import start_stack

    begun = time.monotonic()
    settings = start_stack(
        get_settings(), told=lambda line: typer.echo(f"{time.monotonic() - begun:6.1f} s  {line}")
    )
    typer.echo(f"The stack is up after {time.monotonic() - begun:.1f} s.")
    return settings


def tell_login(settings: Settings) -> None:
    """Print where Airflow and the player are, and how to log in."""
    from cutroom.stack.airflow import airflow_password
    from cutroom.stack.airflow_config import ADMIN

    typer.echo(f"Player:   {settings.airflow_url}/cutroom/")
    typer.echo(f"Airflow:  {settings.airflow_url}  (user {ADMIN}, password {airflow_password(settings)})")


def down() -> None:
    """Stop the stack. Databases and objects are kept."""
    from cutroom.stack.lifecycle import stop_stack

    stopped = stop_stack(get_settings())
    typer.echo("The stack is stopped." if stopped else "The stack was not running.")


def status(*, as_json: bool = typer.Option(False, "--json", help="Print one JSON value.")) -> None:
    """Show each service. Exit code 0 when all are healthy, else 1."""
    from cutroom.stack.status import read_status

    found = read_status(get_settings())
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        for service in found.services:
            process = f"pid {service.pid}, up {service.uptime_s} s" if service.pid else ""
            typer.echo(f"{service.label:22} {service.state:10} {process:26} {service.address}")
            if service.detail:
                typer.echo(f"{'':22} {service.detail}; log: {service.log}")
        for warning in found.warnings:
            typer.echo(warning, err=True)
    if not found.healthy:
        raise typer.Exit(1)
