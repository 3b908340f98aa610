"""Asking a service whether it works; every answer comes within two seconds."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import pymongo
import pymongo.errors
import sqlalchemy
import sqlalchemy.exc

from cutroom.errors import StoreUnavailable
from cutroom.stack.service import Probe, Service

_TIMEOUT_S = 2
_PAUSE_S = 0.1


def ask(probe: Probe, *, since: float = 0) -> str:
    """What is wrong with the service; empty when it works.

    Args:
        probe: The question.
        since: When its process was started (seconds since 1970): an older sign of life is somebody else's.
    """
    match probe.kind:
        case "sql":
            return _ask_sql(probe.target)
        case "documents":
            return _ask_documents(probe.target)
        case "http":
            answer = _get_json(probe.target)
            return answer if isinstance(answer, str) else ""
        case "airflow":
            answer = _get_json(probe.target)
            return answer if isinstance(answer, str) else _judge_component(answer, probe.component, since)


def wait_until_ready(
    services: Iterable[Service],
    started_at: Callable[[str], float],
    *,
    timeout_s: float,
    told: Callable[[str], None],
) -> None:
    """Wait until each service works.

    Args:
        services: Those that were started.
        started_at: When the process of a service was started; raises when the supervisor gave it up.
        timeout_s: How long to wait for all of them.
        told: Called with the label of each service once it works.

    Raises:
        StoreUnavailable: One did not become ready in time; the message says what it answered last.
    """
    waiting = {service.name: service for service in services}
    answers: dict[str, str] = {}
    deadline = time.monotonic() + timeout_s
    while waiting:
        for name, service in list(waiting.items()):
            answers[name] = ask(service.probe, since=started_at(name))
            if not answers[name]:
                told(service.label)
                del waiting[name]
        if waiting and time.monotonic() > deadline:
            described = "; ".join(f"{service.label}: {answers[name]}" for name, service in waiting.items())
            raise StoreUnavailable(f"Not ready after {timeout_s:.0f} s: {described}. The logs say why.")
        if waiting:
            time.sleep(_PAUSE_S)


def _ask_sql(url: str) -> str:
    engine = sqlalchemy.create_engine(
        url, poolclass=sqlalchemy.NullPool, connect_args={"connect_timeout": _TIMEOUT_S}
    )
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))
    except sqlalchemy.exc.SQLAlchemyError:
        return "does not answer"
    return ""


def _ask_documents(url: str) -> str:
    client: pymongo.MongoClient[Mapping[str, object]] = pymongo.MongoClient(
        url,
        serverSelectionTimeoutMS=_TIMEOUT_S * 1000,
        connectTimeoutMS=_TIMEOUT_S * 1000,
        directConnection=True,
    )
    try:
        client.admin.command("ping")
    except pymongo.errors.PyMongoError:
        return "does not answer"
    finally:
        client.close()
    return ""


def _get_json(url: str) -> Mapping[str, Mapping[str, str]] | str:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310 - our own address
            answer = json.load(response)
    except urllib.error.HTTPError as error:
        return f"answers {error.code}"
    except (OSError, ValueError):
        return "does not answer"
    return answer if isinstance(answer, dict) else "answers something else"


def _judge_component(answer: Mapping[str, Mapping[str, str]], component: str, since: float) -> str:
    told = answer.get(component, {})
    if told.get("status") != "healthy":
        return f"reports {told.get('status') or 'nothing yet'}"
    heartbeat = told.get(f"latest_{component}_heartbeat")
    if heartbeat and datetime.fromisoformat(heartbeat).timestamp() < since:
        return "gave no sign of life since its start"
    return ""
