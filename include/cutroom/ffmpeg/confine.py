"""Becomes a media tool under limits: `python -I -S confine.py PARENT MEMORY CPU_S OUTPUT DOOR TOOL ARGUMENT…`.

DOOR is a Unix socket through which the parent gets a listener, the one thing that the tool can connect to then; its
port takes the place of `PORT` in the arguments. -1: there is none.

A program of its own, because code between fork and exec runs next to other people's threads and their fork handlers
(gRPC's abort the child now and then); a program that is started with vfork has none of them. It imports nothing of
Cutroom and starts in about 15 ms.
"""

import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
SIGKILL, SIGPIPE, SIGXFSZ, SIG_DFL = 9, 13, 25, 0
"""As on x86-64: Python's own module of signals takes a quarter of the time in which this program starts."""

PORT = "{port}"


def main() -> None:
    """Limit this process, then replace it by the tool."""
    parent, memory_bytes, cpu_s, output_bytes, door = map(int, sys.argv[1:6])
    tool = sys.argv[6:]
    libc = ctypes.CDLL(None)
    # A network without any interface: for root, or within a user namespace of its own where the kernel lets anybody
    # make one. Where it lets nobody, ffmpeg's allow-list of protocols stands alone.
    for flags in (CLONE_NEWNET, CLONE_NEWUSER | CLONE_NEWNET):
        if libc.unshare(flags) == 0 and (door < 0 or _has_loopback()):
            break
    if door >= 0:
        port = str(_listen(door))
        tool = [argument.replace(PORT, port) for argument in tool]
    # A tool must not outlive the task that started it, not even when that is killed with SIGKILL.
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
    if os.getppid() != parent:
        sys.exit("The task that started this tool is gone.")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # The soft limit ends the tool with SIGXCPU, which says why; the hard one, a little later, with SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
    # Python ignores these two, and what is ignored stays so in the tool.
    libc.signal(SIGPIPE, SIG_DFL)
    libc.signal(SIGXFSZ, SIG_DFL)
    try:
        os.execvp(tool[0], tool)  # noqa: S606  a list of arguments is what we want
    except OSError as error:
        sys.exit(f"{tool[0]} can't be started: {error.strerror}")


def _has_loopback() -> bool:
    """Whether the network of this process's own can be made to reach itself: root may lack the right to."""
    import fcntl  # noqa: PLC0415 - every tool would start later for what one needs
    import socket  # noqa: PLC0415
    import struct  # noqa: PLC0415

    with socket.socket() as any_socket:
        try:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
        except OSError:
            return False
    return True


def _listen(door: int) -> int:
    """Hand a listener in this process's network to the parent, and tell its port."""
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(fileno=door) as parent:
        socket.send_fds(parent, [b"."], [listener.fileno()])
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
