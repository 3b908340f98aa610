"""Where content keys come from: the settings, or a program that asks a key service. They are never logged or kept."""

import json
import shlex
import subprocess

from cutroom.errors import StoreUnavailable, UsageError
from cutroom.media.content_key import ContentKey, parse_content_key
from cutroom.settings import Settings

COMMAND_TIMEOUT_S = 30


def content_key(settings: Settings, name: str) -> ContentKey:
    """The content key of a name.

    Raises:
        UsageError: There is none of that name, or it is not written as a key.
        StoreUnavailable: The program that is asked for it failed; trying again may help.
    """
    if settings.content_key_command:
        return parse_content_key(name, _asked(settings.content_key_command, name))
    try:
        known = json.loads(settings.content_keys.get_secret_value() or "{}")
    except ValueError:
        # The value would be in the cause: it is left out.
        raise UsageError("CUTROOM_CONTENT_KEYS is not JSON.") from None
    if not isinstance(known, dict) or not isinstance(known.get(name), str):
        raise UsageError(
            f"There is no content key {name!r}: give it in CUTROOM_CONTENT_KEYS, or set CUTROOM_CONTENT_KEY_COMMAND."
        )
    return parse_content_key(name, known[name])


def _asked(command: str, name: str) -> str:
    try:
        done = subprocess.run(
            [*shlex.split(command), name],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        # Its text has the whole command, in which there may be a password.
        raise StoreUnavailable(
            f"CUTROOM_CONTENT_KEY_COMMAND could not be run for {name!r}: {type(error).__name__}."
        ) from None
    if done.returncode != 0:
        # What it said may hold a key.
        raise StoreUnavailable(
            f"CUTROOM_CONTENT_KEY_COMMAND ended with exit code {done.returncode} for {name!r}."
        )
    return done.stdout
