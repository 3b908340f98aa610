"""Commands of the command line: blocks."""

import json
import signal
from dataclasses import asdict
from pathlib import Path

import typer

from cutroom.errors import UsageError
from cutroom.settings import get_settings

_LAST_CALLS_S = 30
"""How long calls that are under way may take after the service was told to end."""


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(block_service)
    app.command()(check)


def block_service(
    *, listen: str = typer.Option("", help="host:port; otherwise CUTROOM_BLOCK_SERVICE_LISTEN.")
) -> None:
    """Serve blocks to other machines by gRPC, until told to end."""
    from cutroom.api.block_server import Listening, start_server
    from cutroom.stores.blocks import stored_blocks

    settings = get_settings()
    listening = Listening(
        address=listen or settings.block_service_listen,
        token=settings.block_service_token,
        certificate=settings.block_service_certificate,
        key=settings.block_service_key,
    )
    server, port = start_server(stored_blocks(settings), listening)
    host = listening.address.rpartition(":")[0]
    typer.echo(f"The Block Service listens on {'https' if listening.certificate else 'http'}://{host}:{port}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop(_LAST_CALLS_S))
    server.wait_for_termination()


def check(
    *,
    sample: int | None = typer.Option(None, min=1, help="Read so many blocks, chosen at random; else all."),
    repair: bool = typer.Option(False, "--repair", help="Put lost blocks back from the uploaded objects."),
    from_file: Path | None = typer.Option(
        None,
        "--from",
        help="With --repair: a copy of the file that lost blocks.",
        exists=True,
        dir_okay=False,
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON value."),
) -> None:
    """Read stored blocks back and hash them. Exit code 0 when files are whole, else 1."""
    from cutroom.stores.block_check import check_blocks
    from cutroom.stores.block_repair import lost_blocks, repair_from_file, repair_from_uploads
    from cutroom.stores.blocks import block_objects
    from cutroom.stores.database import Database
    from cutroom.stores.s3 import s3_client

    if from_file and not repair:
        raise UsageError("--from is for --repair: without it nothing is put back.")
    settings = get_settings()
    database, objects = Database(settings.database_url), block_objects(settings)
    found = check_blocks(database, objects, sample=sample)
    restored = repair_from_uploads(database, objects, s3_client(settings)) if repair else []
    if repair and from_file:
        restored += repair_from_file(database, objects, from_file)
    still = lost_blocks(database)
    if as_json:
        typer.echo(json.dumps({**asdict(found), "restored": restored, "lost": still}))
    else:
        typer.echo(
            f"{found.read} blocks read ({found.read_bytes} bytes): {len(found.missing)} missing, "
            f"{len(found.corrupt)} corrupt; {len(restored)} put back; {found.unreferenced} belong to no file."
        )
        for reference_id, block_ids in still.items():
            typer.echo(
                f"{reference_id} has lost {len(block_ids)} blocks: upload it again, or --repair --from FILE"
            )
    if still:
        raise typer.Exit(1)
