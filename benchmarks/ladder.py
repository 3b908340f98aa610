"""What a ladder costs: busy threads against cores while tasks encode in parallel, and one decode against one per rung.

    python -m benchmarks --only ladder [--codec h264|hevc|vp9|av1] [--seconds 6]

Existing threads are those of all media tools at once. Busy ones are in state R of /proc, as they run or wait for a
core: every 20 ms they are counted. On a machine with other work more of them wait, so what that took is printed, too.

The bound: on average of all counts no more than 1.5 threads of media tools are busy for each core, whatever number of
tasks encode in parallel; nor, of threads of encoders alone, in any second.
"""

import argparse
import json
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.media import cut, workshop
from cutroom.ffmpeg import argv, runner, tools
from cutroom.media import keys
from cutroom.media.codecs import VIDEO
from cutroom.media.video_plan import VideoRung
from cutroom.steps import encoding
from cutroom.steps.encoded_rung import sampled_frames
from cutroom.steps.job import Job
from cutroom.steps.scratch import Scratch

PROFILE = """
name: bench
description: Three rungs
video:
  - codec: {codec}
    rungs: [{{box: 640x360, max_bitrate: 1M}}, {{box: 480x270, max_bitrate: 600k}}, {{box: 320x180, max_bitrate: 300k}}]
"""
SAMPLE_EVERY_S = 0.02
FILTERS, RAW = "fc", "rawvideo"
"""How ffmpeg calls its thread of filters, and, as far as a name goes, one that writes frames as they are."""
NO_LIMIT = 1000
"""Cores of a machine on which nothing has to wait."""


def make_film(path: Path, seconds: int) -> None:
    """Moving shapes with a little noise."""
    picture = f"testsrc2=s=640x360:r=25:d={seconds},noise=alls=12:allf=t"
    command = [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", picture, "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-preset", "ultrafast", "-crf", "12", str(path)], check=True)


def descendants(pid: int) -> Iterator[int]:
    """Processes below one."""
    try:
        threads = Path(f"/proc/{pid}/task").iterdir()
        found = [(thread / "children").read_text().split() for thread in threads]
    except OSError:
        return  # it has ended
    for child in (int(one) for of_thread in found for one in of_thread):
        yield child
        yield from descendants(child)


def busy_threads(pid: int) -> tuple[int, int, int]:
    """Of the tools below a process: how many threads there are, how many are busy, and how many of those encode."""
    existing = busy = encoding_ones = 0
    for one in descendants(pid):
        try:
            found = [
                (int(thread.name), (thread / "stat").read_text())
                for thread in Path(f"/proc/{one}/task").iterdir()
            ]
        except OSError:
            continue  # it has ended
        filters = 0
        for _, stat in sorted(found):
            name, _, rest = stat.partition("(")[2].rpartition(")")
            # What an encoder starts is called as the filters are, which are one thread and were there before.
            filters += name.startswith(FILTERS)
            encodes = (name.startswith("enc") and RAW not in name) or (
                name.startswith(FILTERS) and filters > 1
            )
            is_busy = rest.split()[0] == "R"
            existing, busy = existing + 1, busy + is_busy
            encoding_ones += is_busy and encodes
    return existing, busy, encoding_ones


@dataclass
class Threads:
    """What was counted while something ran."""

    existing: list[int] = field(default_factory=list)
    busy: list[int] = field(default_factory=list)
    encoding: list[int] = field(default_factory=list)

    def told(self) -> dict[str, float]:
        """The most that there were, the mean of the busy ones, of all counts and of the busiest second."""
        mean, busiest = _mean_and_busiest(self.busy)
        encoding_mean, encoding_busiest = _mean_and_busiest(self.encoding)
        return {
            "existing": max(self.existing),
            "busy": mean,
            "busiest": busiest,
            "encoding": encoding_mean,
            "encoding_busiest": encoding_busiest,
        }


def _mean_and_busiest(counts: Sequence[int]) -> tuple[float, float]:
    second = min(len(counts), round(1 / SAMPLE_EVERY_S))
    sums = [0, *accumulate(counts)]
    busiest = max(after - before for before, after in zip(sums, sums[second:], strict=False))
    return sums[-1] / len(counts), busiest / second


def used_cores_s() -> float:
    """Seconds of all cores that were not idle since the machine started."""
    # User, nice, system, idle, waiting for disks, and interrupts.
    user, nice, system, _idle, _waiting, *others = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def used_s() -> float:
    """Seconds of CPU that this process and its tools that ended took."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


@contextmanager
def counted() -> Iterator[Threads]:
    """Count the threads of media tools until the block ends."""
    threads, done = Threads(), threading.Event()

    def count() -> None:
        while not done.wait(SAMPLE_EVERY_S):
            existing, busy, encoding_ones = busy_threads(os.getpid())
            if existing:
                threads.existing.append(existing)
                threads.busy.append(busy)
                threads.encoding.append(encoding_ones)

    counting = threading.Thread(target=count)
    counting.start()
    try:
        yield threads
    finally:
        done.set()
        counting.join()


def prepare(folder: Path, codec: str, film: Path) -> dict[str, Any]:
    """The job of a film whose encode chunks are cut."""
    folder.mkdir(parents=True)
    return cut(film, folder, PROFILE.format(codec=codec))


def parallel(folder: Path, codec: str, film: Path, *, cores: int) -> dict[str, float]:
    """Encode the film in as many tasks at once as there are cores, and one more."""
    places = [folder / f"{codec}-{cores}-{n}" for n in range((os.cpu_count() or 1) + 1)]
    jobs = [(place, prepare(place, codec, film)) for place in places]
    work = {"chunk": 0, "codec": codec}

    def encode(place: Path, job: dict[str, Any]) -> None:
        # The scratch folder is what they share.
        shared = Scratch(folder / f"scratch-{codec}-{cores}")
        shop = replace(workshop(film, place), scratch=shared, cores=cores)
        encoding.encode_video(shop, job, work)

    began, machine, own = time.monotonic(), used_cores_s(), used_s()
    with counted() as threads, ThreadPoolExecutor(os.cpu_count()) as pool:
        for one in [pool.submit(encode, *each) for each in jobs]:
            one.result()
    seconds, own = time.monotonic() - began, used_s() - own
    return {**threads.told(), "seconds": seconds, "cpu_s": own, "others_s": used_cores_s() - machine - own}


def decodes(folder: Path, codec: str, film: Path) -> dict[str, dict[str, float]]:
    """The first chunk: all rungs from one decode, and each rung from one of its own, one after the other."""
    place = folder / f"{codec}-decodes"
    shop = workshop(film, place)
    made = Job.from_json(prepare(place, codec, film)).plan(shop.work)
    assert made.video is not None
    video, chunk = made.video, made.video.chunks[0]
    packets = place / "chunk.nut"
    shop.work.get_file(keys.chunk(made.source.sha256, video.track.index, chunk), packets)

    def encode(groups: Sequence[Sequence[VideoRung]]) -> dict[str, float]:
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        for rungs in groups:
            command = argv.encode_video(
                video, chunk, rungs, source=packets,
                outputs=[place / f"{rung.name}.nut" for rung in rungs],
                stats=[place / f"{rung.name}.txt" for rung in rungs],
                samples=[place / f"{rung.name}.samples.nut" for rung in rungs],
                sampling=[sampled_frames(video, chunk, rung) for rung in rungs],
            )  # fmt: skip
            runner.run(command, log=place / "log", on_line=lambda _: None)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return {"seconds": time.monotonic() - began, "cpu_s": cpu}

    return {"one decode": encode([video.rungs]), "one each": encode([[rung] for rung in video.rungs])}


def main(arguments: list[str]) -> None:
    """Measure, print two tables, and leave the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only ladder", description=__doc__)
    parser.add_argument("--codec", choices=VIDEO, action="append")
    parser.add_argument("--seconds", type=int, default=6)
    chosen = parser.parse_args(arguments)
    cores = os.cpu_count() or 1
    figures: dict[str, Any] = {"cores": cores, "threads": {}, "decodes": {}}
    with tempfile.TemporaryDirectory(prefix="cutroom-bench-") as name:
        folder = Path(name)
        film = folder / "film.mp4"
        make_film(film, chosen.seconds)
        print(f"threads, {cores} cores, {cores} tasks at a time", flush=True)
        for codec in chosen.codec or VIDEO:
            found = {"planned": cores, "without a plan": NO_LIMIT}
            figures["threads"][codec] = {
                how: parallel(folder, codec, film, cores=of) for how, of in found.items()
            }
            for how, seen in figures["threads"][codec].items():
                mean, busiest, encoders, most_encoders = (
                    seen[name] / cores for name in ("busy", "busiest", "encoding", "encoding_busiest")
                )
                print(
                    f"{codec:6}{how:16}{seen['existing']:4.0f} exist; busy × cores, on average and in the busiest "
                    f"second: {mean:4.2f} and {busiest:4.2f}, encoders {encoders:4.2f} and {most_encoders:4.2f}; "
                    f"{seen['seconds']:6.1f} s, {seen['cpu_s']:6.1f} s of CPU, others took {seen['others_s']:.1f} s",
                    flush=True,
                )
        print("decode once", flush=True)
        for codec in chosen.codec or VIDEO:
            figures["decodes"][codec] = decodes(folder, codec, film)
            for how, seen in figures["decodes"][codec].items():
                print(f"{codec:6}{how:16}{seen['seconds']:8.2f} s {seen['cpu_s']:8.2f} s of CPU", flush=True)
    print(json.dumps(figures))
