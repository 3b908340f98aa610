"""Frames that show another picture are told from frames that were only coded."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cutroom.media.resemblance import (
    DIFFERENT,
    HEIGHT,
    LEAST_MOVED,
    WIDTH,
    Frames,
    Resemblance,
    compare,
    read,
)

COUNT = 60


def film(count: int = COUNT) -> Frames:
    """A slow pan over a landscape, 2 pixels in 5 frames: neighbours are alike, and not the same."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    place = columns + 0.4 * np.arange(count)[:, None, None]
    frames = 120 + 60 * np.sin(place / 5) * np.cos(rows / 4) + 40 * np.sin(place / 2 + rows)
    return in_colour(frames.reshape(count, -1))


def in_colour(grey: npt.NDArray[np.float64]) -> Frames:
    """Grey pixels as red, green and blue ones."""
    return np.repeat(np.clip(grey, 0, 255), 3, axis=1).astype(np.uint8)


def coded(frames: Frames) -> Frames:
    """As a low bit rate leaves them."""
    noise = np.random.default_rng(3).normal(0, 4, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


def mapped(frames: Frames) -> Frames:
    """As a tone mapping of another kind leaves them."""
    return (255 * (frames / 255.0) ** 1.1 * 0.97).astype(np.uint8)


def in_another_range(frames: Frames) -> Frames:
    return (frames * (219 / 255) + 16).astype(np.uint8)


def with_red_and_blue_exchanged(frames: Frames) -> Frames:
    return np.ascontiguousarray(frames.reshape(len(frames), -1, 3)[:, :, ::-1]).reshape(frames.shape)


def without_a_part(frames: Frames) -> Frames:
    """A tenth of the picture is black."""
    left = frames.reshape(len(frames), HEIGHT, WIDTH, 3).copy()
    left[:, 4:10, 8:18] = 0
    return left.reshape(frames.shape)


def found(shown: Frames) -> Resemblance:
    resemblance = compare(film(), shown)
    assert resemblance is not None
    return resemblance


def test_frames_that_were_only_coded_are_the_same() -> None:
    same = found(coded(film()))
    assert (same.frames, same.others, same.first) == (COUNT, 0, None)


@pytest.mark.parametrize(("at", "shows"), [(20, 26), (30, 22), (0, 9), (COUNT - 1, COUNT - 10)])
def test_a_frame_that_shows_one_near_it_is_found(at: int, shows: int) -> None:
    shown = coded(film())
    shown[at] = shown[shows]
    moved = found(shown)
    assert (moved.others, moved.first) == (1, at)
    assert moved.shows is not None
    assert abs(moved.shows - shows) <= 1


def test_frames_that_change_places_are_found_where_most_do() -> None:
    shown = coded(film())
    shown[:50] = np.roll(shown[:50], 25, axis=0)
    assert found(shown).others > 20


def test_a_scene_that_fades_in_shows_no_other_frame() -> None:
    """A faint picture without its noise is more like the full one of its scene than like itself with it."""
    strength = np.minimum(1, np.arange(COUNT) / 8 + 0.08)[:, None]
    scene = np.repeat(film(1), COUNT, axis=0) * strength
    noise = np.repeat(np.random.default_rng(3).normal(0, 1.5, (COUNT, WIDTH * HEIGHT)), 3, axis=1)
    faded = compare(np.clip(scene + noise, 0, 255).astype(np.uint8), scene.astype(np.uint8))
    assert faded is not None
    assert (faded.most_at, faded.others) == (0, 0)
    assert faded.most > LEAST_MOVED


def test_a_scene_too_faint_to_be_seen_shows_no_other_one() -> None:
    """What an encoder leaves of the first frames of a fade is as good as nothing of them, and nobody sees it."""
    noise = np.random.default_rng(4).normal(0, 2.5, (2, 3, WIDTH * HEIGHT))
    films = [np.concatenate([film(20)[:17], in_colour(20 + dim)]) for dim in noise]
    faint = compare(films[0], films[1])
    assert faint is not None
    assert (faint.frames, faint.others) == (20, 0)
    assert faint.most > DIFFERENT


def test_another_film_is_found() -> None:
    other = np.random.default_rng(5).integers(0, 255, (COUNT, WIDTH * HEIGHT * 3), np.uint8)
    assert found(other).others == COUNT


@pytest.mark.parametrize(
    "fault", [in_another_range, with_red_and_blue_exchanged, without_a_part], ids=lambda one: one.__name__
)
@pytest.mark.parametrize("last", [36, COUNT])
def test_a_chunk_in_other_colours_is_found(fault: Callable[[Frames], Frames], last: int) -> None:
    given = film()
    # Warm, and rather dark.
    given[:, 1::3] //= 2
    given[:, 2::3] //= 4
    shown = coded(given)
    shown[12:last] = fault(shown[12:last])
    alike = compare(given, shown)
    assert alike is not None
    assert (alike.others, alike.first, alike.shows) == (last - 12, 12, 12)


@pytest.mark.parametrize("grey", [0, 255])
def test_a_frame_of_one_colour_is_found(grey: int) -> None:
    shown = coded(film())
    shown[20] = grey
    assert (found(shown).others, found(shown).first) == (1, 20)


def test_a_fade_that_comes_late_has_no_other_colours() -> None:
    """Where few bits are left an encoder lets the picture be for a while."""
    strength = np.clip((np.arange(COUNT) - 18) / 20, 0, 1)[:, None]
    given = (np.repeat(film(1), COUNT, axis=0) * strength).astype(np.uint8)
    late = compare(given, np.concatenate([given[:5], given[:-5]]))
    assert late is not None
    assert late.others == 0


def test_what_was_mapped_from_hdr_may_differ_by_more() -> None:
    assert found(mapped(film())).others == COUNT
    differs = compare(film(), mapped(film()), is_mapped=True)
    assert differs is not None
    assert differs.others == 0


def test_pictures_of_one_colour_are_told_apart_by_it() -> None:
    grey = np.full((3, WIDTH * HEIGHT * 3), 128, np.uint8)
    same, other = compare(grey, grey + 1), compare(grey, grey + 30)
    assert same is not None
    assert other is not None
    assert (same.others, other.others) == (0, 3)
    assert compare(grey[:0], grey[:0]) is None


def test_frames_are_turned_as_a_player_turns_them(tmp_path: Path) -> None:
    picture = film(1).reshape(HEIGHT, WIDTH, 3)
    path = tmp_path / "small"
    stored = {
        (0, False): picture,
        (180, False): picture[::-1, ::-1],
        # Turned clockwise it is the picture: stored it lies counterclockwise.
        (90, False): np.rot90(picture, 1),
        (270, False): np.rot90(picture, -1),
        (0, True): picture[:, ::-1],
        (90, True): np.rot90(picture, 1)[:, ::-1],
    }
    for (rotation, mirrored), lies in stored.items():
        path.write_bytes(np.ascontiguousarray(lies).tobytes())
        assert (read(path, rotation=rotation, mirrored=mirrored).reshape(picture.shape) == picture).all()


def test_a_track_without_frames_is_read(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"")
    assert read(tmp_path / "small").shape == (0, WIDTH * HEIGHT * 3)
