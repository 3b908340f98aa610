"""Ports that are taken are named before anything starts."""

import socket
from collections.abc import Iterator

import pytest

from cutroom.errors import UsageError
from cutroom.stack.ports import check_ports, free_port
from cutroom.stack.service import Probe, Service


def a_service(port: int) -> Service:
    return Service(
        name="web",
        label="Airflow",
        command=("true",),
        probe=Probe(kind="http", target=""),
        host="127.0.0.1",
        port=port,
        port_setting="CUTROOM_AIRFLOW_PORT",
    )


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_free_port_passes() -> None:
    check_ports([a_service(free_port())])


def test_a_taken_port_is_named_with_the_way_out(taken_port: int) -> None:
    with pytest.raises(UsageError) as raised:
        check_ports([a_service(taken_port)])
    assert str(raised.value) == (
        f"Port {taken_port} (Airflow) is taken; set CUTROOM_AIRFLOW_PORT to a free one."
    )


def test_a_port_taken_on_every_address_is_taken() -> None:
    with socket.create_server(("", 0)) as server, pytest.raises(UsageError):
        check_ports([a_service(server.getsockname()[1])])
