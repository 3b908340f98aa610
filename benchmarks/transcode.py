"""Wall times against one plain ffmpeg process that makes the same ladder, side by side in one run.

    python -m benchmarks --only transcode [--seconds 60] [--rounds 1] [--no-airflow]

The plain process decodes once and encodes all rungs with the same encoder, preset and rate control and its own choice
of threads, and both bit rates of the sound. It packages nothing, verifies nothing and makes no stills: it is the least
that anybody would have to do.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cutroom.ffmpeg import tools
from cutroom.media.profile import load_profile
from cutroom.settings import Settings, adopt_stack_environment, get_settings
from cutroom.stack.sample import make_sample
from cutroom.steps.local import transcode


def plain_ffmpeg(source: Path, folder: Path) -> None:
    """One process, the ladder of profile `web` for a 1280×720 source."""
    profile = load_profile("web")
    codec = profile.video[0]
    rungs = [rung for rung in codec.rungs if rung.box[0] <= 1280]
    scaled = ";".join(
        f"[s{n}]scale={r.box[0]}:{r.box[1]}:flags=lanczos,setsar=1[v{n}]" for n, r in enumerate(rungs)
    )
    names = "".join(f"[s{n}]" for n in range(len(rungs)))
    argv = [tools.path("ffmpeg"), "-v", "error", "-y", "-i", str(source)]
    argv += ["-filter_complex", f"[0:v]split={len(rungs)}{names};{scaled}"]
    for n, rung in enumerate(rungs):
        argv += ["-map", f"[v{n}]", "-c:v", "libx264", "-preset", codec.preset, "-crf", f"{codec.crf:g}"]
        argv += ["-maxrate", str(rung.max_bitrate), "-bufsize", str(int(rung.max_bitrate * codec.buffer_s))]
        argv += ["-g", "150", "-sc_threshold", "0", "-pix_fmt", "yuv420p", str(folder / f"{n}.mp4")]
    for n, bitrate in enumerate(profile.audio[0].bitrates):
        argv += ["-map", "0:a", "-c:a", "aac", "-b:a", str(bitrate), "-ac", "2", str(folder / f"a{n}.mp4")]
    subprocess.run(argv, check=True)


def local_run(source: Path, folder: Path) -> None:
    """`cutroom transcode`: probe to verified HLS and DASH."""
    transcode(source, folder / "out", profile="web", settings=Settings(home=folder))


def airflow_run(source: Path, folder: Path) -> None:
    """From the object in the bucket to the published asset, in the stack that is running."""
    import boto3

    from cutroom import ids
    from cutroom.stores.catalog import Catalog

    # A byte more makes it another film: nothing of an earlier round may be reused.
    film = folder / f"bench-{time.time_ns()}.mp4"
    shutil.copy(source, film)
    with film.open("ab") as file:
        file.write(b"\0\0\0\x10free" + os.urandom(8))
    settings = get_settings()
    boto3.client("s3").upload_file(str(film), settings.uploads_bucket, f"incoming/{film.name}")
    asset = ids.asset_id(settings.uploads_bucket, f"incoming/{film.name}")
    catalog = Catalog(settings.database_url)
    while True:
        found = next((one for one in catalog.assets(limit=500) if one.asset_id == asset), None)
        if found is not None and found.status != "processing":
            if found.status != "published":
                raise SystemExit(f"The run ended as {found.status}: {found.reason}")
            return
        time.sleep(0.2)


def measure(run: Callable[[Path, Path], None], source: Path) -> float:
    """Wall seconds of one run in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as folder:
        began = time.monotonic()
        run(source, Path(folder))
        return time.monotonic() - began


def main(arguments: Sequence[str]) -> None:
    """Measure, print a table, and leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only transcode", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--no-airflow", action="store_true", help="leave out the run in the stack")
    chosen = parser.parse_args(arguments)
    adopt_stack_environment()
    runs: dict[str, Callable[[Path, Path], None]] = {
        "one ffmpeg process": plain_ffmpeg,
        "cutroom transcode": local_run,
    }
    if not chosen.no_airflow:
        if not get_settings().database_url:
            raise SystemExit("The stack is not running: start it by `make up`, or measure with --no-airflow.")
        runs["the Airflow run, object to published"] = airflow_run
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as folder:
        source = Path(folder) / "sample.mp4"
        make_sample(source, chosen.seconds)
        seconds = {name: [measure(run, source) for _ in range(1)] for name, run in runs.items()}
        for _ in range(chosen.rounds - 1):
            for name, run in runs.items():
                seconds[name].append(measure(run, source))
    baseline = statistics.median(seconds["one ffmpeg process"])
    print(
        f"{chosen.seconds} s of 1280×720p25, profile web, {os.cpu_count()} cores, {platform.machine()}, ",
        end="",
    )
    print(f"ffmpeg {tools.versions()['ffmpeg']}, {chosen.rounds} round(s), median")
    for name, values in seconds.items():
        middle = statistics.median(values)
        print(f"{name:40}{middle:8.1f} s {middle / baseline:6.2f} ×")
    print(json.dumps({"seconds": seconds}))
