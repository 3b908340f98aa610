"""Commands of the command line: blocks."""

import signal

import typer

from cutroom.settings import get_settings

_LAST_CALLS_S = 30
"""How long calls that are under way may take after the service was told to end."""


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(block_service)


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
