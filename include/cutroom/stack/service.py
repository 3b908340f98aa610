"""A service of the embedded stack, as a value: what is run, where it answers, how one asks whether it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question that only a working service answers."""

    kind: Literal["sql", "documents", "http", "airflow"]
    target: str
    """A database URL, or the address that is asked."""
    component: str = ""
    """Which part of Airflow is meant, in the words of its health page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process that the supervisor keeps running."""

    name: str
    label: str
    """How people call it."""
    command: tuple[str, ...]
    probe: Probe
    environment: Mapping[str, str] = field(default_factory=dict)
    """What this service needs beyond the stack's environment."""
    address: str = ""
    """Where it answers, as a user would write it; empty where nobody connects to it."""
    host: str = ""
    port: int = 0
    """TCP port; 0 where it listens on none."""
    port_setting: str = ""
    """The variable that moves it to another port."""
    user: str = ""
    """The system user it runs as; empty: the one who starts the stack."""
    directory: Path | None = None
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"
    stop_wait_s: int = 20
    after: tuple[str, ...] = ()
    """Names of the services that have to be ready before this one is started."""
