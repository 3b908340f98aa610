"""The Block Service on the wire: messages, statuses, client."""

import os

# Steps start media tools by fork and exec. Where gRPC's own handlers of forks run in between, the new process is
# sometimes aborted; without them the tool starts as if gRPC were not there.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
