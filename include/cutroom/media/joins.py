"""Quality of the frames around the joins of a track, held against the chunks on both sides. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

FRAMES_AT_JOIN = 4
"""Frames on each side of a join whose quality counts: about 0.15 s, what the eye takes for one moment."""

BAND_DB = 3.0
"""How far below the mean of its chunk the quality at a join may be."""

SETTLED_DB = 42.0
"""Above this a difference to the source can't be seen, so it does not count either."""

SPOILT_DB = 15.0
"""Below this a frame shows hardly anything of its source."""

RUNS_BETWEEN = 4
"""Stretches of as many frames between its ends that stand for the rest of a chunk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which frames of a chunk are compared with what its encoder was given."""

    head: int
    """Frames before this tick are at the chunk's beginning."""
    tail: int
    """Frames from this tick on are at its end."""
    every: int
    """Between them the first of every so many frames are taken."""

    def picked(self, ticks: Sequence[int]) -> list[int]:
        """Numbers of the frames that are compared, by the times of all frames of the chunk, ascending."""
        return [
            number
            for number, tick in enumerate(ticks)
            if tick < self.head or tick >= self.tail or number % self.every < FRAMES_AT_JOIN
        ]


def sampling_of(start: int, end: int, frame_ticks: int) -> Sampling:
    """The sampling of a chunk from one tick up to another, with frames that last so long."""
    near = FRAMES_AT_JOIN * frame_ticks
    every = max(2 * FRAMES_AT_JOIN, (end - start) // (RUNS_BETWEEN * frame_ticks))
    return Sampling(head=start + near, tail=end - near, every=every)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """PSNR of the encoded frames of a chunk against the frames that reached the encoder, in dB."""

    mean_db: float
    first_db: float
    """Mean of its first frames."""
    last_db: float
    """Mean of its last frames."""
    worst_db: float
    """Least mean of as many frames in a row anywhere between them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """Where one encode chunk ends and the next begins."""

    at_ticks: int
    """Time of the first frame of the later chunk."""
    before_db: float
    after_db: float
    mean_before_db: float
    mean_after_db: float
    worst_elsewhere_db: float

    @property
    def is_even(self) -> bool:
        """Whether each side lies within the band below the mean of its chunk, or can't be told from the source.

        Where the pictures themselves change at a join, the chunk on the other side, or the worst moment away from the
        joins, says how well such pictures are encoded. Neither is known of a scene that begins a few frames before.
        """
        usual = min(self.mean_before_db, self.mean_after_db) - BAND_DB
        least = min(SETTLED_DB, usual, self.worst_elsewhere_db - BAND_DB / 2)
        return min(self.before_db, self.after_db) >= least

    @property
    def is_spoilt(self) -> bool:
        """Whether a side is so poor that no picture explains it."""
        return not self.is_even and min(self.before_db, self.after_db) < SPOILT_DB


def quality_of(psnr_db: Sequence[float]) -> Quality | None:
    """The quality of a chunk from that of the frames that were compared, in order; None without frames."""
    if not psnr_db:
        return None
    count = min(FRAMES_AT_JOIN, len(psnr_db))
    means = [sum(psnr_db[at : at + count]) / count for at in range(len(psnr_db) - count + 1)]
    inside = means[count:-count] or means
    return Quality(
        mean_db=round(sum(psnr_db) / len(psnr_db), 2),
        first_db=round(means[0], 2),
        last_db=round(means[-1], 2),
        worst_db=round(min(inside), 2),
    )


def joins_of(chunks: Sequence[tuple[int, Quality | None]]) -> tuple[Join, ...]:
    """The joins of a track.

    Args:
        chunks: For each chunk the time of its first frame in ticks, and its quality.

    Returns:
        The joins whose sides were both measured, in order.
    """
    return tuple(
        Join(
            at_ticks=at,
            before_db=before.last_db,
            after_db=after.first_db,
            mean_before_db=before.mean_db,
            mean_after_db=after.mean_db,
            worst_elsewhere_db=min(before.worst_db, after.worst_db),
        )
        for (_, before), (at, after) in pairwise(chunks)
        if before is not None and after is not None
    )
