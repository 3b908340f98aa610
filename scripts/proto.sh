#!/bin/sh
# Compiles the messages of the Block Service into FOLDER (by default where they belong).
set -eu
cd "$(dirname "$0")/.."
folder=${1:-include}
.venv/bin/python -m grpc_tools.protoc --proto_path=include --python_out="$folder" --pyi_out="$folder" \
    include/cutroom/stores/block_rpc/block_service.proto
