"""Passwords and keys of the embedded stack: made once, kept in the home folder, readable by its owner only."""

import base64
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from cutroom.errors import UsageError
from cutroom.private_file import write_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Everything that must not be guessed."""

    database_password: str
    airflow_password: str
    fernet_key: str
    api_secret_key: str
    jwt_secret: str

    @classmethod
    def generate(cls) -> Self:
        """A new set; passwords hold no character that a URL or a shell would have to escape."""
        return cls(
            database_password=secrets.token_hex(16),
            airflow_password=secrets.token_urlsafe(12).replace("-", "x").replace("_", "y"),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            api_secret_key=secrets.token_hex(16),
            jwt_secret=secrets.token_hex(32),
        )


def load_secrets(home: Path) -> Secrets:
    """The secrets of this home folder, made at the first call.

    Raises:
        UsageError: The file is there but can't be understood.
    """
    path = home / "secrets.json"
    if path.is_file():
        try:
            return Secrets(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{path.name} in {home} is damaged; restore it or start with an empty folder."
            ) from error
    made = Secrets.generate()
    write_private(path, json.dumps(asdict(made), indent=1))
    return made
