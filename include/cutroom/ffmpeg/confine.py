"""Becomes a media tool under limits: `python -I -S confine.py PARENT MEMORY CPU_S OUTPUT TOOL ARGUMENT…`.

A program of its own, because code between fork and exec runs next to other people's threads and their fork handlers
(gRPC's abort the child now and then); a program that is started with vfork has none of them. It imports nothing of
Cutroom and starts in about 20 ms.
"""

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000


def main() -> None:
    """Limit this process, then replace it by the tool."""
    parent, memory_bytes, cpu_s, output_bytes = map(int, sys.argv[1:5])
    libc = ctypes.CDLL(None)
    # A network without any interface: for root, or within a user namespace of its own where the kernel lets anybody
    # make one. Where it lets nobody, ffmpeg's allow-list of protocols stands alone.
    if libc.unshare(CLONE_NEWNET) != 0:
        libc.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    # A tool must not outlive the task that started it, not even when that is killed with SIGKILL.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The task that started this tool is gone.")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # The soft limit ends the tool with SIGXCPU, which says why; the hard one, a little later, with SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
    # Python ignores these two, and what is ignored stays so in the tool.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvp(sys.argv[5], sys.argv[5:])  # noqa: S606  a list of arguments is what we want
    except OSError as error:
        sys.exit(f"{sys.argv[5]} can't be started: {error.strerror}")


if __name__ == "__main__":
    main()
