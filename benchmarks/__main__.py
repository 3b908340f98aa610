"""Measurements of what Cutroom promises, each against something that anybody could use instead.

    python -m benchmarks [--only NAME] [options of the benchmark]

Each module of this folder is one benchmark, and has `main(arguments)`; without --only it is `transcode`.
"""

import argparse
import importlib
from pathlib import Path


def main() -> None:
    """Run one benchmark; options that are not ours are its own."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("__"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, add_help=False)
    parser.add_argument("--only", choices=names, default="transcode")
    chosen, rest = parser.parse_known_args()
    importlib.import_module(f"benchmarks.{chosen.only}").main(rest)


if __name__ == "__main__":
    main()
