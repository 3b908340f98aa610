"""Ports: a taken one is named before anything is started."""

import socket
from collections.abc import Iterable

from cutroom.errors import UsageError
from cutroom.stack.service import Service


def check_ports(services: Iterable[Service]) -> None:
    """Make sure that every port of these services can be listened on.

    Raises:
        UsageError: Ports are taken; the message names each and the setting that moves it.
    """
    taken = [service for service in services if service.port and not _is_free(service.host, service.port)]
    if taken:
        raise UsageError(
            " ".join(
                f"Port {service.port} ({service.label}) is taken; set {service.port_setting} to a free one."
                for service in taken
            )
        )


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        # As servers do: connections that linger in TIME_WAIT don't hold the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError:
            return False
    return True
