#!/bin/sh
# Resolves the direct dependencies anew into their locks, which name no registry.
set -eu
cd "$(dirname "$0")/.."

compile() {
    .tools/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url \
        --no-emit-find-links --custom-compile-command "make lock" "$@"
}

compile requirements.in -o requirements.txt
# LocalStack works with its dependencies as they were when it was released.
compile --exclude-newer 2026-01-10 requirements-localstack.in -o requirements-localstack.txt
cd plugins/media_catalog
../../.venv/bin/python ../../scripts/npm.py update --package-lock-only --omit-lockfile-registry-resolved \
    --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
