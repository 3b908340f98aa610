"""Commands of the command line: file-service."""

import ipaddress
from pathlib import Path

import typer

from cutroom.errors import UsageError

_LAST_REQUESTS_S = 5
"""How long requests that are under way may take after the service was told to end: who waits for changes asks again."""


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command("file-service")(file_service)


def file_service(
    *,
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    port: int = typer.Option(8090, min=1, max=65535, help="Port to listen on."),
    certificate: Path | None = typer.Option(None, help="TLS certificate, with its chain."),
    key: Path | None = typer.Option(None, help="Key of the certificate."),
    behind_proxy: bool = typer.Option(False, help="A proxy before it does TLS."),
) -> None:
    """Run the File Service alone, without Airflow's API server; devices log in by their tokens.

    `cutroom token create NAME --owner OWNER` makes these.
    """
    import uvicorn
    from fastapi import FastAPI

    from cutroom.api.files.app import PREFIX, create_app

    if not (_is_loopback(host) or certificate or behind_proxy):
        raise UsageError(
            f"Tokens must not travel in the clear: give --certificate and --key, or --behind-proxy, for {host}."
        )
    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    outer.mount(PREFIX, create_app())
    uvicorn.run(
        outer,
        host=host,
        port=port,
        log_level="warning",
        ssl_certfile=certificate,
        ssl_keyfile=key,
        proxy_headers=behind_proxy,
        timeout_graceful_shutdown=_LAST_REQUESTS_S,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
