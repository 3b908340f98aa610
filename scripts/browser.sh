#!/bin/sh
# Makes sure that there is a Chromium for the tests of the player page.
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
if ! command -v apt-get >/dev/null; then
    echo "The browser tests need Chromium on the PATH; install it with this system's package manager." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root=sudo
else
    echo "The browser tests need Chromium; install it by: sudo apt-get install chromium" >&2
    exit 1
fi
echo "Installing Chromium for the browser tests"
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
