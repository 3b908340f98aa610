"""How the command line proves who uses it: a device token, kept for its user alone."""

import json
import os
import socket
from pathlib import Path

import httpx

from cutroom.client.backoff import patiently
from cutroom.client.service import FileServiceClient
from cutroom.errors import AccessRefused, LoginRequired, StoreUnavailable, UsageError
from cutroom.private_file import write_private

VARIABLE = "CUTROOM_TOKEN"
"""Where a token may be given without a file."""


def token_file(home: Path) -> Path:
    """Where the tokens of this user are kept, one for each File Service."""
    return home / "tokens.json"


def given_token() -> str | None:
    """The token of the environment, without the line end that a file may have left at it; None where there is none.

    Raises:
        UsageError: It has characters that no token has.
    """
    token = os.environ.get(VARIABLE, "").strip()
    if not all("!" <= character <= "~" for character in token):
        raise UsageError(f"{VARIABLE} is no token: it holds characters beyond letters, digits and signs.")
    return token or None


def kept_token(home: Path, base_url: str) -> str | None:
    """The token that is kept for a File Service; None where there is none.

    Raises:
        UsageError: The file is not as `keep_token` writes it.
    """
    return _tokens(token_file(home)).get(base_url)


def keep_token(home: Path, base_url: str, token: str) -> None:
    """Keep a token for the next time; only this user may read it."""
    path = token_file(home)
    write_private(path, json.dumps({**_tokens(path), base_url: token}, indent=2))


def forget_token(home: Path, base_url: str) -> None:
    """Keep the token of a File Service no longer."""
    path = token_file(home)
    tokens = _tokens(path)
    if tokens.pop(base_url, None) is not None:
        write_private(path, json.dumps(tokens, indent=2))


def log_in(base_url: str, airflow_url: str, user: str, password: str) -> str:
    """A new device token for this machine, by the login of Airflow.

    Raises:
        AccessRefused: Airflow does not know user and password.
        StoreUnavailable: It does not answer.
    """

    def ask() -> httpx.Response:
        try:
            return httpx.post(
                f"{airflow_url.rstrip('/')}/auth/token",
                json={"username": user, "password": password},
                timeout=30,
            )
        except httpx.HTTPError as error:
            raise StoreUnavailable(
                f"Airflow at {airflow_url} does not answer: does `cutroom status` show it running?"
            ) from error

    answer = patiently(ask)
    if not answer.is_success:
        raise AccessRefused(f"Airflow at {airflow_url} refuses the login of {user} ({answer.status_code}).")
    service = FileServiceClient(base_url, answer.json()["access_token"])
    try:
        return str(service.create_token(socket.gethostname() or "this machine")["token"])
    finally:
        service.close()


def is_valid(base_url: str, token: str) -> bool:
    """Whether the File Service takes the token."""
    service = FileServiceClient(base_url, token)
    try:
        service.me()
    except LoginRequired:
        return False
    finally:
        service.close()
    return True


def _tokens(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        return {str(url): str(token) for url, token in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{path} is damaged: delete it and log in again.") from error
