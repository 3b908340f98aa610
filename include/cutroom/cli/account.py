"""Commands of the command line: login, logout and the tokens of devices; and the File Service they open."""

import json
from typing import TYPE_CHECKING

import typer

from cutroom.errors import LoginRequired
from cutroom.settings import Settings, get_settings, stack_environment

if TYPE_CHECKING:
    from cutroom.client.service import FileServiceClient

token = typer.Typer(no_args_is_help=True, help="Tokens by which devices use the File Service.")


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    app.command()(login)
    app.command()(logout)
    app.add_typer(token, name="token")


def login(
    *,
    user: str = typer.Option("", help="Airflow's user; asked for where it is not given."),
    password: str = typer.Option(
        "", envvar="CUTROOM_PASSWORD", show_envvar=True, help="Better given by the variable, or when asked."
    ),
) -> None:
    """Log in to the File Service of CUTROOM_AIRFLOW_URL, and keep a device token for this machine."""
    from cutroom.client.credentials import keep_token, log_in, token_file

    settings = get_settings()
    name = user or typer.prompt("User of Airflow")
    secret = password or typer.prompt("Password", hide_input=True)
    base_url = settings.file_service_base_url
    keep_token(settings.home, base_url, log_in(base_url, settings.airflow_url, name, secret))
    typer.echo(
        f"Logged in at {base_url}; the token is kept in {token_file(settings.home).name} for you alone."
    )


def logout() -> None:
    """Forget the device token of this machine. `cutroom token revoke` ends it for everybody."""
    from cutroom.client.credentials import forget_token

    settings = get_settings()
    forget_token(settings.home, settings.file_service_base_url)
    typer.echo("Logged out.")


@token.command("create")
def create(
    name: str = typer.Argument(help="What you recognise the device by."),
    *,
    owner: str = typer.Option(
        "",
        help="Make it for somebody else, straight in the database: for operators, and where nobody can log in.",
    ),
    days: int = typer.Option(0, min=0, max=3650, help="When it stops being valid; 0: never."),
) -> None:
    """Make a device token and print it: it can't be shown again."""
    settings = get_settings()
    if not owner:
        typer.echo(open_service(settings).create_token(name, days=days or None)["token"])
        return
    from cutroom.stores.database import Database
    from cutroom.stores.device_tokens import DeviceTokens

    _, secret = DeviceTokens(Database(settings.database_url)).create(owner, name=name, days=days or None)
    typer.echo(secret)


@token.command("list")
def list_tokens(*, as_json: bool = typer.Option(False, "--json", help="Print one JSON array.")) -> None:
    """List your device tokens."""
    found = open_service(get_settings()).tokens()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for one in found:
        typer.echo(
            f"{one['token_id']}  {one['name']}  made {one['created_at']}, used {one['used_at'] or 'never'}, "
            f"ends {one['expires_at'] or 'never'}"
        )


@token.command("revoke")
def revoke(token_id: str = typer.Argument(help="A token's id, as `cutroom token list` tells it.")) -> None:
    """End a device token at once."""
    open_service(get_settings()).revoke_token(token_id)
    typer.echo("Revoked.")


def open_service(settings: Settings) -> "FileServiceClient":
    """The File Service that the settings name, for whoever is logged in here.

    On the machine of an embedded stack its own login is used, so that nothing has to be set up.

    Raises:
        LoginRequired: Nobody is logged in.
    """
    from cutroom.client.credentials import VARIABLE, given_token, is_valid, keep_token, kept_token
    from cutroom.client.service import FileServiceClient

    base_url = settings.file_service_base_url
    if given := given_token():
        # Whoever names a token means its owner: nobody else's login may stand in for it.
        if not is_valid(base_url, given):
            raise LoginRequired(f"{base_url} does not take the token of {VARIABLE} (any more).")
        return FileServiceClient(base_url, given)
    secret = kept_token(settings.home, base_url)
    if secret is None or not is_valid(base_url, secret):
        secret = _own_login(settings, base_url)
        keep_token(settings.home, base_url, secret)
    return FileServiceClient(base_url, secret)


def _own_login(settings: Settings, base_url: str) -> str:
    """A new device token by the password of the embedded stack, which is told to no other Airflow."""
    from cutroom.client.credentials import log_in
    from cutroom.stack.airflow import airflow_password
    from cutroom.stack.airflow_config import ADMIN

    own = stack_environment(settings.home).get("CUTROOM_AIRFLOW_URL")
    password = airflow_password(settings) if base_url == f"{own}/files" else ""
    if not password:
        raise LoginRequired(f"Nobody is logged in at {base_url}: run `cutroom login`, or set CUTROOM_TOKEN.")
    return log_in(base_url, str(own), ADMIN, password)
