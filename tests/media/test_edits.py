"""Films whose edit lists play several stretches: published frame by frame and in step, or refused."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from awkward import PROFILE, ffmpeg
from counted import SAMPLE_RATE, decode_sound, lag_samples, make_counted
from cutroom.errors import SourceUnsupported
from cutroom.ffmpeg import probe
from cutroom.media import video_plan as planning
from cutroom.media.limits import Limits
from cutroom.settings import Settings
from cutroom.steps.local import check_folder, transcode
from edited import Entry, write_edited
from shown import renditions, shown

pytestmark = pytest.mark.media

RATE = 25
LIMITS = Limits(stall_s=60)
MOST_S = 0.001 + 1e-6
MOST_LAG = SAMPLE_RATE * 5 // 1000


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    make_counted(
        path, seconds=4, size=(160, 90), audio=("-c:a", "aac"),
        video=("-c:v", "libx264", "-preset", "veryfast", "-crf", "14", "-g", "25", "-bf", "2"),
        # QuickTime's, which leaves room for 23 frames between two.
        extra=("-video_track_timescale", "600"),
    )  # fmt: skip
    return path


def test_stretches_that_begin_anywhere_are_shown_and_heard_one_after_the_other(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back in the film, over what was shown already, and between keyframes; with a join at every segment."""
    monkeypatch.setattr(planning, "TARGET_CHUNK_COST_S", Fraction(1, 10**6))
    monkeypatch.setattr(planning, "CHUNKS_WANTED", 10**6)
    source, out, profile = tmp_path / "source.mp4", tmp_path / "out", tmp_path / "profile.yaml"
    write_edited(film, source, [(1, 2.4, 1), (0.6, 0, 1), (1, 2.4, 1)])
    profile.write_text(PROFILE)
    transcode(source, out, profile=str(profile), settings=Settings(home=tmp_path))
    wanted = [*range(60, 85), *range(15), *range(60, 85)]
    (picture,) = renditions(out)
    found = shown(out / "renditions" / picture.key / "media.m3u8")
    assert [number for number, _ in found] == wanted
    assert all(abs(time - found[0][1] - place / RATE) < MOST_S for place, (_, time) in enumerate(found))
    assert check_folder(out, Settings(home=tmp_path), source)["ok"]

    (sound,) = (one for one in out.glob("renditions/*/media.m3u8") if one.parent.name != picture.key)
    given, heard, at = decode_sound(film), decode_sound(sound), 0
    for lasts, begins in ((1, 2.4), (0.6, 0), (1, 2.4)):
        length, first = round(lasts * SAMPLE_RATE), round(begins * SAMPLE_RATE)
        for part in np.array_split(np.arange(length), 4):
            stretch = given[first + part]
            assert abs(lag_samples(stretch, heard[at + part])) <= MOST_LAG
        at += length


def test_sound_alone_is_silent_where_an_edit_list_pauses(film: Path, tmp_path: Path) -> None:
    alone, source, out = tmp_path / "alone.m4a", tmp_path / "source.m4a", tmp_path / "out"
    ffmpeg("-i", film, "-vn", "-c", "copy", alone)
    write_edited(alone, source, [(1, 2.137, 1), (0.5, None, 1), (1, 0.4, 1)])
    profile = tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    transcode(source, out, profile=str(profile), settings=Settings(home=tmp_path))
    (sound,) = out.glob("renditions/*/media.m3u8")
    given, heard = decode_sound(film), decode_sound(sound)
    for at, begins in ((0, 2.137), (1.5, 0.4)):
        stretch = given[round(begins * SAMPLE_RATE) :][:SAMPLE_RATE]
        assert abs(lag_samples(stretch, heard[round(at * SAMPLE_RATE) :][:SAMPLE_RATE])) <= MOST_LAG
    # Without what an encoder smears.
    assert np.abs(heard[round(1.05 * SAMPLE_RATE) : round(1.45 * SAMPLE_RATE)]).max() < 0.01


@pytest.mark.parametrize(
    ("edits", "reason"),
    [
        ([(1, 0, 1), (0.5, None, 1), (1, 2, 1)], "can't be followed"),
        ([(2, 0, 1), (1, None, 1)], "can't be followed"),
        ([(1, 0, 1), (1, 1, 0), (1, 2, 1)], "as a still"),
        ([(2, 0, 2)], "another speed"),
    ],
)
def test_what_can_not_be_followed_is_refused(
    film: Path, tmp_path: Path, edits: list[Entry], reason: str
) -> None:
    source = tmp_path / "source.mp4"
    write_edited(film, source, edits)
    with pytest.raises(SourceUnsupported, match=reason):
        probe.probe(source, sha256="ab", log=tmp_path / "log", limits=LIMITS)


def test_sound_that_is_played_slower_is_told(film: Path, tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    write_edited(film, source, [(8, 0, 0.5)])
    found, _ = probe.probe(source, sha256="ab", log=tmp_path / "log", limits=LIMITS)
    told = [note.split(" is meant")[0] for note in found.notes if "0.5 times its own" in note]
    assert told == ["The picture", "The sound of track 1"]
