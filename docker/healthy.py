"""Asks whether a service works, as `cutroom status` does: `healthy.py scheduler`, `healthy.py worker`."""

import os
import socket
import sys

BLOCK_SERVICE = "https://localhost:50061"


def ask_worker(broker_url: str, hostname: str) -> str:
    """What is wrong with the Celery worker of this container; empty when it answers."""
    from celery import Celery  # noqa: PLC0415 - only workers pay for it

    answers = Celery(broker=broker_url).control.ping(destination=[f"celery@{hostname}"], timeout=5)
    return "" if answers else "does not answer its broker"


def ask_block_service() -> str:
    """What is wrong with the Block Service of this container; empty when it reaches its database and store."""
    from cutroom.errors import CutroomError  # noqa: PLC0415 - only the Block Service does
    from cutroom.settings import get_settings  # noqa: PLC0415
    from cutroom.stores.block_rpc.client import RemoteBlocks  # noqa: PLC0415

    try:
        RemoteBlocks(BLOCK_SERVICE, authority=get_settings().block_service_certificate).health()
    except CutroomError as error:
        return str(error)
    return ""


def ask_airflow(address: str, component: str) -> str:
    """What is wrong with a part of Airflow, in the words of the API server's health page."""
    from cutroom.stack.probes import ask  # noqa: PLC0415 - only the parts of Airflow do
    from cutroom.stack.service import Probe  # noqa: PLC0415

    return ask(Probe(kind="airflow", target=f"{address}/api/v2/monitor/health", component=component))


def main(what: str) -> str:
    """What is wrong; empty when it works."""
    if what == "worker":
        return ask_worker(os.environ["AIRFLOW__CELERY__BROKER_URL"], socket.gethostname())
    if what == "block-service":
        return ask_block_service()
    return ask_airflow(
        os.environ["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"].removesuffix("/execution/"), what
    )


if __name__ == "__main__":
    wrong = main(sys.argv[1])
    sys.exit(f"{sys.argv[1]} {wrong}" if wrong else 0)
