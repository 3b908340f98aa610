"""Recordings put one after the other, each with a clock of its own: shown one after the other, each as it is."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from awkward import AAC, H264, PROFILE, counted, ffmpeg
from counted import SAMPLE_RATE, decode_sound, lag_samples
from cutroom.errors import SourceRejected
from cutroom.media import video_plan as planning
from cutroom.packaging.facts import RenditionFacts
from cutroom.settings import Settings
from cutroom.steps.local import transcode
from shown import first_sound_s, renditions, shown

pytestmark = pytest.mark.media

MOST_S = 0.001 + 1e-6


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """With a join at every segment."""
    monkeypatch.setattr(planning, "TARGET_CHUNK_COST_S", Fraction(1, 10**6))
    monkeypatch.setattr(planning, "CHUNKS_WANTED", 10**6)
    path = tmp_path / "test.yaml"
    path.write_text(PROFILE)
    return str(path)


MPEG2 = ("-c:v", "mpeg2video", "-q:v", "3", "-bf", "2")

MONO = ("-c:a", "mp2", "-ac", "1")
"""Of the first recording; the others have MP2 in stereo at another rate."""

STEREO = ("-c:a", "mp2", "-ac", "2", "-ar", "44100")

JUMPS = {
    "back to the beginning, and far ahead": (".ts", H264, AAC, [(1000, 2), (1.4, 2.28), (50_000, 1.4)]),
    "back by a second, and on where it was": (".ts", H264, ("-c:a", "mp2"), [(10, 2), (11, 2), (13.02, 1)]),
    "of a programme stream": (".vob", MPEG2, ("-c:a", "ac3"), [(300, 2.2), (0.5, 2)]),
    "without sound": (".ts", H264, None, [(500, 2), (3, 1)]),
    "with sound of another rate and layout": (".ts", H264, MONO, [(500, 2), (3, 2)]),
}
"""Suffix, codecs, and when each recording starts on its clock and how long it lasts, in seconds."""


def joined(name: str, folder: Path) -> tuple[Path, list[Path]]:
    """The recordings in one file, and each in its own."""
    suffix, video, audio, recordings = JUMPS[name]
    parts = []
    for number, (starts_s, seconds) in enumerate(recordings):
        path = folder / f"part{number}{suffix}"
        sound = STEREO if audio == MONO and number else audio
        counted("-output_ts_offset", str(starts_s), seconds=seconds, video=video, audio=sound)(path)
        parts.append(path)
    whole = folder / f"source{suffix}"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole, parts


@pytest.mark.parametrize("name", JUMPS)
def test_every_frame_and_sample_of_each_recording_is_published_in_its_place(
    name: str, tmp_path: Path, profile: str
) -> None:
    source, parts = joined(name, tmp_path)
    out = tmp_path / "out"
    version = transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert version.report["ok"], version.report
    (one,) = renditions(out)
    got = shown(out / "renditions" / one.key / "media.m3u8")
    wanted = [shown(part) for part in parts]
    assert [number for number, _ in got] == [number for part in wanted for number, _ in part]
    assert all(later > earlier for (_, earlier), (_, later) in pairwise(got))
    sound = heard(out)
    at = 0
    for path, part in zip(parts, wanted, strict=True):
        times = [time for _, time in got[at : at + len(part)]]
        moved = [a - times[0] - (b - part[0][1]) for a, (_, b) in zip(times, part, strict=True)]
        assert max(map(abs, moved)) <= MOST_S
        if (starts := first_sound_s(path)) is not None:
            own = decode_sound(path)
            begins = round((times[0] + starts - part[0][1]) * SAMPLE_RATE)
            window = sound[max(0, begins) : max(0, begins) + len(own)]
            # Each recording is heard as it is, in step with its own picture.
            assert abs(lag_samples(own, window) - min(0, begins)) <= 0.005 * SAMPLE_RATE
        if at:
            # Nothing between the recordings but what sound and picture differ by in length.
            assert 0.02 - MOST_S <= times[0] - got[at - 1][1] <= 0.04 + 0.09
        at += len(part)


def heard(out: Path) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """All that is heard of a folder; nothing of one without sound."""
    found = [RenditionFacts.load(path.read_bytes()) for path in out.glob("renditions/*/rendition.json")]
    for one in found:
        if one.kind == "audio":
            return decode_sound(out / "renditions" / one.key / "media.m3u8")
    return np.zeros(0, np.float32)


CHAINS = {
    "vorbis": (("-c:a", "libvorbis"), ("-c:a", "libvorbis"), 128),
    "opus": (("-c:a", "libopus"), ("-c:a", "libopus", "-b:a", "64k"), 0),
}
"""How the recordings are made, and how many samples of Vorbis are heard between two: what the first frame goes over
from."""


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_of_ogg_is_heard_as_one_recording(name: str, tmp_path: Path, profile: str) -> None:
    first, second, between = CHAINS[name]
    parts = [chained(tmp_path / f"{n}.ogg", n, *how) for n, how in enumerate((first, second, first))]
    source, out = tmp_path / "source.ogg", tmp_path / "out"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    version = transcode(source, out, profile=profile, settings=Settings(home=tmp_path))
    assert version.report["ok"], version.report
    sound, at = heard(out), 0
    for part in parts:
        own = decode_sound(part)
        assert abs(lag_samples(own, sound[at : at + len(own)])) <= 1
        at += len(own) + between
    # The last frame of AAC is filled up.
    assert 0 <= len(sound) - (at - between) < 1024


def chained(path: Path, seed: int, *how: str) -> Path:
    """A recording whose noise no other has."""
    noise = f"anoisesrc=d={2.013 + seed / 7}:c=pink:r=48000:seed={seed}:a=0.3"
    ffmpeg("-f", "lavfi", "-i", noise, *how, path)
    return path


UNLIKE = {
    "in Ogg only recordings of one track of Vorbis or Opus": (("-c:a", "flac"), ("-c:a", "flac")),
    "its recordings differ in format, channels or sample rate": (
        ("-c:a", "libvorbis"), ("-c:a", "libvorbis", "-ar", "44100"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("reason", UNLIKE)
def test_a_clock_that_jumps_where_it_can_not_be_put_right_is_rejected(
    reason: str, tmp_path: Path, profile: str
) -> None:
    source = tmp_path / "source.ogg"
    parts = [chained(tmp_path / f"{n}.ogg", n, *how) for n, how in enumerate(UNLIKE[reason])]
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(SourceRejected, match=f"clock of the file jumps.*{reason}"):
        transcode(source, tmp_path / "out", profile=profile, settings=Settings(home=tmp_path))
