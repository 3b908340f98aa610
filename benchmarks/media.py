"""Small benchmarks of the media steps: throughput, and memory of a short against a long film.

    python -m benchmarks --only media [--step probe|split|encode|thumbnails|join|assemble] [--minutes 60]

Threads and decodes of a ladder are in `--only ladder`.

Each step runs in a process of its own, that has imported what a task of a stack inherits. What counts is the memory
that it takes beside that, with that of the tools it starts, at its peak. The long film is the short one, one minute,
over and over by stream copy.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cutroom.ffmpeg import coded, join, tools
from cutroom.media import timeline
from cutroom.settings import Settings
from cutroom.steps import assembling, encoding, inherited, local, planning, stills
from cutroom.steps.encodes import keep_encode
from cutroom.steps.job import Job
from cutroom.steps.workshop import Workshop

RATE, SIZE = 25, "320x180"
# Keyframes where segments begin, so that a chunk of the film can stand for an encode of it.
GRID = ("-g", str(6 * RATE), "-sc_threshold", "0")
PROFILE = """
name: bench
description: One small rung
video:
  - codec: h264
    preset: ultrafast
    rungs: [{box: 160x90, max_bitrate: 500k}]
"""


def make_films(folder: Path, minutes: int) -> tuple[Path, Path]:
    """A film of one minute at about 5 Mbit/s, and one of so many minutes."""
    short, long = folder / "short.mp4", folder / "long.mp4"
    picture = f"testsrc2=s={SIZE}:r={RATE}:d=60,noise=alls=60:allf=t"
    command = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-preset", "ultrafast", "-b:v", "5M", *GRID, str(short)], check=True)
    command = [tools.path("ffmpeg"), "-v", "error", "-stream_loop", str(minutes - 1), "-i", str(short)]
    subprocess.run([*command, "-c", "copy", str(long)], check=True)
    return short, long


def workshop(film: Path, folder: Path) -> Workshop:
    """Where the steps work."""
    record = local.LocalRecord(dag_id="process_video", listener=lambda _percent, _step: None)
    out = folder / film.stem
    settings = Settings(home=folder)
    return local._workshop(out / ".work", out, film, record, settings)  # noqa: SLF001  without a run


def planned(film: Path, folder: Path, of_profile: str = PROFILE) -> dict[str, Any]:
    """The job of a film that was probed and planned."""
    profile = folder / "bench.yaml"
    profile.write_text(of_profile)
    shop = workshop(film, folder)
    job = {"upload": local._as_upload(film).to_json(), "profile": str(profile)}  # noqa: SLF001
    return planning.plan(shop, planning.probe(shop, job))


def cut(film: Path, folder: Path, of_profile: str = PROFILE) -> dict[str, Any]:
    """The job of a film whose encode chunks are cut, too."""
    job = planned(film, folder, of_profile)
    planning.split(workshop(film, folder), job)
    return job


def encoded(film: Path, folder: Path) -> dict[str, Any]:
    """The job of a film whose chunks are encoded, so to speak: each encode is the chunk itself."""
    job = cut(film, folder)
    shop = workshop(film, folder)
    plan = Job.from_json(job).plan(shop.work)
    video = plan.video
    assert video is not None
    _, packets = planning.source_facts(shop, plan.source.sha256)
    shown = timeline.shown_pts(packets)
    (rendition,) = plan.renditions
    chunk_file = folder / "chunk.nut"
    for chunk, key in zip(video.chunks, rendition.encode_keys, strict=True):
        shop.work.get_file(planning.chunk_key(plan, chunk), chunk_file)
        times = [video.timing.output_ticks(pts) for pts in shown if chunk.start_pts <= pts < chunk.end_pts]
        found = coded.read([chunk_file], video.timing.timescale)
        known = {"frame_ticks": times, "digest": found.digests[0], "parameters": found.parameters}
        keep_encode(shop, key, chunk_file, known)
    return {**job, "rendition": rendition.key}


def probe(film: Path, folder: Path, _: dict[str, Any]) -> tuple[float, int]:
    """What is in a film; its digest is taken, too."""
    shop = workshop(film, folder)
    job = {"upload": local._as_upload(film).to_json(), "profile": "web"}  # noqa: SLF001
    began = time.monotonic()
    planning.probe(shop, job)
    return time.monotonic() - began, film.stat().st_size


def thumbnails(film: Path, folder: Path, job: dict[str, Any]) -> tuple[float, int]:
    """The stills of a film, whose frames are all decoded for them."""
    shop = workshop(film, folder)
    began = time.monotonic()
    stills.thumbnails(shop, job)
    return time.monotonic() - began, film.stat().st_size


def split(film: Path, folder: Path, job: dict[str, Any]) -> tuple[float, int]:
    """All encode chunks of a film; seconds and bytes."""
    shop = workshop(film, folder)
    began = time.monotonic()
    planning.split(shop, job)
    return time.monotonic() - began, film.stat().st_size


def encode(film: Path, folder: Path, job: dict[str, Any]) -> tuple[float, int]:
    """The first encode chunk of a film."""
    shop = workshop(film, folder)
    began = time.monotonic()
    encoding.encode_video(shop, job, {"chunk": 0, "codec": "h264"})
    return time.monotonic() - began, 0


def assemble(film: Path, folder: Path, job: dict[str, Any]) -> tuple[float, int]:
    """The whole step for one rendition: join, package, read back for the report, store."""
    shop, rendition = workshop(film, folder), job.pop("rendition")
    began = time.monotonic()
    assembling.assemble(shop, job, {"rendition": rendition})
    return time.monotonic() - began, film.stat().st_size


def join_alone(film: Path, folder: Path, _: dict[str, Any]) -> tuple[float, int]:
    """Joining a film of encodes, each of them the first minute again."""
    chunk = folder / f"{film.stem}.nut"
    short = film.with_name("short.mp4")
    subprocess.run([tools.path("ffmpeg"), "-v", "error", "-y", "-i", short, "-c", "copy", chunk], check=True)
    frames = 60 * RATE
    count = round(film.stat().st_size / short.stat().st_size)
    ticks = [[512 * (frames * n + frame) for frame in range(frames)] for n in range(count)]
    began = time.monotonic()
    join.join([chunk] * count, ticks, 512 * RATE, folder / f"{film.stem}-joined.mp4")
    return time.monotonic() - began, chunk.stat().st_size * count


STEPS: dict[str, Callable[[Path, Path, dict[str, Any]], tuple[float, int]]] = {
    "probe": probe,
    "split": split,
    "encode": encode,
    "thumbnails": thumbnails,
    "join": join_alone,
    "assemble": assemble,
}


def _prepared(film: Path, folder: Path, queue: "multiprocessing.Queue[dict[str, Any]]", name: str) -> None:
    ready = {"split": planned, "thumbnails": planned, "encode": cut, "assemble": encoded}
    queue.put(ready[name](film, folder))


def _measured(
    film: Path,
    folder: Path,
    queue: "multiprocessing.Queue[dict[str, Any]]",
    name: str,
    job: dict[str, Any],
) -> None:
    inherited.make_ready()
    # What was made ready is not for this step to write.
    os.sync()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, size = STEPS[name](film, folder, job)
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    queue.put({"seconds": seconds, "bytes": size, "peak_mib": (sum(peaks) - before) / 1024})


def _alone(target: Callable[..., None], *arguments: object) -> dict[str, Any]:
    """What a function puts into the queue, in a process of its own: as each task of a run has one."""
    spawned = multiprocessing.get_context("spawn")
    queue: multiprocessing.Queue[dict[str, Any]] = spawned.Queue()
    film, folder, *others = arguments
    process = spawned.Process(target=target, args=(film, folder, queue, *others))
    process.start()
    found = queue.get(timeout=900)
    process.join()
    return found


def measure(name: str, film: Path) -> dict[str, float]:
    """Run a step on a film that another process made ready for it."""
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as folder:
        job = {} if name in {"join", "probe"} else _alone(_prepared, film, Path(folder), name)
        return _alone(_measured, film, Path(folder), name, job)


def main(arguments: list[str]) -> None:
    """Measure, print a table, and leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only media", description=__doc__)
    parser.add_argument("--step", choices=STEPS, action="append")
    parser.add_argument("--minutes", type=int, default=60)
    chosen = parser.parse_args(arguments)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as folder:
        films = dict(
            zip(("1 min", f"{chosen.minutes} min"), make_films(Path(folder), chosen.minutes), strict=True)
        )
        for name in chosen.step or STEPS:
            figures[name] = {length: measure(name, film) for length, film in films.items()}
            for length, found in figures[name].items():
                rate = f"{found['bytes'] / found['seconds'] / 1e6:8.0f} MB/s" if found["bytes"] else " " * 13
                print(
                    f"{name:10}{length:>8}{found['seconds']:8.2f} s{rate}{found['peak_mib']:8.0f} MiB",
                    flush=True,
                )
    print(json.dumps(figures))
