"""Cutroom: an upload in S3 becomes verified HLS and DASH."""

import os

__version__ = "0.1.0"

# Steps start media tools by fork and exec. Where gRPC's own handlers of forks run in between, the new process is
# sometimes aborted; without them the tool starts as if gRPC were not there. Read once, when gRPC is imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
