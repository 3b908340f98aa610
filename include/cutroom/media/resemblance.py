"""Whether two recordings show the same pictures, one by one. Pure.

Both are first reduced to a few grey pixels a frame. There every codec keeps the picture, so that a frame that is
another one can be told from one that was only coded.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 32, 18
"""Of a frame as it is compared, in pixels; the source's is turned once it is as small."""

REACH = 12
"""Frames before and after a frame's place that are held against it, too."""

LEAST_MOVED = 0.02
"""Least difference from its own frame of one that shows another; below it nobody sees which it is."""

TIMES_NEARER = 4
"""How many times nearer it must be to that other one."""

DIFFERENT, TIMES_USUAL, MOST_DIFFERENT = 0.4, 10, 0.6
"""Least difference of another picture: so many times what is usual, within these bounds. Tone mapping and low bit rates
make some of it, and of all pictures."""

LEAST_SEEN = 6.0
"""Root mean square difference, of 255, below which nobody sees that it is another picture: where a scene fades in, an
encoder leaves little of it."""

USUAL_PERCENT = 10
"""Percentile that is usual: most of a film may be wrong."""

FLAT = 2.0
"""Standard deviation, of 255, below which a picture has nothing that could be told from another."""

_BATCH = 2048

Frames = npt.NDArray[np.uint8]
"""One row of `WIDTH * HEIGHT` pixels for each frame."""

Unit = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resemblance:
    """What comparing two recordings frame by frame showed. Differences are one less the correlation: 0 to 2."""

    frames: int
    """How many were compared: those that are not of one colour."""
    usual: float
    """A low percentile of the differences."""
    most: float
    most_at: int
    """Number of the frame that differs most."""
    others: int
    """Frames that show another one, or nothing of the source."""
    first: int | None = None
    """The first of them."""
    shows: int | None = None
    """What that one shows; None: no frame that is near."""


def read(path: Path, *, rotation: int = 0, mirrored: bool = False) -> Frames:
    """Frames that lie in a file one after the other, turned as a player turns them.

    Args:
        path: Grey pixels; `HEIGHT` times `WIDTH` where the picture is turned by a quarter.
        rotation: Clockwise degrees.
        mirrored: Whether the picture is flipped left to right before it is turned.
    """
    if not path.stat().st_size:
        return np.empty((0, WIDTH * HEIGHT), np.uint8)
    flat = np.memmap(path, np.uint8, "r")
    if not rotation and not mirrored:
        return flat.reshape(-1, WIDTH * HEIGHT)
    width, height = (HEIGHT, WIDTH) if rotation in {90, 270} else (WIDTH, HEIGHT)
    pictures = flat.reshape(-1, height, width)
    if mirrored:
        pictures = pictures[:, :, ::-1]
    return np.rot90(pictures, -(rotation // 90), axes=(1, 2)).reshape(-1, WIDTH * HEIGHT)


def compare(source: Frames, shown: Frames) -> Resemblance | None:
    """Hold each frame against the one in the same place of the source, and against those near it.

    Returns:
        None: there is nothing to compare, as the pictures are of one colour, or as there are none.
    """
    count = min(len(source), len(shown))
    own = np.full(count, np.nan, np.float32)
    nearest = np.full(count, np.inf, np.float32)
    where = np.zeros(count, np.int64)
    for first in range(0, count, _BATCH):
        last = min(count, first + _BATCH)
        low = max(0, first - REACH)
        near, near_flat = _unit(source[low : min(len(source), last + REACH)])
        frames, is_flat = _unit(shown[first:last])
        for shift in range(-REACH, REACH + 1):
            places = np.arange(first, last) + shift - low
            there = (places >= 0) & (places < len(near))
            there[there] &= ~near_flat[places[there]]
            there &= ~is_flat
            difference = 1 - np.einsum("np,np->n", frames[there], near[places[there]])
            at = np.flatnonzero(there) + first
            if shift == 0:
                own[at] = difference
            else:
                closer = difference < nearest[at]
                nearest[at[closer]], where[at[closer]] = difference[closer], at[closer] + shift
    told = np.flatnonzero(~np.isnan(own))
    if not len(told):
        return None
    usual = float(np.percentile(own[told], USUAL_PERCENT))
    moved = (own > LEAST_MOVED) & (nearest * TIMES_NEARER < own)
    # In a fade a faint picture is as like to the full one of its scene, but for its brightness.
    likely = np.flatnonzero(moved)
    moved[likely] = _apart(shown[likely], source[where[likely]]) < _apart(shown[likely], source[likely])
    unlike = own > min(MOST_DIFFERENT, max(DIFFERENT, TIMES_USUAL * usual))
    likely = np.flatnonzero(unlike)
    unlike[likely] = _apart(shown[likely], source[likely]) > LEAST_SEEN
    other = moved | unlike
    wrong = np.flatnonzero(other)
    most = int(told[np.argmax(own[told])])
    first_wrong = int(wrong[0]) if len(wrong) else None
    return Resemblance(
        frames=len(told),
        usual=round(usual, 4),
        most=round(float(own[most]), 4),
        most_at=most,
        others=len(wrong),
        first=first_wrong,
        shows=None if first_wrong is None or not moved[first_wrong] else int(where[first_wrong]),
    )


def _apart(some: Frames, others: Frames) -> Unit:
    """Root mean square differences of frames from others as they are, brightness and contrast included."""
    differences: Unit = np.sqrt(((some.astype(np.float32) - others) ** 2).mean(axis=1))
    return differences


def _unit(frames: Frames) -> tuple[Unit, npt.NDArray[np.bool_]]:
    """Frames without their brightness and contrast, which are the displays', and which of them are of one colour."""
    values = frames.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    size = np.sqrt((values**2).sum(axis=1, keepdims=True))
    is_flat = size[:, 0] < FLAT * np.sqrt(WIDTH * HEIGHT)
    return values / np.maximum(size, 1e-6), is_flat
