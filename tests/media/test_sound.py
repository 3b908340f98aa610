"""Sound of every kind, to the sample: what is packaged is what an independent decoder hears in the source."""

import json
import struct
import subprocess
import wave
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from counted import SAMPLE_RATE, beeps, lag_samples
from cutroom.errors import SourceCorrupt, SourceUnsupported
from cutroom.ffmpeg import tools
from cutroom.ffmpeg.probe import probe
from cutroom.media.limits import Limits
from cutroom.media.loudness import CEILING_DBTP
from cutroom.packaging.facts import RenditionFacts
from cutroom.settings import Settings
from cutroom.steps.local import check_folder, transcode

pytestmark = pytest.mark.media

PROFILE = """
name: test-sound
description: Sound alone, quickly
segment_s: 2
audio:
  - {codec: aac, bitrates: [128k]}
"""

SOUNDS = {
    "8 kHz, unsigned 8 bit": (".wav", ("-ar", "8000", "-c:a", "pcm_u8")),
    "96 kHz, 24 bit": (".wav", ("-ar", "96000", "-c:a", "pcm_s24le")),
    "192 kHz, 64 bit float": (".wav", ("-ar", "192000", "-c:a", "pcm_f64le")),
    "RF64": (".wav", ("-rf64", "always", "-c:a", "pcm_s16le")),
    "Wave64": (".w64", ("-c:a", "pcm_s16le")),
    "AIFF": (".aiff", ("-c:a", "pcm_s16be")),
    "CAF with ALAC": (".caf", ("-c:a", "alac")),
    "M4A with ALAC": (".m4a", ("-c:a", "alac")),
    "A-law": (".wav", ("-ar", "8000", "-c:a", "pcm_alaw")),
    "ADPCM": (".wav", ("-c:a", "adpcm_ms")),
    "MP2": (".mp2", ("-c:a", "mp2")),
    "MP3 with a LAME tag": (".mp3", ("-c:a", "libmp3lame")),
    "MP3 at 22.05 kHz": (".mp3", ("-ar", "22050", "-c:a", "libmp3lame")),
    "AC-3": (".ac3", ("-c:a", "ac3")),
    "E-AC-3": (".eac3", ("-c:a", "eac3")),
    "DTS": (".dts", ("-c:a", "dca", "-strict", "-2")),
    "TrueHD": (".mka", ("-c:a", "truehd", "-strict", "-2")),
    "WMA": (".wma", ("-c:a", "wmav2")),
    "AMR": (".amr", ("-ar", "8000", "-c:a", "libopencore_amrnb")),
    "Opus": (".opus", ("-c:a", "libopus")),
    "Vorbis": (".ogg", ("-c:a", "libvorbis")),
    "Vorbis at 22.05 kHz": (".ogg", ("-ar", "22050", "-c:a", "libvorbis")),
    "FLAC": (".flac", ("-c:a", "flac")),
    "WavPack": (".wv", ("-c:a", "wavpack")),
    "TTA": (".tta", ("-c:a", "tta")),
    "FLAC in Ogg": (".oga", ("-c:a", "flac")),
    "AAC": (".m4a", ("-c:a", "aac")),
    "AAC in ADTS": (".aac", ("-c:a", "aac")),
}


@pytest.fixture
def profile(tmp_path: Path) -> str:
    path = tmp_path / "test-sound.yaml"
    path.write_text(PROFILE)
    return str(path)


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([tools.path("ffmpeg"), "-v", "error", "-y", *arguments], check=True, capture_output=True)


def make_sound(path: Path, *options: str, seconds: float = 3.0123) -> None:
    raw = path.with_name("raw.f32")
    raw.write_bytes(beeps(seconds).tobytes())
    ffmpeg("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", raw, *options, path)


def heard(media: Path, rate: int = SAMPLE_RATE, *, is_timed: bool = True) -> "npt.NDArray[np.float32]":
    """The first channel as another run of ffmpeg decodes it, silence before a first frame that is late.

    Times of WMA are not to be believed: of files of its own maker, too, frames overlap by 43 ms.
    """
    with av.open(media) as container:
        first = next(container.decode(audio=0))
        start = round(
            ((first.pts or 0) - (container.streams.audio[0].start_time or 0)) * first.time_base * rate
        )
    argv = [tools.path("ffmpeg"), "-v", "error", "-i", media, "-map", "0:a:0", "-ac", "1", "-ar", str(rate)]
    argv += ["-f", "f32le", "-"]
    sound = np.frombuffer(subprocess.run(argv, check=True, capture_output=True).stdout, np.float32)
    return np.concatenate([np.zeros(max(0, start) * is_timed, np.float32), sound])


def facts_of(out: Path) -> Iterator[RenditionFacts]:
    for path in sorted(out.glob("renditions/*/rendition.json")):
        yield RenditionFacts.load(path.read_bytes())


def packaged(out: Path, one: RenditionFacts) -> Path:
    folder = out / "renditions" / one.key
    whole = out / f"{one.name}.mp4"
    parts = [folder / "init.mp4", *sorted(folder.glob("seg_*.m4s"))]
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    return whole


def run(source: Path, profile: str) -> Path:
    out = source.parent / "out"
    version = transcode(source, out, profile=profile, settings=Settings(home=source.parent))
    assert version.report["ok"], json.dumps(version.report)
    return out


def notes_of(out: Path) -> list[str]:
    notes: list[str] = json.loads((out / "report.json").read_text())["notes"]
    return notes


@pytest.mark.parametrize("name", SOUNDS)
def test_every_kind_of_sound_is_published_to_the_sample(name: str, tmp_path: Path, profile: str) -> None:
    suffix, options = SOUNDS[name]
    source = tmp_path / f"source{suffix}"
    make_sound(source, *options)
    out = run(source, profile)
    (one,) = facts_of(out)
    assert one.sample_rate_hz is not None
    reference = heard(source, one.sample_rate_hz, is_timed=name != "WMA")
    sound = heard(packaged(out, one), one.sample_rate_hz)
    assert one.decoded_samples is not None
    assert abs(one.decoded_samples - len(reference)) <= 1
    assert notes_of(out) == []
    # A decoder that does not read the length of the last sample gives all of its frame.
    assert 0 <= len(sound) - one.decoded_samples < 1024
    with av.open(source) as given:
        rate = given.streams.audio[0].rate
    # In samples of the source: what is between those of a low rate, each resampler reckons in its own way.
    assert (
        round(Fraction(lag_samples(reference, sound[: one.decoded_samples]) * rate, one.sample_rate_hz)) == 0
    )


def test_dsd_is_published_to_the_sample(tmp_path: Path) -> None:
    """One bit a sample, of which a running sum makes the sound; music is sold as that, in DSF and DFF."""
    source, profile, bits = tmp_path / "source.dsf", tmp_path / "flac.yaml", 64 * 44100
    profile.write_text(PROFILE.replace("{codec: aac, bitrates: [128k]}", "{codec: flac}"))
    sound = beeps(0.5)
    dense = np.interp(np.arange(bits // 2) / bits, np.arange(len(sound)) / SAMPLE_RATE, sound) / 4 + 0.5
    data = np.packbits(
        np.diff(np.floor(np.cumsum(dense)), prepend=0).astype(bool), bitorder="little"
    ).tobytes()
    blocks = data + bytes(-len(data) % 4096)

    def chunk(name: bytes, content: bytes) -> bytes:
        return name + (12 + len(content)).to_bytes(8, "little") + content

    told = b"".join(one.to_bytes(4, "little") for one in (1, 0, 1, 1, bits, 1))
    told = chunk(
        b"fmt ", told + (8 * len(data)).to_bytes(8, "little") + (4096).to_bytes(4, "little") + bytes(4)
    )
    told += chunk(b"data", blocks)
    source.write_bytes(chunk(b"DSD ", (28 + len(told)).to_bytes(8, "little") + bytes(8)) + told)
    (one,) = facts_of(out := run(source, str(profile)))
    assert one.decoded_samples is not None
    assert abs(one.decoded_samples - SAMPLE_RATE // 2) <= 1
    found = heard(packaged(out, one))
    assert lag_samples(heard(source), found) == 0
    # Of one bit a sample, decoders make sound by a filter, which takes a moment.
    assert lag_samples(sound, found) in {0, 1}
    assert np.corrcoef(sound[:20000], found[1:20001])[0, 1] > 0.95


def test_the_gapless_information_of_itunes_is_followed(tmp_path: Path, profile: str) -> None:
    """A tag says what the encoder put before and behind; there is no edit list."""
    bare, source = tmp_path / "bare.aac", tmp_path / "source.m4a"
    make_sound(bare, "-c:a", "aac")
    samples = round(3.0123 * SAMPLE_RATE)
    make_gapless(bare, source, samples)
    out = run(source, profile)
    (one,) = facts_of(out)
    assert one.decoded_samples == samples
    assert lag_samples(beeps(3.0123), heard(packaged(out, one))) == 0


def test_the_gapless_information_of_he_aac_counts_samples_of_its_core(tmp_path: Path, profile: str) -> None:
    """A file that announces spectral band replication, and has none of it: decoders make twice the samples."""
    bare, source = tmp_path / "bare.m4a", tmp_path / "source.m4a"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=seed=3:r=16000:d=0.96", "-c:a", "aac", bare)
    make_gapless(bare, source, 15_360)
    is_absent, is_there = b"\x56\xe5\x00", b"\x56\xe5\xa8"
    assert source.read_bytes().count(is_absent) == 1
    source.write_bytes(source.read_bytes().replace(is_absent, is_there))
    out = run(source, profile)
    (one,) = facts_of(out)
    assert one.decoded_samples == 2 * 15_360
    assert lag_samples(heard(source), heard(packaged(out, one))) == 0


def make_gapless(encoded: Path, source: Path, samples: int) -> None:
    """An M4A of AAC whose tag says how many samples there are behind the first 1024; it has no edit list."""
    plain = source.with_name("plain.m4a")
    ffmpeg("-i", encoded, "-c", "copy", "-use_editlist", "0", "-metadata", "title=Gapless", plain)
    behind = -(samples + 1024) % 1024
    numbers = [0, 1024, behind, samples, *([0] * 8)]
    said = " " + " ".join(f"{one:016X}" if one == samples else f"{one:08X}" for one in numbers)
    tag = box("mean", b"\0\0\0\0com.apple.iTunes") + box("name", b"\0\0\0\0iTunSMPB")
    tag = box("----", tag + box("data", b"\0\0\0\1\0\0\0\0" + said.encode()))
    data = bytearray(plain.read_bytes())
    for name in (b"moov", b"udta", b"meta", b"ilst"):
        at = data.rindex(name) - 4
        size = int.from_bytes(data[at : at + 4])
        data[at : at + 4] = (size + len(tag)).to_bytes(4)
    source.write_bytes(bytes(data[: at + size]) + tag + bytes(data[at + size :]))


@pytest.mark.parametrize(
    ("suffix", "codec", "rounded"), [(".mp4", "libopus", 0), (".mka", "aac", 96), (".mka", "ac3", 96)]
)
def test_sound_ends_where_its_last_packet_does(
    suffix: str, codec: str, rounded: int, tmp_path: Path, profile: str
) -> None:
    """It lasts less than it holds, and ffmpeg plays all of that; Matroska says it in milliseconds."""
    source = tmp_path / f"source{suffix}"
    make_sound(source, "-c:a", codec, seconds=3.0123)
    out = run(source, profile)
    (one,) = facts_of(out)
    assert one.decoded_samples is not None
    assert 0 <= one.decoded_samples - round(3.0123 * SAMPLE_RATE) <= rounded
    assert lag_samples(beeps(3.0123), heard(packaged(out, one))) == 0


@pytest.mark.parametrize("codec", ["flac", "alac", "aac"])
def test_what_an_edit_list_leaves_out_in_front_is_all_that_is_left_out(
    codec: str, tmp_path: Path, profile: str
) -> None:
    """Decoders with several threads dropped other frames than these: up to half a second was gone."""
    whole, source = tmp_path / "whole.mp4", tmp_path / "source.mp4"
    make_sound(whole, "-c:a", codec, seconds=5)
    ffmpeg("-i", whole, "-c", "copy", "-output_ts_offset", "-1.5", source)
    out = run(source, profile)
    (one,) = facts_of(out)
    assert one.decoded_samples == 3.5 * SAMPLE_RATE
    assert lag_samples(beeps(5)[3 * SAMPLE_RATE // 2 :], heard(packaged(out, one))) == 0


def test_what_an_encoder_of_opus_put_in_front_moves_no_picture(tmp_path: Path) -> None:
    """Fragments state it as a time before the presentation, which then began 6.5 ms before anything is shown."""
    sound, source, profile = tmp_path / "sound.wav", tmp_path / "source.mp4", tmp_path / "film.yaml"
    make_sound(sound)
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=3", "-i", sound, "-pix_fmt", "yuv420p",
        "-c:v", "libx264", "-bf", "0", "-c:a", "libopus", "-movflags", "frag_keyframe+delay_moov", source,
    )  # fmt: skip
    profile.write_text(
        PROFILE + "video: [{codec: h264, preset: ultrafast, rungs: [{box: 160x90, max_bitrate: 300k}]}]\n"
    )
    out = run(source, str(profile))
    facts = {one.kind: one for one in facts_of(out)}
    assert facts["video"].first_tick == 0
    assert lag_samples(beeps(3.0123), heard(packaged(out, facts["audio"]))) == 0


def test_true_audio_in_matroska_is_refused_as_its_end_can_not_be_decoded(
    tmp_path: Path, profile: str
) -> None:
    source = tmp_path / "source.mka"
    make_sound(source, "-c:a", "tta")
    with pytest.raises(SourceUnsupported, match="tta"):
        run(source, profile)


@pytest.mark.parametrize("late_ms", [7, 15])
def test_sound_that_is_a_few_milliseconds_late_stays_so(late_ms: int, tmp_path: Path) -> None:
    """ffmpeg takes no notice of less than 10 ms where it fills up a beginning."""
    sound, source, profile = tmp_path / "sound.mkv", tmp_path / "source.mkv", tmp_path / "film.yaml"
    make_sound(sound, "-c:a", "pcm_s16le")
    picture = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=160x90:r=25:d=3",
        "-itsoffset",
        str(late_ms / 1000),
        "-i",
        sound,
    )
    ffmpeg(*picture, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "copy", source)
    profile.write_text(
        PROFILE + "video: [{codec: h264, preset: ultrafast, rungs: [{box: 160x90, max_bitrate: 300k}]}]\n"
    )
    out = run(source, str(profile))
    (one,) = [each for each in facts_of(out) if each.kind == "audio"]
    wanted = np.concatenate([np.zeros(late_ms * SAMPLE_RATE // 1000, np.float32), beeps(3.0123)])
    assert lag_samples(wanted, heard(packaged(out, one))) == 0


def box(name: str, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + name.encode() + content


def with_junk_around(path: Path) -> None:
    """An ID3v2 tag, garbage, the sound, and an APE and an ID3v1 tag."""
    make_sound(path, "-c:a", "libmp3lame", "-metadata", "title=Junk", "-write_xing", "1")
    rubbish = np.random.default_rng(3).integers(0, 128, 5000, dtype=np.uint8).tobytes()
    tag = b"APETAGEX" + bytes(24) + b"TAG" + b"x" * 125
    path.write_bytes(path.read_bytes() + rubbish[:1000] + tag)


def with_a_broken_last_frame(path: Path) -> None:
    make_sound(path, "-c:a", "libmp3lame")
    path.write_bytes(path.read_bytes()[:-100])


def without_a_true_duration(path: Path) -> None:
    """The header of a WAV that was never closed says that it holds 4 GiB."""
    make_sound(path, "-c:a", "pcm_s16le")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = data[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (with_junk_around, "a.mp3"),
        (with_a_broken_last_frame, "a.mp3"),
        (without_a_true_duration, "a.wav"),
    ],
)
def test_damaged_sound_is_published_as_far_as_it_decodes(
    make: Callable[[Path], None], name: str, tmp_path: Path, profile: str
) -> None:
    source = tmp_path / name
    make(source)
    (one,) = facts_of(run(source, profile))
    assert one.decoded_samples is not None
    assert abs(one.decoded_samples - 3.0123 * SAMPLE_RATE) < 0.06 * SAMPLE_RATE


def test_truncated_sound_is_refused_or_published_as_the_profile_says(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "source.wav"
    make_sound(source, "-c:a", "pcm_s16le")
    source.write_bytes(source.read_bytes()[: -2 * SAMPLE_RATE])
    with pytest.raises(SourceCorrupt, match=r"truncated: \d+ of its \d+ bytes \(66 %\)"):
        run(source, profile)
    other = tmp_path / "publish.yaml"
    other.write_text(PROFILE + "damaged: publish\n")
    (one,) = facts_of(run(source, str(other)))
    assert one.decoded_samples == int(3.0123 * SAMPLE_RATE) - SAMPLE_RATE


def test_ten_milliseconds_are_published(tmp_path: Path) -> None:
    """Too short to be measured, to be drawn as many samples a pixel, and to be known as an MP3 by its frames."""
    source = tmp_path / "source.wav"
    make_sound(source, "-c:a", "pcm_s16le", seconds=0.01)
    version = transcode(source, tmp_path / "out", profile="podcast", settings=Settings(home=tmp_path))
    assert version.report["ok"]
    found = {one.decoded_samples for one in facts_of(tmp_path / "out") if one.kind == "audio"}
    assert found == {480}


def test_a_track_that_is_empty_is_told_and_alone_refused(tmp_path: Path, profile: str) -> None:
    """Recorders name a track of a microphone that nothing came from; its film was called damaged."""
    whole, source, none = tmp_path / "whole.mka", tmp_path / "source.mka", tmp_path / "none.wav"
    make_sound(whole, "-ac", "2", "-c:a", "aac", seconds=1)
    with av.open(whole) as given, av.open(source, "w") as made:
        track, _ = (made.add_stream_from_template(given.streams.audio[0]) for _ in range(2))
        for packet in given.demux(given.streams.audio[0]):
            if packet.pts is not None:
                packet.stream = track
                made.mux(packet)
    found, _ = probe(source, sha256="", log=tmp_path / "log", limits=Limits())
    assert [one.index for one in found.audio] == [0]
    assert found.not_carried == ("track 1: audio aac (empty)",)
    with wave.open(str(none), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
    with pytest.raises(SourceUnsupported, match="The sound of track 0 is empty"):
        run(none, profile)
    # One whose data are missing is no empty one.
    cut = tmp_path / "cut.m4a"
    ffmpeg("-i", whole, "-c", "copy", "-movflags", "faststart", cut)
    data = cut.read_bytes()
    cut.write_bytes(data[: data.index(b"mdat") + 4])
    with pytest.raises(SourceCorrupt, match="The file is truncated"):
        run(cut, profile)


@pytest.mark.parametrize(
    ("samples", "rate", "codec", "left"),
    [(1, SAMPLE_RATE, "aac, bitrates: [128k]", 1), (20, 80_000, "flac", 12)],
)
def test_a_sample_alone_is_told_to_be_too_short(
    samples: int, rate: int, codec: str, left: int, tmp_path: Path
) -> None:
    """It was called damaged, which it is not, or the encoder blamed, which had fewer at its own rate."""
    source, profile = tmp_path / "source.wav", tmp_path / "short.yaml"
    profile.write_text(PROFILE.replace("{codec: aac, bitrates: [128k]}", f"{{codec: {codec}}}"))
    with wave.open(str(source), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"\1\1" * samples)
    with pytest.raises(SourceUnsupported, match=f"too short to be encoded: it has {left} of the 16 samples"):
        run(source, str(profile))


def test_a_wav_of_a_tone_is_not_taken_for_a_transport_stream(tmp_path: Path, profile: str) -> None:
    """A tone of 1 kHz at 48 kHz comes by every 96 bytes, and so does 0x47, of which each 192 bytes of M2TS has one."""
    source = tmp_path / "source.wav"
    tone = 0.3 * np.sin(2 * np.pi * np.arange(2 * SAMPLE_RATE) / 48) + 0.1
    with wave.open(str(source), "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(np.round(tone * 32767).astype("<i2").tobytes())
    (one,) = facts_of(run(source, profile))
    assert one.decoded_samples == 2 * SAMPLE_RATE


def write_floats(path: Path, sound: "npt.NDArray[np.float32]") -> None:
    raw = path.with_suffix(".f32")
    raw.write_bytes(sound.tobytes())
    ffmpeg("-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", "1", "-i", raw, "-c:a", "pcm_f32le", path)


def test_floats_above_full_scale_are_not_clipped_and_what_is_no_number_is_refused(tmp_path: Path) -> None:
    """Recorders of 32-bit float are sold for that: nothing they record is above what they can hold."""
    source, profile = tmp_path / "source.wav", tmp_path / "flac.yaml"
    profile.write_text(PROFILE.replace("{codec: aac, bitrates: [128k]}", "{codec: flac}"))
    sound = beeps(1)
    write_floats(source, sound * 8)
    out = run(source, str(profile))
    (one,) = facts_of(out)
    found = heard(packaged(out, one))
    assert np.abs(found).max() == pytest.approx(1, abs=0.002)
    assert np.allclose(found / np.abs(found).max(), sound / np.abs(sound).max(), atol=1e-5)
    sound[100] = np.nan
    write_floats(source, sound)
    with pytest.raises(SourceCorrupt, match="1 samples of track 0 are no numbers"):
        run(source, str(profile))


def test_the_third_of_three_channels_without_places_is_heard(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "source.wav"
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    channels = [0.3 * np.sin(2 * np.pi * tone * time) for tone in (300, 400, 500)]
    with wave.open(str(source), "wb") as file:
        file.setnchannels(3)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.array(channels).T * 32767).astype("<i2").tobytes())
    out = run(source, profile)
    (one,) = facts_of(out)
    levels = [
        [level_of(side, tone) / 0.3 for tone in (300, 400, 500)] for side in channels_of(packaged(out, one))
    ]
    assert np.allclose(levels, [[1, 0, 0.7071], [0, 1, 0.7071]], atol=0.02)


def test_what_an_encoder_takes_from_the_loudness_is_given_back(tmp_path: Path) -> None:
    """Opus narrows what is wide at low bit rates, as rain or applause is, and it loses 2 LU of it."""
    source, profile = tmp_path / "rain.wav", tmp_path / "loud.yaml"
    entry = "{codec: opus, bitrates: [96k, 48k], loudness_lufs: -16}"
    profile.write_text(PROFILE.replace("{codec: aac, bitrates: [128k]}", entry))
    rain = "aevalsrc=0.01*random(0)|0.01*random(1):s=48000:d=3,highpass=f=200,lowpass=f=5000"
    ffmpeg("-f", "lavfi", "-i", rain, "-c:a", "pcm_s16le", source)
    out = run(source, str(profile))
    told = json.loads((out / "report.json").read_text())["loudness"]
    assert [one["published"]["integrated_lufs"] for one in told] == [pytest.approx(-16, abs=0.5)] * 2
    assert len({one["gain_db"] for one in told}) == 2


def test_files_put_one_after_the_other_are_heard_as_they_are(tmp_path: Path, profile: str) -> None:
    """The tag in the middle takes the time of a frame, of which no clock that drifts is to be made."""
    part, source = tmp_path / "part.mp3", tmp_path / "source.mp3"
    make_sound(part, "-c:a", "libmp3lame")
    source.write_bytes(part.read_bytes() * 2)
    out = run(source, profile)
    (one,) = facts_of(out)
    wanted, sound = heard(source), heard(packaged(out, one))
    for start in (1, 4, 5):
        piece = wanted[start * SAMPLE_RATE :][: SAMPLE_RATE // 2]
        least = min(
            float(np.abs(piece - sound[start * SAMPLE_RATE + late :][: len(piece)]).max())
            for late in range(2 * 1152)
        )
        # What AAC changes; half a percent slower is far more.
        assert least < 0.05


def test_a_track_that_changes_rate_and_layout_midway_stays_in_step(tmp_path: Path, profile: str) -> None:
    first, second, source = tmp_path / "a.ts", tmp_path / "b.ts", tmp_path / "source.ts"
    # So many whole frames of MP2.
    seconds = 84 * 1152 / SAMPLE_RATE
    make_sound(first, "-ac", "2", "-c:a", "mp2", "-f", "mpegts", seconds=seconds)
    make_sound(
        second, "-ar", "44100", "-c:a", "mp2", "-output_ts_offset", str(seconds), "-f", "mpegts", seconds=2
    )
    source.write_bytes(first.read_bytes() + second.read_bytes())
    out = run(source, profile)
    (one,) = facts_of(out)
    sound = heard(packaged(out, one))
    half = round(seconds * SAMPLE_RATE)
    # MP2 comes 481 samples late out of its encoder, at either rate.
    for reference, part in ((beeps(seconds), sound[:half]), (beeps(2), sound[half:])):
        assert abs(lag_samples(reference, part) - 481) <= 0.004 * SAMPLE_RATE
    assert abs(len(sound) - 4 * SAMPLE_RATE) < 0.06 * SAMPLE_RATE


def test_a_gap_is_silence_and_what_follows_keeps_its_time(tmp_path: Path, profile: str) -> None:
    plain, source = tmp_path / "plain.mka", tmp_path / "source.mka"
    make_sound(plain, "-c:a", "flac", seconds=6)
    with av.open(plain) as given, av.open(source, "w", format="matroska") as made:
        track = made.add_stream_from_template(given.streams.audio[0])
        for packet in given.demux(given.streams.audio[0]):
            if packet.pts is not None and not 2 <= packet.pts * packet.time_base < 3:
                packet.stream = track
                made.mux(packet)
    out = run(source, profile)
    (note,) = notes_of(out)
    assert note.startswith("The sound of track 0 is silent for 1.02 s of its 6.00 s")
    (one,) = facts_of(out)
    sound = heard(packaged(out, one))
    assert lag_samples(beeps(6)[4 * SAMPLE_RATE :], sound[4 * SAMPLE_RATE : 6 * SAMPLE_RATE]) == 0
    assert np.abs(sound[int(2.2 * SAMPLE_RATE) : int(2.8 * SAMPLE_RATE)]).max() < 0.001


@pytest.mark.parametrize(("suffix", "late", "rounded"), [(".ts", 256, 0), (".mp4", 0, 0), (".mkv", 0, 48)])
def test_a_frame_that_was_lost_is_silence_too(
    suffix: str, late: int, rounded: int, tmp_path: Path, profile: str
) -> None:
    """What follows was 32 ms early, and played half a percent slower until it was back in its place.

    Matroska's times are whole milliseconds.
    """
    plain, source = tmp_path / f"plain{suffix}", tmp_path / f"source{suffix}"
    make_sound(plain, "-c:a", "ac3", seconds=4)
    with av.open(plain) as given, av.open(source, "w") as made:
        track = made.add_stream_from_template(given.streams.audio[0])
        for number, packet in enumerate(given.demux(given.streams.audio[0])):
            if packet.pts is not None and number != 50:
                packet.stream = track
                made.mux(packet)
    out = run(source, profile)
    (one,) = facts_of(out)
    sound = heard(packaged(out, one))
    # AC-3 comes 256 samples late out of its encoder, which MPEG-TS can't say.
    for second in (1, 2, 3):
        piece = slice(second * SAMPLE_RATE, (second + 1) * SAMPLE_RATE - 1000)
        assert abs(lag_samples(beeps(4)[piece], sound[piece]) - late) <= rounded


@pytest.mark.parametrize(
    ("codec", "rate", "scale"), [("libmp3lame", 30625, 8), ("libmp3lame", 1, 1), ("pcm_s16le", 2, 100)]
)
def test_sound_whose_header_counts_it_wrongly_is_heard_as_it_decodes(
    codec: str, rate: int, scale: int, tmp_path: Path, profile: str
) -> None:
    """An AVI with a rate of the sound that is none was cut to a thirtieth, and every check held."""
    source = tmp_path / "source.avi"
    make_sound(source, "-c:a", codec)
    wanted = heard(source)
    data = bytearray(source.read_bytes())
    at = data.index(b"auds") + 20
    data[at : at + 8] = struct.pack("<II", scale, rate)
    source.write_bytes(data)
    out = run(source, profile)
    (one,) = facts_of(out)
    assert one.decoded_samples == len(wanted)
    assert lag_samples(wanted, heard(packaged(out, one))[: len(wanted)]) == 0
    found, _ = probe(source, sha256="", log=tmp_path / "log", limits=Limits())
    assert found.notes == (
        "The times of track 0 do not fit its sound, which is heard as it decodes, from the beginning on.",
    )


def test_flac_has_even_blocks_whatever_the_frames_of_its_source_are(tmp_path: Path) -> None:
    """WavPack of a low rate, in a frame of 12 seconds: its encoder took the first frame for the length of a block."""
    source, profile = tmp_path / "source.wv", tmp_path / "flac.yaml"
    profile.write_text(PROFILE.replace("{codec: aac, bitrates: [128k]}", "{codec: flac}"))
    make_sound(source, "-ar", "1000", "-c:a", "wavpack", "-frame_size", "44100", seconds=12)
    out = run(source, str(profile))
    (one,) = facts_of(out)
    with av.open(packaged(out, one)) as made:
        lengths = [packet.duration for packet in made.demux(audio=0) if packet.size]
    assert (set(lengths[:-1]), sum(lengths)) == ({4608}, 12 * 48_000)


def test_short_frames_that_are_counted_as_long_ones_are_heard_one_after_the_other(
    tmp_path: Path, profile: str
) -> None:
    """E-AC-3 of a block a frame, in a container that gives each the time of six: five sixths were silence."""
    plain, source = tmp_path / "plain.eac3", tmp_path / "source.mka"
    make_sound(plain, "-ac", "2", "-c:a", "eac3", "-b:a", "6144k")
    ffmpeg("-i", plain, "-c", "copy", "-bsf:a", "setts=ts=TS*6", source)
    out = run(source, profile)
    (one,) = facts_of(out)
    wanted = heard(plain)
    assert one.decoded_samples == len(wanted)
    assert lag_samples(wanted, heard(packaged(out, one))[: len(wanted)]) == 0
    found, _ = probe(source, sha256="", log=tmp_path / "log", limits=Limits())
    assert found.notes == (
        "The times of track 0 do not fit its sound, which is heard as it decodes, from the beginning on.",
    )


def test_sound_that_its_times_leave_no_room_for_is_refused(tmp_path: Path, profile: str) -> None:
    """Most of it would be cut."""
    whole, source = tmp_path / "whole.mka", tmp_path / "source.mka"
    make_sound(whole, "-c:a", "aac")
    ffmpeg("-i", whole, "-c", "copy", "-bsf:a", "setts=ts=TS/10", source)
    with pytest.raises(
        SourceUnsupported, match=r"\(track 0\) leave no room for 1\d{5} of its 14\d{4} samples"
    ):
        run(source, profile)


@pytest.mark.parametrize(("suffix", "codec"), [(".oga", "flac"), (".ogg", "libvorbis"), (".opus", "libopus")])
def test_ogg_that_begins_late_begins_with_its_first_sample(
    suffix: str, codec: str, tmp_path: Path, profile: str
) -> None:
    """Of FLAC a second of silence lay behind its first page, where ffmpeg learns of its time; Vorbis was 5 ms late."""
    whole, source = tmp_path / f"whole{suffix}", tmp_path / f"source{suffix}"
    make_sound(whole, "-c:a", codec)
    make_sound(source, "-c:a", codec, "-output_ts_offset", "1.01")
    out = run(source, profile)
    (one,) = facts_of(out)
    wanted = heard(whole)
    assert one.decoded_samples == len(wanted)
    assert lag_samples(wanted, heard(packaged(out, one))[: len(wanted)]) == 0


def test_vorbis_of_short_and_long_blocks_is_heard_to_the_sample(tmp_path: Path, profile: str) -> None:
    """Between them ffmpeg has times that are 10.2 ms off; following those stretched the sound by 5 ms."""
    source = tmp_path / "source.ogg"
    clicks = "aevalsrc='0.3*sin(2*PI*440*t)+if(lt(mod(t,0.37),0.002),0.6*random(0),0)':s=44100:d=4"
    ffmpeg("-f", "lavfi", "-i", clicks, "-c:a", "libvorbis", source)
    out = run(source, profile)
    (one,) = facts_of(out)
    wanted = heard(source)
    assert one.decoded_samples == round(4 * one.sample_rate_hz)
    behind = slice(3 * SAMPLE_RATE, 4 * SAMPLE_RATE)
    assert lag_samples(wanted[behind], heard(packaged(out, one))[behind]) == 0


@pytest.mark.parametrize("drift", [1.002, 0.998])
def test_sound_whose_clock_drifts_stays_in_step_with_its_container(
    drift: float, tmp_path: Path, profile: str
) -> None:
    """A sound card that is two thousandths too fast is a frame late after 20 s."""
    plain, source = tmp_path / "plain.mka", tmp_path / "source.mka"
    make_sound(plain, "-c:a", "flac", seconds=24)
    ffmpeg("-i", plain, "-c", "copy", "-bsf:a", f"setts=ts=TS*{drift}", source)
    out = run(source, profile)
    (one,) = facts_of(out)
    sound = heard(packaged(out, one))
    for second in range(2, 23, 4):
        at = round(second * drift * SAMPLE_RATE)
        lag = lag_samples(beeps(1)[: SAMPLE_RATE // 10], sound[at - 9600 : at + 9600]) - 9600
        assert abs(lag) <= 0.012 * SAMPLE_RATE


CHAPTERS = """;FFMETADATA1
[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=17\ntitle=One
[CHAPTER]\nTIMEBASE=1/10\nSTART=17\nEND=30\ntitle=Two
"""

COMMENTS = {
    "CHAPTER000": "00:00:00.000", "CHAPTER000NAME": "One", "CHAPTER001": "00:00:01.700", "CHAPTER001NAME": "Two",
}  # fmt: skip


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".m4b", "aac"), (".mka", "flac"), (".mp3", "libmp3lame"), (".ogg", "libvorbis"), (".opus", "libopus"),
        (".flac", "flac"),
    ],
)  # fmt: skip
def test_the_chapters_of_every_container_are_found(suffix: str, codec: str, tmp_path: Path) -> None:
    source, chapters = tmp_path / f"source{suffix}", tmp_path / "chapters.txt"
    chapters.write_text(CHAPTERS)
    given: list[str | Path] = ["-i", chapters, "-map", "0", "-map_metadata", "1"]
    if suffix in {".ogg", ".opus", ".flac"}:
        given = [part for name, value in COMMENTS.items() for part in ("-metadata", f"{name}={value}")]
    ffmpeg("-f", "lavfi", "-i", "sine=d=3", *given, "-c:a", codec, source)
    found, _ = probe(source, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    # Those of an MP3 count from what is heard, which begins 1105 samples later on its clock.
    heard_s = (found.start_s or 0) if suffix == ".mp3" else 0
    assert float(heard_s) == pytest.approx(1105 / 44_100 if suffix == ".mp3" else 0, abs=1e-5)
    told = [(one.start_s - heard_s, round(one.end_s - heard_s, 1), one.title) for one in found.chapters]
    assert told == [(0, Fraction(17, 10), "One"), (Fraction(17, 10), 3, "Two")]


def tones(path: Path, frequencies: list[int], *options: str, level: float = 0.9) -> None:
    """A tone in each channel."""
    expressions = "|".join(f"{level}*sin({one}*2*PI*t)" for one in frequencies)
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(frequencies)]
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc={expressions}:s=48000:d=3:c={layout}", *options, path)


def channels_of(media: Path) -> "npt.NDArray[np.float32]":
    with av.open(media) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def level_of(sound: "npt.NDArray[np.float32]", frequency: int) -> float:
    """Amplitude of a tone in the middle of a channel."""
    middle = sound[SAMPLE_RATE : 2 * SAMPLE_RATE]
    wave = np.exp(-2j * np.pi * frequency * np.arange(len(middle)) / SAMPLE_RATE)
    return float(2 * np.abs(np.mean(middle * wave)))


SURROUND = [300, 400, 500, 60, 700, 800]
"""L R C LFE Ls Rs."""


def test_surround_is_mixed_down_with_the_standard_coefficients_and_never_clips(
    tmp_path: Path, profile: str
) -> None:
    source = tmp_path / "source.wav"
    tones(source, SURROUND, "-c:a", "pcm_f32le")
    out = run(source, profile)
    (one,) = facts_of(out)
    left, right = channels_of(packaged(out, one))
    levels = [[level_of(channel, tone) for tone in SURROUND] for channel in (left, right)]
    main = levels[0][0]
    wanted = [[1, 0, 0.7071, 0, 0.7071, 0], [0, 1, 0.7071, 0, 0, 0.7071]]
    assert np.allclose(np.array(levels) / main, wanted, atol=0.02)
    assert one.loudness is not None
    assert one.loudness.true_peak_dbtp is not None
    # The gain leaves 1 dB; what the encoder adds is less.
    assert one.loudness.true_peak_dbtp < 0


@pytest.mark.parametrize("channels", [6, 8])
def test_surround_is_kept_where_the_profile_asks_for_it(channels: int, tmp_path: Path) -> None:
    source, profile = tmp_path / "source.wav", tmp_path / "surround.yaml"
    profile.write_text(PROFILE.replace("[128k]", "[384k], channels: 6"))
    tones(source, [*SURROUND, 900, 1000][:channels], "-c:a", "pcm_f32le", level=0.3)
    out = run(source, str(profile))
    (one,) = facts_of(out)
    assert one.channels == 6
    found = channels_of(packaged(out, one))
    # Of 7.1 the side channels go into the back ones at -3 dB.
    back = [{700: 1.0, 900: 0.7071}, {800: 1.0, 1000: 0.7071}] if channels == 8 else [{700: 1.0}, {800: 1.0}]
    wanted: list[dict[int, float]] = [{300: 1.0}, {400: 1.0}, {500: 1.0}, {}, *back]
    main = level_of(found[0], 300)
    for channel, tones_of in zip(found, wanted, strict=True):
        for tone in (300, 400, 500, 700, 800, 900, 1000):
            assert level_of(channel, tone) / main == pytest.approx(tones_of.get(tone, 0), abs=0.03)


def test_more_channels_than_there_is_a_downmix_of_are_told(tmp_path: Path, profile: str) -> None:
    source = tmp_path / "source.wav"
    with wave.open(str(source), "wb") as file:
        file.setnchannels(9)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(bytes(2 * 9 * SAMPLE_RATE))
    with pytest.raises(SourceUnsupported, match=r"9 channels.*no downmix"):
        run(source, profile)


def test_mono_stays_mono_and_eight_channels_of_a_master_are_two_programmes(
    corpus: Path, tmp_path: Path, profile: str
) -> None:
    source = tmp_path / "mono.wav"
    tones(source, [440], "-c:a", "pcm_s16le")
    (one,) = facts_of(run(source, profile))
    assert one.channels == 1
    card = corpus / "testcard-10s-720p50-h264-422-10bit-8-mono-tracks.mp4"
    out = tmp_path / "card"
    transcode(card, out, profile=profile, settings=Settings(home=tmp_path))
    found = list(facts_of(out))
    assert [(fact.track, fact.channels, fact.decoded_samples) for fact in sorted(found, key=lambda one: one.track)] == [
        (1, 2, 480_000), (7, 2, 480_000),
    ]  # fmt: skip


@pytest.mark.parametrize(("level", "is_limited"), [(0.03, False), (0.9, False), (0.1, True)])
def test_loudness_is_brought_to_what_the_profile_asks_for(
    level: float, is_limited: bool, tmp_path: Path
) -> None:
    source, profile = tmp_path / "source.wav", tmp_path / "loud.yaml"
    profile.write_text(PROFILE.replace("[128k]", "[128k], loudness_lufs: -16"))
    tones(source, [997, 997], "-c:a", "pcm_f32le", level=level)
    if is_limited:
        # A burst that is held below the ceiling, and that the encoder makes decibels higher.
        with source.open("r+b") as file:
            file.seek(-80_000, 2)
            file.write(np.tile(np.repeat(np.float32([0.8, -0.8]), 140), 30).tobytes())
    out = run(source, str(profile))
    (one,) = facts_of(out)
    (told,) = json.loads((out / "report.json").read_text())["loudness"]
    assert one.loudness is not None
    assert one.loudness.integrated_lufs is not None
    assert told["is_limited"] is is_limited
    # Also of what the encoder made of it.
    assert one.loudness.true_peak_dbtp is not None
    assert one.loudness.true_peak_dbtp <= CEILING_DBTP
    assert one.loudness.integrated_lufs == pytest.approx(-16, abs=0.5)
    # A stereo tone at full scale has a loudness of 0 LUFS (EBU Tech 3341: a sine of -23 dBFS in both has -23).
    if not is_limited:
        assert told["source"]["integrated_lufs"] == pytest.approx(20 * np.log10(level), abs=0.2)


def test_tracks_keep_language_role_and_name_in_the_manifests(tmp_path: Path, profile: str) -> None:
    plain, source = tmp_path / "plain.wav", tmp_path / "source.mka"
    make_sound(plain, "-ac", "2", "-c:a", "pcm_s16le")
    said = [
        ("eng", "", "0"),
        ("deu", "", "default"),
        ("eng", "Commentary", "comment"),
        ("eng", "", "visual_impaired"),
    ]
    options: list[str] = []
    for place, (language, title, flags) in enumerate(said):
        options += [
            "-map",
            "0:a",
            f"-metadata:s:a:{place}",
            f"language={language}",
            f"-disposition:a:{place}",
            flags,
        ]
        options += [f"-metadata:s:a:{place}", f"title={title}"] if title else []
    ffmpeg("-i", plain, *options, "-c:a", "flac", source)
    out = run(source, profile)
    found = sorted(facts_of(out), key=lambda one: (not one.is_default, one.track))
    assert [(one.language, one.label, one.role) for one in found] == [
        ("de", "Deutsch", "main"),
        ("en", "English", "main"),
        ("en", "Commentary", "commentary"),
        ("en", "English (audio description)", "description"),
    ]


def test_quiet_sound_that_was_made_louder_is_compared_with_its_file(corpus: Path, tmp_path: Path) -> None:
    """It is 44 dB below full scale in the file, and published 25 dB louder."""
    out, other = tmp_path / "out", tmp_path / "other.wav"
    source = corpus / "podcast-3s-cover-chapters.mp3"
    settings = Settings(home=tmp_path)
    transcode(source, out, profile="podcast", settings=settings)
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=2.8:a=0.004:r=44100", "-ac", "2", other)
    for path, is_it in ((source, True), (other, False)):
        checks = check_folder(out, settings, path)["checks"]
        said = [one for one in checks if "sounds like the file" in one["name"]]
        assert len(said) == 5
        assert all(one["ok"] == is_it and one["found"].startswith("12 windows") for one in said), said


def test_waveform_cover_chapters_and_tags_of_a_podcast(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    version = transcode(
        corpus / "podcast-3s-cover-chapters.mp3", out, profile="podcast", settings=Settings(home=tmp_path)
    )
    assert {"waveform", "waveform_data", "chapters", "cover_1200", "cover_600", "cover_300"} <= set(
        version.thumbnails
    )
    for side in (1200, 600, 300):
        with av.open(out / f"cover-{side}.jpg") as picture:
            assert (picture.streams.video[0].width, picture.streams.video[0].height) == (side, side)
    data = json.loads((out / "waveform.json").read_text())
    assert data["length"] == len(data["data"]) // 2 == pytest.approx(20 * 2.808, abs=1)
    assert (out / "chapters.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.600\nChapter title\n\n00:00:00.600 --> 00:00:01.200\nchap2\n"
    )


def test_cover_art_that_ends_midway_is_left_out(tmp_path: Path, profile: str) -> None:
    art, sound, source = tmp_path / "art.jpg", tmp_path / "sound.wav", tmp_path / "source.flac"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=400x400", "-frames:v", "1", art)
    art.write_bytes(art.read_bytes()[: art.stat().st_size // 3])
    make_sound(sound)
    attached = ("-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg("-i", sound, "-i", art, *attached, source)
    out = run(source, profile)
    assert (out / "waveform.png").is_file()
    assert not list(out.glob("*.jpg"))


DOWNLOADS = """
name: downloads
description: One of each
audio:
  - {codec: aac, bitrates: [128k]}
  - {codec: opus, bitrates: [96k]}
  - {codec: mp3, bitrates: [128k]}
  - {codec: flac}
downloads:
  - {name: mp3, container: mp3, audio: mp3}
  - {name: m4a, container: m4a, audio: aac}
  - {name: flac, container: flac, audio: flac}
  - {name: ogg, container: ogg, audio: opus}
  - {name: webm, container: webm, audio: opus}
"""


def test_every_download_has_the_tags_chapters_and_cover_of_its_source(tmp_path: Path) -> None:
    """Read by another library, and to the sample as before; what is private stays behind."""
    source, chapters, cover = (tmp_path / name for name in ("source.m4a", "chapters.txt", "cover.png"))
    path = tmp_path / "downloads.yaml"
    path.write_text(DOWNLOADS)
    said = "title=T\\=1\nartist=Ä\nalbum=B\ntrack=3/12\ncomment=secret\nmake=secret\ndate=2024-05-01T10:11\n"
    second = "Two" * 60
    chapters.write_text(CHAPTERS.replace(";FFMETADATA1\n", f";FFMETADATA1\n{said}").replace("Two", second))
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=800x500", "-frames:v", "1", cover)
    sound = tmp_path / "sound.m4a"
    make_sound(sound, "-c:a", "aac")
    given = ["-i", sound, "-i", chapters, "-i", cover, "-map", "0", "-map", "2", "-map_metadata", "1"]
    ffmpeg(*given, "-c", "copy", "-disposition:v", "attached_pic", source)
    assert b"secret" in source.read_bytes()
    out = tmp_path / "out"
    version = transcode(source, out, profile=str(path), settings=Settings(home=tmp_path))
    reference = heard(source)
    assert list(version.downloads) == ["mp3", "m4a", "flac", "ogg", "webm"]
    for name, key in version.downloads.items():
        made = out / key
        assert b"secret" not in made.read_bytes()
        found, _ = probe(made, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
        told = {
            "title": "T=1",
            "artist": "Ä",
            "album": "B",
            "track": "3",
            "tracks": "12",
            "date": "2024-05-01",
        }
        assert {**found.tags, "language": ""} == {**told, "language": ""}, name
        title = second if name != "mp3" else f"{second[:117]}…"
        started_s = (found.start_s or 0) if name == "mp3" else 0
        chapters_told = [(one.start_s - started_s, one.title) for one in found.chapters]
        assert chapters_told == [(0, "One"), (Fraction(17, 10), title)], name
        assert found.video == ()
        size = None if found.cover is None else (found.cover.width, found.cover.height)
        assert size == (None if name == "webm" else (600, 375)), name
        assert lag_samples(reference, heard(made)) == 0, name
        assert len(heard(made)) == len(reference), name


@pytest.mark.parametrize("channels", [2, 6])
def test_the_waveform_is_that_of_the_sound_on_all_channels(
    channels: int, tmp_path: Path, profile: str
) -> None:
    source = tmp_path / "source.wav"
    layout = {2: "stereo", 6: "5.1"}[channels]
    all_same = "|".join([layout, *(f"c{number}=c0" for number in range(channels))])
    make_sound(source, "-af", f"pan={all_same}", "-c:a", "pcm_f32le")
    data = np.array(json.loads((run(source, profile) / "waveform.json").read_text())["data"]).reshape(-1, 2)
    sound = beeps(3.0123)
    parts = [sound[at : at + 2400] for at in range(0, len(sound), 2400)]
    wanted = np.array([[round(float(part.min()) * 127), round(float(part.max()) * 127)] for part in parts])
    assert np.abs(data - wanted).max() <= 1


def test_sound_under_the_name_of_a_film_is_published(tmp_path: Path) -> None:
    source = tmp_path / "film.mp4"
    make_sound(source, "-c:a", "aac")
    version = transcode(source, tmp_path / "out", profile="web", settings=Settings(home=tmp_path))
    assert {one.kind for one in version.renditions} == {"audio"}
    assert Fraction(version.duration_s) == pytest.approx(3.0123, abs=0.001)


# Two lengths fill the last frame of AC-3, or nearly: its encoder would keep up to 256 samples of it to itself.
CODECS: dict[str, tuple[str, str] | tuple[str, str, int]] = {
    "aac": ("cmaf", "bitrates: [128k]"),
    "opus": ("cmaf", "bitrates: [128k]"),
    "flac": ("cmaf", ""),
    "ac3": ("cmaf", "bitrates: [192k]", 94 * 1536),
    "eac3": ("cmaf", "bitrates: [192k]", 94 * 1536 + 1300),
    "aac in MPEG-TS": ("ts", "bitrates: [128k]"),
    "ac3 in MPEG-TS": ("ts", "bitrates: [192k]"),
    "eac3 in MPEG-TS": ("ts", "bitrates: [192k]"),
    "opus in WebM": ("webm", "bitrates: [128k]"),
}


@pytest.mark.parametrize("name", CODECS)
def test_every_codec_is_packaged_to_the_sample(name: str, tmp_path: Path) -> None:
    """What an encoder puts before and behind is signalled in each container, and what is heard is in step."""
    container, rest, *length = CODECS[name]
    seconds = length[0] / SAMPLE_RATE if length else 3.0123
    source, path = tmp_path / "source.wav", tmp_path / "codec.yaml"
    entry = ", ".join(part for part in (f"codec: {name.split(maxsplit=1)[0]}", rest) if part)
    path.write_text(
        PROFILE.replace("{codec: aac, bitrates: [128k]}", f"{{{entry}}}") + f"containers: [{container}]\n"
    )
    make_sound(source, "-ac", "2", "-c:a", "pcm_s16le", seconds=seconds)
    out = run(source, str(path))
    (one,) = facts_of(out)
    # MPEG-TS does not tell where the last frame ends.
    surplus = (one.decoded_samples or 0) - round(seconds * SAMPLE_RATE)
    assert 0 <= surplus < 1536 if container == "ts" else surplus == 0
    folder = out / "renditions" / one.key
    files = [folder / one.init.file] if one.init else []
    files += [folder / segment.file for segment in one.segments]
    whole = out / f"whole.{files[-1].suffix}"
    whole.write_bytes(b"".join(file.read_bytes() for file in files))
    # MPEG-TS has no edit list: there the times tell how early the encoder began.
    starts_at = 0.2 if container == "ts" else 0.0
    with av.open(whole) as given:
        first = next(given.decode(audio=0))
        early = round((starts_at - float((first.pts or 0) * first.time_base)) * SAMPLE_RATE)
        resampler = av.AudioResampler(format="fltp")
        frames = [part for frame in (first, *given.decode(audio=0)) for part in resampler.resample(frame)]
        sound = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    lag = lag_samples(beeps(seconds), sound) - max(0, early)
    # Ticks of MPEG-TS are half a sample.
    assert abs(lag) <= (1 if container == "ts" else 0)
