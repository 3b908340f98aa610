#!/bin/sh
# Installs one part of Cutroom into this folder: `library`, `localstack` or `player`.
# Each part starts from what its lock says and may be run again.
set -eu
cd "$(dirname "$0")/.."
uv=.tools/bin/uv

fail() {
    echo "$1" >&2
    exit 1
}

# A Python that Cutroom runs on: the user's own choice first.
find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    fail "Cutroom needs Python 3.11, 3.12 or 3.13. Install one (Debian: apt-get install python3 python3-venv) or name it: make PYTHON=/path/to/python3"
}

library() {
    command -v git >/dev/null || fail "Cutroom needs git. Install it (Debian: apt-get install git)."
    python=$(find_python)
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "$python comes without its venv module. Install it (Debian: apt-get install python3-venv)."
    # uv has an environment of its own: a sync removes from .venv what the lock does not name.
    if ! $uv --version >/dev/null 2>&1; then
        "$python" -m venv --clear .tools
        .tools/bin/python -m pip install --quiet --disable-pip-version-check uv
    fi
    if ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
        $uv venv --quiet --clear --python "$python" .venv
    fi
    echo "Installing Cutroom into .venv ($(.venv/bin/python --version))"
    $uv pip sync --quiet --python .venv/bin/python --compile-bytecode requirements.txt
    $uv pip install --quiet --python .venv/bin/python --no-deps -e .
}

localstack() {
    echo "Installing LocalStack (S3 and SQS of the embedded stack) into .venv-localstack"
    [ -x .venv-localstack/bin/python ] || $uv venv --quiet --clear --python .venv/bin/python .venv-localstack
    # It remembers the plugins of an earlier installation here, and would miss the new ones.
    rm -rf .venv-localstack/cache
    $uv pip sync --quiet --python .venv-localstack/bin/python --compile-bytecode requirements-localstack.txt
}

player() {
    echo "Installing the player library of the web page"
    cd plugins/media_catalog
    ../../.venv/bin/python ../../scripts/npm.py ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
    mkdir -p static/vendor
    cp node_modules/shaka-player/dist/shaka-player.ui.js node_modules/shaka-player/dist/controls.css \
        node_modules/shaka-player/LICENSE static/vendor/
}

case ${1:-} in
library | localstack | player) "$1" ;;
*) fail "Which part? One of: library localstack player" ;;
esac
