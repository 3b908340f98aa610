"""The folder that `cutroom transcode` writes: where a run works in it, and how what it made takes its place."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

from cutroom.errors import Conflict, SourceRejected, UsageError
from cutroom.media.version import PublishedVersion
from cutroom.steps.stored import REPORT

WORK_FOLDER = ".work"
"""Holds what is half done: a run that was stopped goes on from it."""

_IN_A_RENDITION = re.compile(r"renditions/rn_\w+/[^/]+")


@contextmanager
def work_in(out: Path) -> Iterator[Path]:
    """A folder inside, for one run at a time; it stays only where trying again may help.

    Raises:
        UsageError: `out` is no folder, or none that can be written.
        Conflict: Another run is writing it.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder.")
    is_new = not out.exists()
    work = out.resolve() / WORK_FOLDER
    try:
        work.mkdir(parents=True, exist_ok=True)
        held = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"{out} can't be written: {error.strerror}.") from error
    try:
        _lock(held, out)
        # Of tools that were ended in the middle; what they had finished is elsewhere.
        shutil.rmtree(work / "scratch", ignore_errors=True)
        yield work
    except SourceRejected:
        shutil.rmtree(work)
        if is_new:
            out.rmdir()
        raise
    else:
        shutil.rmtree(work)
    finally:
        os.close(held)


def _lock(held: int, out: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(f"Another `cutroom transcode` is writing {out}; name another folder.") from error


def reveal(media: Path, out: Path, version: PublishedVersion) -> None:
    """Move a verified version into its place: leaves first, the manifests last.

    What only the version before it had is removed then; what is nobody's stays.

    Args:
        media: Where it was made.
        out: The folder of `work_in`.
        version: Which renditions it has.
    """
    before = _noted(out)
    shown = sorted(one.rendition_key for one in version.renditions)
    for rendition in (media / "renditions" / key for key in shown):
        target = out / "renditions" / rendition.name
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(exist_ok=True)
        rendition.replace(target)
    files = sorted(one for one in media.iterdir() if one.is_file())
    for one in sorted(files, key=lambda path: path.suffix in {".m3u8", ".mpd"}):
        one.replace(out / one.name)
    for path in before - _noted(out):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _noted(out: Path) -> set[Path]:
    """The files of the version in a folder, and the folders of its renditions, as its report names them."""
    try:
        names = [*json.loads((out / REPORT).read_bytes())["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    files = {out / name for name in names if PurePath(name).name == name != ".."}
    return files | {out / name.rpartition("/")[0] for name in names if _IN_A_RENDITION.fullmatch(name)}
