"""What of a changed file is new to the store: Cutroom's ways of cutting beside restic, borg and casync.

    python -m benchmarks --only dedup [--seconds 60]

Each store takes a file, and then the changed file; what is counted is how much the second one added. The other tools
are Debian's packages `restic`, `borgbackup` and `casync` (`apt install restic borgbackup casync`); one that is not
installed is left out. Media do not compress, so all of them store without compression where they can.
"""

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from cutroom.blocks.boundaries import Boundaries, cut
from cutroom.ffmpeg import tools

MIB = 2**20
Store = Callable[[Path], None]
"""Takes a file into a store."""


def make_film(path: Path, seconds: int) -> None:
    """A film of about 1 MB a second: moving picture with noise, and sound."""
    argv = [tools.path("ffmpeg"), "-v", "error", "-y"]
    argv += ["-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=25:d={seconds},noise=alls=12:allf=t"]
    argv += ["-f", "lavfi", "-i", f"aevalsrc=0.3*random(0)*sin(440*t):d={seconds}:s=48000"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "8M", "-g", "50", "-c:a", "aac", str(path)]
    subprocess.run(argv, check=True)


def remuxed(source: Path, target: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    """The same packets in a new file."""
    argv = [tools.path("ffmpeg"), "-v", "error", "-y", *before, "-i", str(source), "-c", "copy", "-map", "0"]
    subprocess.run([*argv, *options, str(target)], check=True)
    return target


def changes(film: Path, folder: Path) -> dict[str, Path]:
    """What people do to a file, by name."""
    data = film.read_bytes()
    noise = random.Random(film.name).randbytes(MIB)
    padding = (MIB + 8).to_bytes(4) + b"free" + noise if film.suffix == ".mp4" else noise
    middle = len(data) // 2
    made = {}
    for name, content in {
        "identical": data,
        "1 MiB appended": data + padding,
        "1 MiB put in front": padding + data,
        "1 MiB overwritten in the middle": data[:middle] + noise + data[middle + MIB :],
    }.items():
        made[name] = folder / f"{name}{film.suffix}"
        made[name].write_bytes(content)
    made["tags edited"] = remuxed(
        film, folder / f"tags{film.suffix}", "-metadata", "title=" + "A title " * 20
    )
    if film.suffix == ".mp4":
        made["rewritten for fast start"] = remuxed(film, folder / "fast.mp4", "-movflags", "+faststart")
    else:
        named = ("-metadata:s:a:0", "title=" + "A track " * 20, "-metadata:s:a:0", "language=eng")
        made["header changed (a track is named)"] = remuxed(film, folder / "named.mkv", *named)
        front = ("-reserve_index_space", "100000")
        made["rewritten with the index in front"] = remuxed(film, folder / "front.mkv", *front)
    made["first 10 s cut off"] = remuxed(film, folder / f"cut{film.suffix}", before=("-ss", "10"))
    return made


def stored_bytes(folder: Path) -> int:
    """What lies in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


class Blocks:
    """Cutroom's blocks, as files named by their digest: what the Block Service would be sent."""

    def __init__(self, folder: Path, boundaries: Boundaries) -> None:
        self._folder, self._boundaries = folder, boundaries
        folder.mkdir()

    def __call__(self, path: Path) -> None:
        """Take a file."""
        with path.open("rb") as file:
            for block in cut(file, self._boundaries):
                name = self._folder / hashlib.sha256(block).hexdigest()
                if not name.exists():
                    name.write_bytes(block)


def tool(argv: list[str], environment: Mapping[str, str]) -> Store:
    """What runs a tool on a file."""

    def run(path: Path) -> None:
        subprocess.run([*argv, str(path)], check=True, capture_output=True, env={**os.environ, **environment})

    return run


def restic(folder: Path) -> Store:
    """A repository of restic."""
    environment = {"RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": f"{folder}.cache"}
    argv = ["restic", "-q", "-r", str(folder), "--compression", "off"]
    subprocess.run([*argv, "init"], check=True, capture_output=True, env={**os.environ, **environment})
    return tool([*argv, "backup", "--force"], environment)


def borg(folder: Path) -> Store:
    """A repository of borg."""
    environment = {"BORG_BASE_DIR": f"{folder}.base", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
    tool(["borg", "init", "-e", "none"], environment)(folder)
    archive = f"{folder}::{{utcnow:%H%M%S%f}}"
    return tool(["borg", "create", "--compression", "none", archive], environment)


def casync(folder: Path) -> Store:
    """A store of casync."""
    folder.mkdir()
    return tool(["casync", "make", f"--store={folder}", f"{folder}.caibx"], {})


def stores(folder: Path) -> dict[str, Callable[[], tuple[Path, Store]]]:
    """Every store that can be made on this machine, anew at each call."""

    def new(name: str, make: Callable[[Path], Store]) -> tuple[Path, Store]:
        place = folder / f"{name}-{time.monotonic_ns()}"
        return place, make(place)

    found: dict[str, Callable[[], tuple[Path, Store]]] = {
        f"Cutroom {kind}": partial(new, kind, partial(Blocks, boundaries=kind))
        for kind in get_args(Boundaries)
    }
    for name, make in {"restic": restic, "borg": borg, "casync": casync}.items():
        if shutil.which(name):
            found[name] = partial(new, name, make)
    return found


def measured(make: Callable[[], tuple[Path, Store]], film: Path, changed: Path) -> tuple[int, int, float]:
    """Bytes stored of the film, bytes that the changed film added, and the seconds of that."""
    folder, store = make()
    store(film)
    before = stored_bytes(folder)
    began = time.monotonic()
    store(changed)
    seconds = time.monotonic() - began
    added = stored_bytes(folder) - before
    shutil.rmtree(folder)
    return before, added, seconds


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each kind of file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only dedup", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cutroom-dedup-") as name:
        folder = Path(name)
        make_film(folder / "film.mp4", chosen.seconds)
        remuxed(folder / "film.mp4", folder / "film.mkv")
        for film in (folder / "film.mp4", folder / "film.mkv"):
            print(f"\n{film.suffix[1:]}, {film.stat().st_size / MIB:.1f} MiB: MiB added (seconds)\n")
            print(f"| {'':32} | " + " | ".join(f"{store:>17}" for store in stores(folder)) + " |")
            print("| --- |" + " --- |" * len(stores(folder)))
            for change, path in changes(film, folder).items():
                cells = []
                for make in stores(folder).values():
                    _, added, seconds = measured(make, film, path)
                    cells.append(f"{added / MIB:8.2f} ({seconds:5.2f})")
                print(f"| {change:32} | " + " | ".join(f"{cell:>17}" for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()
