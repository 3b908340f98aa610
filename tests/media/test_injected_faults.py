"""Faults put into real encodes, renditions and manifests: each is caught, and nothing of it is published."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.packet import Packet

from counted import SAMPLE_RATE, decode_sound, make_counted
from cutroom.errors import CutroomError, ObjectCorrupt, VerificationFailed
from cutroom.ffmpeg import quality, tools
from cutroom.media.plan import Plan
from cutroom.packaging import packager
from cutroom.settings import Settings
from cutroom.steps import assembling, publishing
from cutroom.steps.local import check_folder, transcode

pytestmark = pytest.mark.media

PROFILE = """
name: test
description: Two rungs, so that each can be held against the other
segment_s: 1
video:
  - codec: {codec}
    preset: "{preset}"
    rungs:
      - {{box: 160x90, max_bitrate: 1M}}
      - {{box: 80x46, max_bitrate: 500k}}
audio:
  - codec: aac
    bitrates: [96k]
closest_rungs: 1
"""

Sound = npt.NDArray[np.float32]

PRESETS = {"h264": "ultrafast", "hevc": "ultrafast", "vp9": "8", "av1": "12"}


@dataclass(frozen=True)
class Stopped:
    """A run that ended after encoding: its folder, and what it was about to make."""

    source: Path
    profile: str
    out: Path

    @property
    def plan(self) -> Plan:
        (path,) = self.out.glob(".work/work/plans/*/plan.json")
        return Plan.load(path.read_bytes())

    def encode(self, kind: str, number: int = 1) -> Path:
        """The n-th encode of the first rendition of a kind."""
        rendition = next(one for one in self.plan.renditions if one.kind == kind)
        return self.out / ".work/work/encodes" / rendition.encode_keys[number] / "media"

    def go_on(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            # As many joins as there can be.
            patch.setattr("cutroom.media.video_plan.FEWEST_CHUNKS", 10**6)
            patch.setattr("cutroom.media.video_plan.MIN_CHUNK_COST_S", 0)
            transcode(self.source, self.out, profile=self.profile, settings=Settings(home=self.out))

    @property
    def shows_nothing(self) -> bool:
        return not any((self.out / name).exists() for name in ("master.m3u8", "manifest.mpd", "renditions"))


def _dies(*_: object) -> None:
    raise MemoryError("the machine is gone")


@pytest.fixture(scope="module", params=PRESETS)
def encoded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    """Four seconds in four chunks of a second each, encoded with one codec."""
    folder = tmp_path_factory.mktemp("encoded")
    source, profile = folder / "source.mp4", folder / "test.yaml"
    make_counted(source, seconds=4, size=(160, 90), audio=("-c:a", "aac"))
    profile.write_text(PROFILE.format(codec=request.param, preset=PRESETS[request.param]))
    stopped = Stopped(source, str(profile), folder / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembling, "assemble", _dies)
        with pytest.raises(MemoryError):
            stopped.go_on()
    return stopped


@pytest.fixture
def run(encoded: Stopped, tmp_path: Path) -> Stopped:
    """A copy of it to spoil."""
    out = tmp_path / "out"
    shutil.copytree(encoded.out, out, symlinks=True)
    return Stopped(encoded.source, encoded.profile, out)


def rewritten(media: Path, made: Path) -> None:
    """Put another encode in the place of one, as if it had been made and stored like this."""
    made.replace(media)
    facts = media.with_name("facts.json")
    if not facts.exists():
        return
    known = json.loads(facts.read_text())
    known |= {"sha256": hashlib.sha256(media.read_bytes()).hexdigest(), "size_bytes": media.stat().st_size}
    facts.write_text(json.dumps(known))


def edited(media: Path, edit: Callable[[list[Packet]], list[Packet]]) -> None:
    made = media.with_suffix(".made.nut")
    with av.open(str(media)) as given, av.open(str(made), "w", format="nut") as output:
        stream = output.add_stream_from_template(given.streams.video[0], opaque=True)
        output.start_encoding()
        for packet in edit([one for one in given.demux(given.streams.video[0]) if one.size]):
            packet.stream = stream
            output.mux(packet)
    rewritten(media, made)


def converted(media: Path, *arguments: str, container: str = "nut") -> None:
    made = media.with_suffix(f".made.{container}")
    command = [tools.path("ffmpeg"), "-v", "error", "-y", "-i", media, *arguments, "-f", container, made]
    subprocess.run(command, check=True)
    rewritten(media, made)


def lose_a_frame(run: Stopped) -> None:
    edited(run.encode("video"), lambda packets: packets[:-1])


def double_a_frame(run: Stopped) -> None:
    def double(packets: list[Packet]) -> list[Packet]:
        again = Packet(bytes(packets[-1]))
        again.time_base = packets[-1].time_base
        again.pts, again.dts = (packets[-1].pts or 0) + 1, (packets[-1].dts or 0) + 1
        return [*packets, again]

    edited(run.encode("video"), double)


def shift_a_time(run: Stopped) -> None:
    def shift(packets: list[Packet]) -> list[Packet]:
        packets[-1].pts = (packets[-1].pts or 0) + 100
        return packets

    edited(run.encode("video"), shift)


def note_other_times(run: Stopped) -> None:
    """Encode and note agree on a time that the source has not."""
    facts = run.encode("video").with_name("facts.json")
    known = json.loads(facts.read_text())
    known["frame_ticks"] = [tick + 100 for tick in known["frame_ticks"]]
    facts.write_text(json.dumps(known))


def have_another_size(run: Stopped) -> None:
    """All chunks of the first rung in the size of the second."""
    first, second, *_ = (one for one in run.plan.renditions if one.kind == "video")
    for mine, others in zip(first.encode_keys, second.encode_keys, strict=True):
        folder = run.out / ".work/work/encodes"
        shutil.copytree(folder / others, folder / mine, dirs_exist_ok=True)


def have_another_size_in_one_chunk(run: Stopped) -> None:
    first, second, *_ = (one for one in run.plan.renditions if one.kind == "video")
    folder = run.out / ".work/work/encodes"
    shutil.copytree(folder / second.encode_keys[2], folder / first.encode_keys[2], dirs_exist_ok=True)


def swap_chunks(run: Stopped) -> None:
    one, other = run.encode("video", 1).parent, run.encode("video", 2).parent
    kept = one.with_name("kept")
    one.rename(kept)
    other.rename(one)
    kept.rename(other)


def flip_a_bit(run: Stopped) -> None:
    media = run.encode("video")
    data = bytearray(media.read_bytes())
    data[len(data) * 2 // 3] ^= 4
    media.write_bytes(data)


def cut_the_sound(run: Stopped) -> None:
    converted(run.encode("audio", 0), "-t", "3", "-c", "copy", container="mp4")


def delay_the_sound(run: Stopped) -> None:
    media = run.encode("audio", 0)
    late = ("-itsoffset", "0.05", "-i", str(media), "-map", "1:a")
    converted(media, *late, "-c", "copy", container="mp4")


def lose_the_priming(run: Stopped) -> None:
    """The encoder's delay is no longer signalled: the sound is 21 ms late."""
    converted(run.encode("audio", 0), "-c", "copy", "-use_editlist", "0", container="mp4")


def resounded(run: Stopped, edit: Callable[[Sound], object]) -> None:
    """Other sound of the same length, encoded anew; segments meet at each second."""
    media = run.encode("audio", 0)
    sound = decode_sound(media).copy()
    edit(sound)
    raw = media.with_name("sound.f32")
    raw.write_bytes(sound.tobytes())
    given = ("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", str(raw), "-map", "1:a")
    converted(media, *given, "-c:a", "aac", "-b:a", "96k", container="mp4")
    raw.unlink()


def at(second: float) -> int:
    return round(second * SAMPLE_RATE)


def silence_a_boundary(run: Stopped) -> None:
    def silence(sound: Sound) -> None:
        sound[at(2) - 512 : at(2) + 512] = 0

    resounded(run, silence)


def repeat_the_end_of_a_segment(run: Stopped) -> None:
    def repeat(sound: Sound) -> None:
        sound[at(1) : at(1.2)] = sound[at(0.8) : at(1)]

    resounded(run, repeat)


def drop_the_beginning_of_a_segment(run: Stopped) -> None:
    """What follows comes as much too early, and what was dropped comes again at the end."""

    def drop(sound: Sound) -> None:
        sound[at(2) :] = np.roll(sound[at(2) :], -1024)

    resounded(run, drop)


def move_a_segment(run: Stopped) -> None:
    def move(sound: Sound) -> None:
        sound[at(1) : at(2)] = np.roll(sound[at(1) : at(2)], at(0.005))

    resounded(run, move)


def swap_segments(run: Stopped) -> None:
    def swap(sound: Sound) -> None:
        sound[at(1) : at(3)] = np.roll(sound[at(1) : at(3)], at(1))

    resounded(run, swap)


PICTURE_FAULTS = (
    lose_a_frame, double_a_frame, shift_a_time, note_other_times, have_another_size, have_another_size_in_one_chunk,
    swap_chunks, flip_a_bit,
)  # fmt: skip
SOUND_FAULTS = (cut_the_sound, delay_the_sound, lose_the_priming)
HEARD_FAULTS = (
    silence_a_boundary, repeat_the_end_of_a_segment, drop_the_beginning_of_a_segment, move_a_segment, swap_segments,
)  # fmt: skip


@pytest.mark.parametrize("fault", PICTURE_FAULTS, ids=lambda one: one.__name__)
def test_a_fault_in_an_encode_is_caught(run: Stopped, fault: Callable[[Stopped], None]) -> None:
    fault(run)
    with pytest.raises(CutroomError):
        run.go_on()
    assert run.shows_nothing


@pytest.mark.parametrize("fault", SOUND_FAULTS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("encoded", ["h264"], indirect=True)
def test_a_fault_in_the_sound_is_caught(run: Stopped, fault: Callable[[Stopped], None]) -> None:
    fault(run)
    with pytest.raises(CutroomError):
        run.go_on()
    assert run.shows_nothing


def lose_a_segment(media: Path) -> None:
    sorted(media.glob("renditions/*/seg_00002.*"))[0].unlink()


def cut_a_segment(media: Path) -> None:
    segment = sorted(media.glob("renditions/*/seg_00002.*"))[0]
    segment.write_bytes(segment.read_bytes()[:-10])


def state_another_codec(media: Path) -> None:
    playlist = media / "master.m3u8"
    playlist.write_text(playlist.read_text().replace("mp4a.40.2", "mp4a.40.5"))


def state_another_codec_in_the_mpd(media: Path) -> None:
    mpd = media / "manifest.mpd"
    mpd.write_text(mpd.read_text().replace("mp4a.40.2", "mp4a.40.5"))


def state_less_bandwidth(media: Path) -> None:
    playlist = media / "master.m3u8"
    playlist.write_text(playlist.read_text().replace(":BANDWIDTH=", ":BANDWIDTH=1", 1))


def believe_another_codec(media: Path) -> None:
    """The facts and the manifests agree on a codec string that is not that of the bitstream."""
    for facts in media.glob("renditions/*/rendition.json"):
        known = json.loads(facts.read_text())
        if known["kind"] == "audio":
            facts.write_text(json.dumps(known | {"codec_string": "mp4a.40.5"}))
    state_another_codec(media)
    state_another_codec_in_the_mpd(media)


PACKAGE_FAULTS = (
    lose_a_segment, cut_a_segment, state_another_codec, state_another_codec_in_the_mpd, state_less_bandwidth,
    believe_another_codec,
)  # fmt: skip


@pytest.mark.parametrize("fault", PACKAGE_FAULTS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("encoded", ["h264"], indirect=True)
def test_a_fault_in_what_was_packaged_is_caught(
    run: Stopped, fault: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = publishing.manifest

    def spoilt(*arguments: object) -> object:
        made = manifest(*arguments)  # type: ignore[arg-type]
        fault(next(run.out.glob(".work/media-*")))
        return made

    monkeypatch.setattr(publishing, "manifest", spoilt)
    with pytest.raises(CutroomError, match="was not published"):
        run.go_on()
    assert run.shows_nothing


def test_a_bit_that_the_packager_changed_is_caught(run: Stopped, monkeypatch: pytest.MonkeyPatch) -> None:
    package = packager.package

    def spoilt(kind: str, encoded: Path, folder: Path, **options: Any) -> None:
        package(kind, encoded, folder, **options)
        if kind == "video":
            segment = folder / "seg_00003.m4s"
            data = bytearray(segment.read_bytes())
            data[-1] ^= 4
            segment.write_bytes(data)

    monkeypatch.setattr(packager, "package", spoilt)
    with pytest.raises(VerificationFailed, match="does not hold the pictures of encode 3 of 4"):
        run.go_on()
    assert run.shows_nothing


def without_its_last_frame(media: Path) -> None:
    edited(media, lambda packets: packets[:-1])


def with_zeros_in_its_last_frame(media: Path) -> None:
    def spoil(packets: list[Packet]) -> list[Packet]:
        data = bytes(packets[-1])
        last = Packet(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
        last.time_base, last.pts, last.dts = packets[-1].time_base, packets[-1].pts, packets[-1].dts
        return [*packets[:-1], last]

    edited(media, spoil)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (without_its_last_frame, "shows 24 frames; its encoder was given 25"),
        (with_zeros_in_its_last_frame, "can't be decoded without an error"),
    ],
)
def test_an_encode_that_does_not_show_what_its_encoder_was_given_is_caught(
    spoil: Callable[[Path], None], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the encoder had written it so: its task decodes it before anything else is done with it."""
    source, profile = tmp_path / "source.mp4", tmp_path / "test.yaml"
    make_counted(source, seconds=1, size=(160, 90), audio=("-c:a", "aac"))
    profile.write_text(PROFILE.format(codec="h264", preset="ultrafast"))
    compare = quality.compare

    def spoilt(sampled: quality.Sampled) -> list[str]:
        spoil(sampled.encoded)
        return compare(sampled)

    monkeypatch.setattr(quality, "compare", spoilt)
    run = Stopped(source, str(profile), tmp_path / "out")
    with pytest.raises(CutroomError, match=reason):
        run.go_on()
    assert run.shows_nothing
    assert not run.encode("video", 0).with_name("facts.json").exists()


@pytest.mark.parametrize("fault", HEARD_FAULTS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("encoded", ["h264"], indirect=True)
def test_a_fault_that_leaves_the_sound_as_long_as_it_is_is_caught(
    run: Stopped, fault: Callable[[Stopped], None]
) -> None:
    fault(run)
    with pytest.raises(VerificationFailed, match=r"1 of \d+ checks .* sounds like its source all along"):
        run.go_on()
    assert run.shows_nothing


def cut_off(run: Stopped) -> None:
    media = run.encode("video")
    media.write_bytes(media.read_bytes()[: media.stat().st_size * 2 // 3])


@pytest.mark.parametrize("fault", [flip_a_bit, cut_off], ids=lambda one: one.__name__)
@pytest.mark.parametrize("encoded", ["h264"], indirect=True)
def test_an_encode_that_the_store_spoilt_is_named_and_forgotten(
    run: Stopped, fault: Callable[[Stopped], None]
) -> None:
    """It is read while it is compared with its digest: what its reader makes of it is not the reason."""
    fault(run)
    with pytest.raises(
        ObjectCorrupt, match=rf"encode {run.encode('video').parent.name} is damaged in the store"
    ):
        run.go_on()
    assert run.shows_nothing
    assert not run.encode("video").with_name("facts.json").exists()
    run.go_on()
    assert not run.shows_nothing


@pytest.mark.parametrize("encoded", ["h264"], indirect=True)
def test_sound_that_is_only_encoded_once_more_is_published(run: Stopped) -> None:
    """So it is the faults that are caught, and not the way in which they were put in."""
    resounded(run, lambda _: None)
    run.go_on()
    assert not run.shows_nothing


def test_without_a_fault_it_is_published(run: Stopped) -> None:
    run.go_on()
    assert not run.shows_nothing


SHOWN, HEARD = (
    "shows the frames of the file, each at its time",
    "sounds like the file, everywhere at its time",
)


@pytest.mark.parametrize("encoded", ["h264"], indirect=True)
def test_verify_holds_what_is_published_against_the_source_again(run: Stopped, tmp_path: Path) -> None:
    run.go_on()
    shorter, late, mixed = tmp_path / "shorter.mp4", tmp_path / "late.mp4", tmp_path / "mixed.mp4"
    make_counted(shorter, seconds=3.96, size=(160, 90), audio=("-c:a", "aac"))
    delayed = ("-map", "0:v", "-c:v", "copy", "-map", "0:a", "-af", "adelay=10", "-c:a", "aac", "-t", "4")
    subprocess.run([tools.path("ffmpeg"), "-v", "error", "-i", run.source, *delayed, late], check=True)
    swapped = ("-vf", "shuffleframes=0 1 2 6 4 5 3 7 8 9", "-crf", "12", "-c:a", "copy")
    subprocess.run([tools.path("ffmpeg"), "-v", "error", "-i", run.source, *swapped, mixed], check=True)
    shown, heard = "shows the frames of the file", "sounds like the file"
    for source, failed in ((run.source, set()), (shorter, {shown}), (late, {heard}), (mixed, {shown})):
        report = check_folder(run.out, Settings(home=run.out), source)
        checks = [one for one in report["checks"] if shown in one["name"] or heard in one["name"]]
        assert len(checks) == 3
        assert {
            words for words in (shown, heard) for one in checks if words in one["name"] and not one["ok"]
        } == failed
        assert report["ok"] == (not failed)
    master, report_file = run.out / "master.m3u8", run.out / "report.json"
    known = report_file.read_text()
    digest = hashlib.sha256(master.read_bytes()).hexdigest()
    master.write_text(master.read_text().replace(":BANDWIDTH=", ":BANDWIDTH=1", 1))
    # The report knows the playlist as it is now: what it says is wrong all the same.
    report_file.write_text(known.replace(digest, hashlib.sha256(master.read_bytes()).hexdigest()))
    told = [one["name"] for one in check_folder(run.out, Settings(home=run.out))["checks"] if not one["ok"]]
    assert told == ["master.m3u8 states every rendition, its codec, bit rate, picture and language"]
    report_file.write_text(known)
    shutil.rmtree(next(run.out.glob("renditions/*")))
    told = [one["found"] for one in check_folder(run.out, Settings(home=run.out))["checks"] if not one["ok"]]
    assert len(told) == 1
    assert "master.m3u8 is changed" in told[0]
    assert "rendition.json" in told[0]
    for spoilt in ("{", "[]", "{}"):
        (run.out / "report.json").write_text(spoilt)
        with pytest.raises(ObjectCorrupt, match="is no report"):
            check_folder(run.out, Settings(home=run.out))


def test_verify_holds_a_download_against_the_source_too(tmp_path: Path) -> None:
    source, profile, out = tmp_path / "source.mp4", tmp_path / "film.yaml", tmp_path / "out"
    make_counted(source, seconds=3, size=(160, 90), audio=("-c:a", "aac"))
    film = "downloads: [{name: film, container: mp4, video: h264, audio: aac}]\n"
    profile.write_text(PROFILE.format(codec="h264", preset="ultrafast") + film)
    settings = Settings(home=tmp_path)
    transcode(source, out, profile=str(profile), settings=settings)

    def told(given: Path) -> dict[str, bool]:
        checks = check_folder(out, settings, given)["checks"]
        return {one["name"]: one["ok"] for one in checks if one["name"].endswith((SHOWN, HEARD))}

    def delayed(path: Path, kind: str, into: Path) -> Path:
        mapped = ("-map", "1:v", "-map", "0:a") if kind == "v" else ("-map", "0:v", "-map", "1:a")
        given = ("-i", path, "-itsoffset", "0.08", "-i", path, *mapped, "-c", "copy", into)
        subprocess.run([tools.path("ffmpeg"), "-v", "error", "-y", *given], check=True)
        return into

    assert set(told(source).values()) == {True}
    assert not any(
        ok for name, ok in told(delayed(source, "v", tmp_path / "later.mp4")).items() if SHOWN in name
    )
    # Another file in its place, with all digests made anew.
    (path,) = out.glob("renditions/*/film.mp4")
    files = [path, path.with_name("rendition.json"), out / "report.json"]
    whole = [one.read_bytes() for one in files]
    for kind, wrong in (("v", f"film {SHOWN}"), ("a", f"film {HEARD}")):
        path.write_bytes(delayed(path, kind, tmp_path / "moved.mp4").read_bytes())
        for number, bytes_before in enumerate(whole[:2]):
            digests = [
                hashlib.sha256(each).hexdigest() for each in (bytes_before, files[number].read_bytes())
            ]
            for record in files[number + 1 :]:
                record.write_text(record.read_text().replace(*digests))
        assert [name for name, ok in told(source).items() if not ok] == [wrong]
        for one, bytes_before in zip(files, whole, strict=True):
            one.write_bytes(bytes_before)


KEYS = '{"default": "00112233445566778899aabbccddeeff:000102030405060708090a0b0c0d0e0f"}'
OTHER_KEYS = '{"default": "ffeeddccbbaa99887766554433221100:000102030405060708090a0b0c0d0e0f"}'


@pytest.mark.parametrize(("container", "scheme"), [("cmaf", "cenc"), ("cmaf", "cbcs"), ("ts", "aes-128")])
def test_what_is_encrypted_is_compared_with_its_key_and_said_to_be_skipped_without(
    container: str, scheme: str, tmp_path: Path
) -> None:
    source, profile, out = tmp_path / "source.mp4", tmp_path / "locked.yaml", tmp_path / "out"
    make_counted(source, seconds=3, size=(160, 90), audio=("-c:a", "aac"))
    profile.write_text(
        PROFILE.format(codec="h264", preset="ultrafast")
        + f"containers: [{container}]\nencryption: {{scheme: {scheme}, key_uri: 'https://keys.example/1'}}\n"
    )
    settings = Settings(home=tmp_path, content_keys=KEYS)
    transcode(source, out, profile=str(profile), settings=settings)
    compared = check_folder(out, settings, source)["checks"][-3:]
    assert [(one["ok"], one.get("skipped", False)) for one in compared] == [(True, False)] * 3
    for keys, reason in (("", "no content key 'default'"), (OTHER_KEYS, "has another id now")):
        report = check_folder(out, Settings(home=tmp_path, content_keys=keys), source)
        assert report["ok"]
        assert all(one["skipped"] and reason in one["found"] for one in report["checks"][-3:])
