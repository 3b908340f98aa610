"""Every class of source that docs/sources.md names: published with all its frames at their times, or rejected."""

from fractions import Fraction
from pathlib import Path

import pytest

from awkward import PROFILE, SOURCES, Awkward
from cutroom.errors import SourceCorrupt
from cutroom.media import video_plan as planning
from cutroom.settings import Settings
from cutroom.steps.local import check_folder, transcode
from shown import first_sound_s, renditions, shown

pytestmark = pytest.mark.media

HELD_AGAINST_THE_FILE = {"decode times for presentation times", "described anew midway"}
"""What `verify --source` is tried with, too: the file's own decode tells other times, or its first description other
pictures."""

MOST_S = 0.001 + 1e-6
"""How far a frame may be from its place: a millisecond, and what a sum of decimals loses."""


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "test.yaml"
    path.write_text(PROFILE)
    return str(path)


@pytest.fixture(autouse=True)
def one_segment_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut at every segment."""
    monkeypatch.setattr(planning, "TARGET_CHUNK_COST_S", Fraction(1, 10**6))
    monkeypatch.setattr(planning, "CHUNKS_WANTED", 10**6)


def difference(one: Awkward, source: Path, out: Path) -> str | None:
    """What is published other than an independent decode of the source shows it; None where all is equal."""
    wanted = shown(source)
    numbers = [number for number, _ in wanted]
    if one.frames is not None and len(wanted) != one.frames:
        return f"the source shows {len(wanted)} frames, not {one.frames}"
    times = [time for _, time in wanted] if one.times is None else [float(one.times * n) for n in numbers]
    start = min([times[0], *([] if (sound := first_sound_s(source)) is None else [sound])])
    for rendition in renditions(out):
        got = shown(out / "renditions" / rendition.key / "media.m3u8")
        if one.is_counted and [number for number, _ in got] != numbers:
            return f"frames {[number for number, _ in got]} instead of {numbers}"
        if len(got) != len(wanted):
            return f"{len(got)} frames instead of {len(wanted)}"
        moved = max(abs(time - (place - start)) for (_, time), place in zip(got, times, strict=True))
        if moved > MOST_S:
            return f"a frame is {moved * 1000:.2f} ms from its place"
    return None


@pytest.mark.parametrize("name", SOURCES)
def test_an_awkward_source_is_published_with_all_its_frames_at_their_times(
    name: str, tmp_path: Path, profile: str
) -> None:
    one = SOURCES[name]
    source, out = tmp_path / f"source{one.suffix}", tmp_path / "out"
    one.make(source)
    transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert renditions(out)
    assert difference(one, source, out) is None
    if name in HELD_AGAINST_THE_FILE:
        assert check_folder(out, Settings(home=tmp_path), source)["ok"]


@pytest.mark.parametrize("name", [name for name, one in SOURCES.items() if one.damaged])
def test_a_file_without_its_end_is_rejected_unless_the_profile_says_otherwise(
    name: str, tmp_path: Path, profile: str
) -> None:
    one = SOURCES[name]
    source, out = tmp_path / f"source{one.suffix}", tmp_path / "out"
    one.make(source)
    Path(profile).write_text(PROFILE.replace("damaged: publish", "damaged: reject"))
    with pytest.raises(SourceCorrupt, match=f"{one.damaged}.*damaged: publish"):
        transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert not (out / "master.m3u8").exists()
