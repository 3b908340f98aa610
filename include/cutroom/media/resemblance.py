"""Whether two recordings show the same pictures, one by one. Pure.

Both are first reduced to a few pixels a frame. There every codec keeps the picture, so that a frame that is another
one, or has other colours, can be told from one that was only coded.
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

LASTING_FRAMES = 12
"""Frames over which what coding changes is averaged out, and other colours, or a part that is missing, are not."""

LEAST_LASTING, LEAST_SUDDEN = 6.0, 18.0
"""Root mean square difference, of 255, that tells of them: of so many frames on average, and of one. Starved of bits
the films of the corpus have 3.3 and 9.6; those that are taken for another range have 8 to 16."""

MAPPED = 2
"""How many times more it takes where the source was mapped from HDR: to map a mean is not to take the mean of what is
mapped (5.0 in the corpus, of a film that is not starved)."""

FLAT = 2.0
"""Standard deviation, of 255, below which a picture has nothing that could be told from another."""

_BATCH = 2048

Frames = npt.NDArray[np.uint8]
"""One row of `WIDTH * HEIGHT` pixels for each frame, red, green and blue of each."""

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""What of the three is seen as brightness (ITU-R BT.709)."""

Unit = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resemblance:
    """What comparing two recordings frame by frame showed. Differences are one less the correlation: 0 to 2."""

    frames: int
    """How many were compared."""
    usual: float
    """A low percentile of the differences."""
    most: float
    most_at: int
    """Number of the frame that differs most."""
    others: int
    """Frames that show another one, nothing of the source, or their own in other colours."""
    first: int | None = None
    """The first of them."""
    shows: int | None = None
    """What that one shows: its own number, where it has other colours; None: no frame that is near."""


def read(path: Path, *, rotation: int = 0, mirrored: bool = False) -> Frames:
    """Frames that lie in a file one after the other, turned as a player turns them.

    Args:
        path: Pixels; `HEIGHT` times `WIDTH` where the picture is turned by a quarter.
        rotation: Clockwise degrees.
        mirrored: Whether the picture is flipped left to right before it is turned.
    """
    if not path.stat().st_size:
        return np.empty((0, WIDTH * HEIGHT * 3), np.uint8)
    flat = np.memmap(path, np.uint8, "r")
    if not rotation and not mirrored:
        return flat.reshape(-1, WIDTH * HEIGHT * 3)
    width, height = (HEIGHT, WIDTH) if rotation in {90, 270} else (WIDTH, HEIGHT)
    pictures = flat.reshape(-1, height, width, 3)
    if mirrored:
        pictures = pictures[:, :, ::-1]
    return np.rot90(pictures, -(rotation // 90), axes=(1, 2)).reshape(-1, WIDTH * HEIGHT * 3)


def compare(source: Frames, shown: Frames, *, is_mapped: bool = False) -> Resemblance | None:
    """Hold each frame against the one in the same place of the source, and against those near it.

    Args:
        source: Its frames.
        shown: Those that are held against them.
        is_mapped: Whether the source's were mapped from HDR as they were small.

    Returns:
        None: there is nothing to compare.
    """
    count = min(len(source), len(shown))
    if not count:
        return None
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
    # Pictures of one colour have no shape.
    own[np.isnan(own)] = 0
    usual = float(np.percentile(own, USUAL_PERCENT))
    moved = (own > LEAST_MOVED) & (nearest * TIMES_NEARER < own)
    # In a fade a faint picture is as like to the full one of its scene, but for its brightness.
    likely = np.flatnonzero(moved)
    moved[likely] = _apart(_grey(shown[likely]), _grey(source[where[likely]])) < _apart(
        _grey(shown[likely]), _grey(source[likely])
    )
    unlike = own > min(MOST_DIFFERENT, max(DIFFERENT, TIMES_USUAL * usual))
    likely = np.flatnonzero(unlike)
    unlike[likely] = _apart(_grey(shown[likely]), _grey(source[likely])) > LEAST_SEEN
    tinted = _tinted(source[:count], shown[:count], MAPPED if is_mapped else 1)
    wrong = np.flatnonzero(moved | unlike | tinted)
    most = int(np.argmax(own))
    return Resemblance(
        frames=count,
        usual=round(usual, 4),
        most=round(float(own[most]), 4),
        most_at=most,
        others=len(wrong),
        first=int(wrong[0]) if len(wrong) else None,
        shows=_shows(int(wrong[0]), moved, unlike, where) if len(wrong) else None,
    )


def _shows(
    frame: int, moved: npt.NDArray[np.bool_], unlike: npt.NDArray[np.bool_], where: npt.NDArray[np.int64]
) -> int | None:
    if moved[frame]:
        return int(where[frame])
    return None if unlike[frame] else frame


def _tinted(source: Frames, shown: Frames, times: int) -> npt.NDArray[np.bool_]:
    """Which frames have other colours than the source's, or lack a part: for a while, or all at once.

    Where few bits are left a fade comes late: such frames are like others that are near.
    """
    found = np.zeros(len(shown), np.bool_)
    least_lasting, least_sudden = times * LEAST_LASTING, times * LEAST_SUDDEN
    for first in range(0, len(shown), LASTING_FRAMES):
        frames = shown[first : first + LASTING_FRAMES].astype(np.float32)
        apart = _size(frames - source[first : first + len(frames)])
        low = max(0, first - REACH)
        near = source[low : first + len(frames) + REACH].astype(np.float32)
        if apart.mean() > least_lasting:
            lasting = min(
                float(_size((frames - near[at : at + len(frames)]).mean(axis=0, keepdims=True))[0])
                for at in range(len(near) - len(frames) + 1)
            )
            if lasting > least_lasting:
                found[first : first + len(frames)] = apart > least_lasting
                continue
        for number in np.flatnonzero(apart > least_sudden):
            found[first + number] = _size(frames[number] - near).min() > least_sudden
    return found


def _grey(frames: Frames) -> Unit:
    """Their brightness alone."""
    return frames.reshape(-1, WIDTH * HEIGHT, 3).astype(np.float32) @ LUMA


def _size(differences: Unit) -> Unit:
    """Root mean squares."""
    sizes: Unit = np.sqrt((differences**2).mean(axis=1))
    return sizes


def _apart(some: Unit, others: Unit) -> Unit:
    """Root mean square differences of frames from others as they are, brightness and contrast included."""
    return _size(some - others)


def _unit(frames: Frames) -> tuple[Unit, npt.NDArray[np.bool_]]:
    """Frames without their brightness and contrast, which are the displays', and which of them are of one colour."""
    values = _grey(frames)
    values -= values.mean(axis=1, keepdims=True)
    size = np.sqrt((values**2).sum(axis=1, keepdims=True))
    is_flat = size[:, 0] < FLAT * np.sqrt(WIDTH * HEIGHT)
    return values / np.maximum(size, 1e-6), is_flat
