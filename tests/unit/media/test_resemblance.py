"""Frames that show another picture are told from frames that were only coded."""

from pathlib import Path

import numpy as np
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
    return frames.reshape(count, -1).astype(np.uint8)


def coded(frames: Frames) -> Frames:
    """As a low bit rate and a tone mapping leave them."""
    noise = np.random.default_rng(3).normal(0, 4, frames.shape)
    return np.clip(255 * (frames / 255.0) ** 1.4 * 0.8 + 20 + noise, 0, 255).astype(np.uint8)


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
    noise = np.random.default_rng(3).normal(0, 1.5, scene.shape)
    faded = compare(np.clip(scene + noise, 0, 255).astype(np.uint8), scene.astype(np.uint8))
    assert faded is not None
    assert (faded.most_at, faded.others) == (0, 0)
    assert faded.most > LEAST_MOVED


def test_a_scene_too_faint_to_be_seen_shows_no_other_one() -> None:
    """What an encoder leaves of the first frames of a fade is as good as nothing of them, and nobody sees it."""
    noise = np.random.default_rng(4).normal(0, 2.5, (2, 3, WIDTH * HEIGHT))
    films = [np.concatenate([film(20)[:17], 20 + dim]).astype(np.uint8) for dim in noise]
    faint = compare(films[0], films[1])
    assert faint is not None
    assert (faint.frames, faint.others) == (20, 0)
    assert faint.most > DIFFERENT


def test_another_film_is_found() -> None:
    other = np.random.default_rng(5).integers(0, 255, (COUNT, WIDTH * HEIGHT), np.uint8)
    assert found(other).others == COUNT


def test_pictures_of_one_colour_are_not_told_apart() -> None:
    grey = np.full((3, WIDTH * HEIGHT), 128, np.uint8)
    assert compare(grey, grey + 1) is None
    assert compare(grey[:0], grey[:0]) is None


def test_frames_are_turned_as_a_player_turns_them(tmp_path: Path) -> None:
    picture = film(1).reshape(HEIGHT, WIDTH)
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
        assert (read(path, rotation=rotation, mirrored=mirrored).reshape(HEIGHT, WIDTH) == picture).all()


def test_a_track_without_frames_is_read(tmp_path: Path) -> None:
    (tmp_path / "small").write_bytes(b"")
    assert read(tmp_path / "small").shape == (0, WIDTH * HEIGHT)
