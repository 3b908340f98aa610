"""A content key comes from the settings or from a program, and no error tells any of it."""

import json
import shlex
import sys

import pytest

from cutroom.errors import CutroomError, StoreUnavailable, UsageError
from cutroom.media.content_key import ContentKey
from cutroom.settings import Settings
from cutroom.stores import content_keys
from cutroom.stores.content_keys import content_key

KEY_ID, SECRET = "0123456789ABCDEF" * 2, "fedcba9876543210" * 2
WRITTEN = f"{KEY_ID}:{SECRET}"
KEY = ContentKey(key_id=KEY_ID.lower(), key=SECRET)

SAY_IT = f"print({WRITTEN[::-1]!r}[::-1], flush=True)"
"""The key, which is not to be read in the command itself."""


def asking(program: str) -> Settings:
    """Settings with a key service: a program in Python, to which the name is the last argument."""
    return Settings(content_key_command=shlex.join([sys.executable, "-I", "-S", "-c", program]))


def told(settings: Settings, name: str = "film") -> CutroomError:
    """What is said where there is no key, in all of the error's causes."""
    with pytest.raises(CutroomError) as caught:
        content_key(settings, name)
    said, error = "", caught.value
    cause: BaseException | None = error
    while cause is not None:
        said += repr(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    assert SECRET not in said
    return error


def test_a_key_of_the_settings_is_found_by_its_name() -> None:
    settings = Settings(content_keys=json.dumps({"film": WRITTEN, "other": f"{'1' * 32}:{'2' * 32}"}))
    assert content_key(settings, "film") == KEY
    assert content_key(settings, "other").key_id == "1" * 32


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "no content key 'film'"),
        ("{}", "no content key 'film'"),
        (json.dumps({"another": WRITTEN}), "no content key 'film'"),
        (json.dumps({"film": [WRITTEN]}), "no content key 'film'"),
        (json.dumps([WRITTEN]), "no content key 'film'"),
        (f"film={WRITTEN}", "not JSON"),
        (json.dumps({"film": f"{KEY_ID}:{SECRET[:-1]}"}), "<key id>:<key>"),
        (json.dumps({"film": f"{KEY_ID}{SECRET}"}), "<key id>:<key>"),
    ],
)
def test_settings_without_the_key_are_the_users_mistake(written: str, said: str) -> None:
    error = told(Settings(content_keys=written))
    assert isinstance(error, UsageError)
    assert said in str(error)


def test_a_program_is_asked_by_name_and_comes_before_the_settings() -> None:
    settings = asking(f"import sys; {SAY_IT} if sys.argv[1:] == ['the film'] else print()")
    both = settings.model_copy(update={"content_keys": Settings(content_keys="{}").content_keys})
    assert content_key(both, "the film") == KEY
    assert isinstance(told(both, "another"), UsageError)


def test_a_program_gets_no_input_to_wait_for() -> None:
    assert content_key(asking(f"import sys; sys.stdin.read(); {SAY_IT}"), "film") == KEY


def test_a_program_that_fails_may_work_later() -> None:
    error = told(asking(f"import sys; sys.stderr.write({SECRET[::-1]!r}[::-1]); {SAY_IT}; sys.exit(3)"))
    assert isinstance(error, StoreUnavailable)
    assert "exit code 3 for 'film'" in str(error)


def test_a_program_that_is_not_there_is_named_by_its_setting() -> None:
    error = told(Settings(content_key_command="/nowhere/keys"))
    assert isinstance(error, StoreUnavailable)
    assert "CUTROOM_CONTENT_KEY_COMMAND could not be run for 'film': FileNotFoundError" in str(error)


def test_a_program_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_keys, "COMMAND_TIMEOUT_S", 0.1)
    error = told(asking(f"{SAY_IT}; import signal; signal.pause()  # token={SECRET}"))
    assert isinstance(error, StoreUnavailable)
    assert "TimeoutExpired" in str(error)


def test_what_a_program_prints_besides_a_key_is_not_repeated() -> None:
    error = told(asking(f"print('warning'); {SAY_IT}"))
    assert isinstance(error, UsageError)
    assert "<key id>:<key>" in str(error)


def test_a_key_is_not_in_its_own_description() -> None:
    assert SECRET not in repr(KEY)
