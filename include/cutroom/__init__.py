"""Cutroom: an upload in S3 becomes verified HLS and DASH."""

import os

__version__ = "0.1.0"

# Our media tools are started by vfork, but libraries beside us fork (to start a program as another user, say). Where
# gRPC's own handlers of forks run then, the new process is aborted now and then; without them it starts as if gRPC were
# not there. Read once, when gRPC is imported: hence here, before any module that does.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
