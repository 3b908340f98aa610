"""Every codec, container and way of delivering, from the packaged bytes: each frame through each join."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import m3u8
import numpy as np
import numpy.typing as npt
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from mpegdash.parser import MPEGDASHParser

from awkward import TICKS, from_frames
from counted import SAMPLE_RATE, decode_sound, lag_samples, make_counted, read_counters
from cutroom.ffmpeg import tools
from cutroom.ffmpeg.probe import probe
from cutroom.media import video_plan as planning
from cutroom.media.limits import Limits
from cutroom.media.version import PublishedVersion
from cutroom.packaging.containers import TS_START_S
from cutroom.packaging.facts import RenditionFacts
from cutroom.settings import Settings
from cutroom.steps.local import check_folder, transcode

pytestmark = pytest.mark.media

KEY_ID = "00112233445566778899aabbccddeeff"
KEY = "000102030405060708090a0b0c0d0e0f"
SECONDS = 5
RATE = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("formats") / "source.mov"
    make_counted(path, seconds=SECONDS, rate=RATE, size=(192, 108))
    return path


@pytest.fixture(autouse=True)
def _one_segment_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut at every segment, so that there are as many joins as there can be."""
    monkeypatch.setattr(planning, "TARGET_CHUNK_COST_S", Fraction(1, 10**6))
    monkeypatch.setattr(planning, "CHUNKS_WANTED", 10**6)


def made(source: Path, tmp_path: Path, profile: str) -> tuple[Path, PublishedVersion, list[RenditionFacts]]:
    """What `transcode` makes of the source: the folder, the version, and the facts of its renditions."""
    path, out = tmp_path / "mine.yaml", tmp_path / "out"
    path.write_text(f"name: mine\ndescription: of a test\nsegment_s: 2\n{profile}")
    keys = f'{{"default": "{KEY_ID}:{KEY}"}}'
    version = transcode(
        source, out, profile=str(path), settings=Settings(home=tmp_path, content_keys=keys, encode_slots=2)
    )
    assert version.report["ok"]
    facts = [RenditionFacts.load(path.read_bytes()) for path in out.glob("renditions/*/rendition.json")]
    return out, version, sorted(facts, key=lambda one: (one.kind, one.name))


def whole(out: Path, one: RenditionFacts) -> Path:
    """A rendition's files one after the other, as a player appends them."""
    path = out / f"whole-{one.name}.{one.container}"
    path.write_bytes(b"".join((out / "renditions" / one.key / name).read_bytes() for name in one.files))
    return path


def presented_sound(path: Path, *, starts_at_s: float = 0) -> "npt.NDArray[np.float32]":
    """The samples from where the presentation starts on: what an encoder put in front has times before it."""
    argv = [
        tools.path("ffmpeg"),
        "-v",
        "error",
        "-copyts",
        "-i",
        str(path),
        "-af",
        f"atrim=start={starts_at_s}",
    ]
    argv += ["-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(argv, capture_output=True, check=True).stdout, np.float32)


ALL_CODECS = """
video:
  - {codec: h264, preset: ultrafast, rungs: [{box: 192x108, max_bitrate: 1M}]}
  - {codec: hevc, preset: ultrafast, bit_depth: 10, rungs: [{box: 192x108, max_bitrate: 1M}]}
  - {codec: vp9, preset: "8", rungs: [{box: 192x108, max_bitrate: 1M}]}
  - {codec: av1, preset: "12", bit_depth: 10, rungs: [{box: 192x108, max_bitrate: 1M}]}
audio:
  - {codec: aac, bitrates: [128k]}
  - {codec: opus, bitrates: [96k]}
  - {codec: flac}
  - {codec: ac3, bitrates: [192k]}
  - {codec: eac3, bitrates: [96k]}
  - {codec: mp3, bitrates: [128k]}
downloads:
  - {name: film, container: mp4, video: h264, audio: aac}
  - {name: film-vp9, container: webm, video: vp9, audio: opus}
  - {name: film-hevc, container: mp4, video: hevc, audio: eac3}
  - {name: sound-mp3, container: mp3, audio: mp3}
  - {name: sound-flac, container: flac, audio: flac}
  - {name: sound-ogg, container: ogg, audio: opus}
  - {name: sound-m4a, container: m4a, audio: aac}
"""


def test_every_codec_shows_every_frame_and_sample_in_segments_and_in_downloads(
    source: Path, tmp_path: Path
) -> None:
    out, version, facts = made(source, tmp_path, ALL_CODECS)
    count = round(SECONDS * RATE)
    video = [one for one in facts if one.kind == "video"]
    assert [one.codec_string.split(".")[0] for one in video] == ["av01", "avc1", "hvc1", "vp09"]
    # The decoder reads through every join; the numbers say which frame it saw.
    for one in video:
        assert len(one.segments) == 3, one.name
        assert read_counters(whole(out, one)) == list(range(count)), one.name
    assert len({(one.keyframe_ticks, one.timescale) for one in video}) == 1
    reference = decode_sound(source)
    audio = [one for one in facts if one.kind == "audio"]
    assert [one.codec_string for one in audio] == ["mp4a.40.2", "ac-3", "ec-3", "flac", "opus"]
    for one in audio:
        assert lag_samples(reference, presented_sound(whole(out, one))) == 0, one.name
    downloads = {name: out / key for name, key in version.downloads.items()}
    assert [path.name for path in downloads.values()] == [
        "film.mp4", "film-vp9.webm", "film-hevc.mp4", "sound-mp3.mp3", "sound-flac.flac", "sound-ogg.ogg",
        "sound-m4a.m4a",
    ]  # fmt: skip
    for name, path in downloads.items():
        if name.startswith("film"):
            assert read_counters(path) == list(range(count)), name
        assert lag_samples(reference, presented_sound(path)) == 0, name
    # A browser plays while it loads: the index is in front of the media.
    head = downloads["film"].read_bytes()
    assert head.index(b"moov") < head.index(b"mdat")


SMALL = """
video:
  - {codec: h264, preset: ultrafast, rungs: [{box: 192x108, max_bitrate: 1M}, {box: 128x72, max_bitrate: 400k}]}
audio:
  - {codec: aac, bitrates: [128k]}
"""


def test_one_set_of_encodes_is_delivered_as_cmaf_and_as_transport_streams(
    source: Path, tmp_path: Path
) -> None:
    out, version, facts = made(source, tmp_path, f"containers: [cmaf, ts]\n{SMALL}")
    assert (version.hls, version.dash) == ("master.m3u8", "manifest.mpd")
    assert version.other_manifests == {"hls-ts": "master-ts.m3u8"}
    reference = decode_sound(source)
    for one in (one for one in facts if one.container == "ts"):
        media = out / "renditions" / one.key / "media.m3u8"
        if one.kind == "video":
            assert read_counters(media) == list(range(round(SECONDS * RATE)))
        else:
            assert (
                lag_samples(reference, presented_sound(whole(out, one), starts_at_s=float(TS_START_S))) == 0
            )
    master = m3u8.load(str(out / "master-ts.m3u8"))
    assert all("init" not in (out / one.uri).read_text() for one in master.playlists)


def test_webm_shows_every_frame_in_dash_alone(source: Path, tmp_path: Path) -> None:
    profile = """
containers: [webm]
video: [{codec: vp9, preset: "8", rungs: [{box: 192x108, max_bitrate: 1M}]}]
audio: [{codec: opus, bitrates: [96k]}]
"""
    out, version, facts = made(source, tmp_path, profile)
    assert (version.hls, version.dash) == (None, "manifest.mpd")
    assert not list(out.glob("renditions/**/*.m3u8"))
    assert not (out / "master.m3u8").exists()
    # The other profiles of DASH speak of MP4.
    assert 'profiles="urn:mpeg:dash:profile:full:2011"' in (out / "manifest.mpd").read_text()
    for one in facts:
        if one.kind == "video":
            assert read_counters(whole(out, one)) == list(range(round(SECONDS * RATE)))
        else:
            assert lag_samples(decode_sound(source), presented_sound(whole(out, one))) == 0


def test_a_single_frame_goes_into_every_container(tmp_path: Path) -> None:
    """A packager states no rate of one frame, and so little of MPEG-TS may be taken for something else."""
    path = tmp_path / "source.mov"
    make_counted(path, seconds=0.04, size=(96, 54))
    profile = """
containers: [cmaf, ts, webm]
video:
  - {codec: h264, preset: ultrafast, rungs: [{box: 96x54, max_bitrate: 1M}]}
  - {codec: vp9, preset: "8", rungs: [{box: 96x54, max_bitrate: 1M}]}
audio: [{codec: aac, bitrates: [96k]}, {codec: opus, bitrates: [64k]}]
"""
    _, _, facts = made(path, tmp_path, profile)
    assert [one.decoded_frames for one in facts if one.kind == "video"] == [1] * 4


def test_a_profile_may_make_downloads_alone(source: Path, tmp_path: Path) -> None:
    profile = """
containers: [webm]
video: [{codec: h264, preset: ultrafast, rungs: [{box: 192x108, max_bitrate: 1M}]}]
downloads: [{name: film, container: mp4, video: h264}]
"""
    out, version, (film,) = made(source, tmp_path, profile)
    assert (version.hls, version.dash, float(version.duration_s)) == (
        None,
        None,
        pytest.approx(SECONDS, abs=0.1),
    )
    assert read_counters(out / "renditions" / film.key / "film.mp4") == list(range(round(SECONDS * RATE)))


def test_segments_of_a_single_file_are_where_playlist_and_index_say(source: Path, tmp_path: Path) -> None:
    out, _, facts = made(source, tmp_path, f"segments: single_file\n{SMALL}")
    for one in facts:
        folder = out / "renditions" / one.key
        assert list(one.files) == ["media.mp4"]
        data = (folder / "media.mp4").read_bytes()
        playlist = m3u8.load(str(folder / "media.m3u8"))
        assert one.init is not None
        pieces = [data[: one.init.size_bytes]]
        for segment in playlist.segments:
            size, _, offset = segment.byterange.partition("@")
            pieces.append(data[int(offset) : int(offset) + int(size)])
            assert pieces[-1][4:8] == b"moof"
        # Header and segments without the index: what an HLS player fetches.
        path = tmp_path / f"{one.name}.mp4"
        path.write_bytes(b"".join(pieces))
        if one.kind == "video":
            assert read_counters(path) == list(range(round(SECONDS * RATE)))
        else:
            assert lag_samples(decode_sound(source), presented_sound(path)) == 0


@pytest.mark.parametrize(
    "times", ["N*0.04+floor(N/10)*1.3", "N*0.4+mod(7*N,11)*0.013"], ids=["gaps", "jitter"]
)
def test_the_index_of_a_single_file_states_when_each_segment_is_shown_at_a_variable_rate(
    times: str, tmp_path: Path
) -> None:
    """With B-frames a segment's samples last otherwise as they are decoded than as they are shown."""
    source = tmp_path / "source.mp4"
    from_frames(f"setpts='({times})/TB'", options=TICKS)(source)
    ladder = SMALL.replace("preset: ultrafast", "preset: superfast")
    out, version, facts = made(source, tmp_path, f"segments: single_file\n{ladder}")
    assert version.report["ok"]
    for one in facts:
        if one.kind == "video":
            starts = [segment.start_ticks for segment in one.segments]
            assert starts == list(one.keyframe_ticks)
            assert len(starts) > 2
            with av.open(str(out / "renditions" / one.key / "media.mp4")) as opened:
                shown = [packet for packet in opened.demux(video=0) if packet.is_keyframe and packet.size]
            assert [packet.pts * packet.time_base for packet in shown] == [
                Fraction(start, one.timescale) for start in starts
            ]


@pytest.mark.parametrize("container", ["cmaf", "ts"])
def test_a_last_frame_after_a_pause_is_shown_as_long_as_the_source_shows_it(
    container: str, tmp_path: Path
) -> None:
    """A pause says nothing about the frame after it: the presentation would be twice as long."""
    source = tmp_path / "source.mp4"
    # 49 frames, and the last one a minute later.
    from_frames("setpts='(N*0.04+gt(N,48)*60)/TB'", options=TICKS)(source)
    ladder = SMALL.replace("preset: ultrafast", "preset: superfast")
    out, version, facts = made(source, tmp_path, f"containers: [{container}]\n{ladder}")
    assert version.report["ok"]
    pictures = [one for one in facts if one.kind == "video"]
    assert pictures
    for one in pictures:
        last = one.segments[-1]
        assert (last.start_ticks + last.duration_ticks) / one.timescale == pytest.approx(62, abs=0.01)
        playlist = m3u8.load(str(out / "renditions" / one.key / "media.m3u8"))
        assert sum(segment.duration for segment in playlist.segments) == pytest.approx(62, abs=0.01)
    if container == "cmaf":
        with av.open(str(whole(out, pictures[0]))) as opened:
            stream = opened.streams.video[0]
            shown = [packet for packet in opened.demux(stream) if packet.size]
            end = max(packet.pts + packet.duration for packet in shown) * stream.time_base
        assert float(end) == pytest.approx(62, abs=0.01)


def test_a_screen_recording_whose_second_frame_is_late_is_published_as_mpeg_ts(tmp_path: Path) -> None:
    """Decoding runs ahead of the first frame by less than MPEG-TS has room for, however far the second one is."""
    source = tmp_path / "source.mp4"
    # With times that are no whole ticks of MPEG-TS.
    late = "setpts='(N*0.0413+gt(N,0)*1.3)/TB'"
    from_frames(late, options=TICKS)(source)
    ladder = SMALL.replace("preset: ultrafast", "preset: superfast")
    out, version, _ = made(source, tmp_path, f"containers: [ts]\n{ladder}")
    assert version.report["ok"]
    report = check_folder(out, Settings(home=tmp_path), source)
    assert report["ok"]
    assert any("shows the frames of the file" in one["name"] for one in report["checks"])


def test_each_iframe_decodes_alone(source: Path, tmp_path: Path) -> None:
    out, _, facts = made(source, tmp_path, SMALL)
    one = next(one for one in facts if one.kind == "video")
    folder = out / "renditions" / one.key
    playlist = m3u8.load(str(folder / "iframes.m3u8"))
    assert playlist.is_i_frames_only
    for number, segment in enumerate(playlist.segments):
        size, _, offset = segment.byterange.partition("@")
        part = (folder / segment.uri).read_bytes()[int(offset) : int(offset) + int(size)]
        path = tmp_path / f"{number}.mp4"
        path.write_bytes((folder / "init.mp4").read_bytes() + part)
        assert read_counters(path)[:1] == [60 * number]


def test_each_keyframe_of_the_smallest_rung_is_a_segment_of_dash_trick_play(
    source: Path, tmp_path: Path
) -> None:
    out, _, facts = made(source, tmp_path, SMALL)
    large, small = (one for one in facts if one.kind == "video")
    assert large.trick_play is None
    assert small.trick_play is not None
    folder = out / "renditions" / small.key
    for number in range(3):
        path = tmp_path / "alone.mp4"
        segment = (folder / f"trick_{number + 1:05d}.m4s").read_bytes()
        path.write_bytes((folder / "trick.mp4").read_bytes() + segment)
        assert read_counters(path) == [60 * number]
    period = MPEGDASHParser.parse((out / "manifest.mpd").read_text()).periods[0]
    (trick,) = (
        one
        for one in period.adaptation_sets
        if any("trickmode" in each.scheme_id_uri for each in one.essential_properties or ())
    )
    (property_,) = trick.essential_properties
    (of,) = (one for one in period.adaptation_sets if str(one.id) == property_.value)
    assert {one.id for one in of.representations} == {large.key, small.key}
    (keyframes,) = trick.representations
    assert (keyframes.width, keyframes.height) == (small.width, small.height)
    assert keyframes.max_playout_rate == 60
    assert sum(small.trick_play.sizes_bytes) < small.size_bytes / 2
    assert check_folder(out, Settings(home=tmp_path))["ok"]
    (folder / "trick_00002.m4s").write_bytes(b"other")
    assert not check_folder(out, Settings(home=tmp_path))["ok"]


@pytest.mark.parametrize(("scheme", "segments"), [("cenc", "single_file"), ("cbcs", "files")])
def test_locked_segments_open_with_the_key_and_with_no_other(
    scheme: str, segments: str, source: Path, tmp_path: Path
) -> None:
    lock = f"encryption: {{scheme: {scheme}, key_uri: 'https://keys.example/{{key_id}}'}}\n"
    lock += f"segments: {segments}\n"
    out, _, facts = made(source, tmp_path, lock + SMALL)
    one = next(one for one in facts if one.kind == "video")
    locked = whole(out, one)

    def shown(key: str) -> bytes:
        argv = [
            tools.path("ffmpeg"),
            "-v",
            "quiet",
            "-decryption_key",
            key,
            "-i",
            locked,
            "-f",
            "framemd5",
            "-",
        ]
        return subprocess.run(argv, capture_output=True, check=False).stdout

    opened = tmp_path / "opened.mp4"
    argv = [tools.path("ffmpeg"), "-v", "error", "-decryption_key", KEY, "-i", locked, "-c", "copy", opened]
    subprocess.run(argv, check=True)
    assert read_counters(opened) == list(range(round(SECONDS * RATE)))
    assert shown(KEY) != shown("0" * 32)
    assert f'URI="https://keys.example/{KEY_ID}"' in (out / "renditions" / one.key / "media.m3u8").read_text()
    assert "EXT-X-SESSION-KEY" in (out / "master.m3u8").read_text()
    assert "ContentProtection" in (out / "manifest.mpd").read_text()


def test_segments_locked_as_a_whole_open_with_the_key_of_their_playlist(source: Path, tmp_path: Path) -> None:
    lock = "containers: [ts]\nencryption: {scheme: aes-128, key_uri: 'https://keys.example/k'}\n"
    out, version, facts = made(source, tmp_path, lock + SMALL)
    assert version.dash is None
    vectors = set()
    for one in facts:
        folder = out / "renditions" / one.key
        clear = b""
        for segment in m3u8.load(str(folder / "media.m3u8")).segments:
            assert (segment.key.method, segment.key.uri) == ("AES-128", "https://keys.example/k")
            vectors.add(segment.key.iv)
            decryptor = Cipher(AES(bytes.fromhex(KEY)), CBC(bytes.fromhex(segment.key.iv[2:]))).decryptor()
            padded = decryptor.update((folder / segment.uri).read_bytes()) + decryptor.finalize()
            clear += padded[: -padded[-1]]
        path = tmp_path / f"{one.name}.ts"
        path.write_bytes(clear)
        if one.kind == "video":
            assert read_counters(path) == list(range(round(SECONDS * RATE)))
        assert not (folder / "iframes.m3u8").exists()
    # No two segments of anything share a vector.
    assert len(vectors) == sum(len(one.segments) for one in facts)


def test_a_key_is_in_no_file_that_is_kept(
    source: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lock = "encryption: {scheme: cenc, key_uri: 'https://keys.example/k'}\n"
    with caplog.at_level("DEBUG"):
        made(source, tmp_path, lock + SMALL)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    for path in written:
        data = path.read_bytes()
        assert KEY.encode() not in data, path
        assert bytes.fromhex(KEY) not in data, path
    assert KEY not in caplog.text


SHOWN = ("color_transfer", "color_primaries", "color_space", "pix_fmt")


@pytest.mark.parametrize(
    ("name", "video_range", "transfer"),
    [
        ("phone-4s-portrait-720x1280-av1-hdr10-aac.mp4", "PQ", "smpte2084"),
        ("rooftop-3s-1080p-hevc-main10-hlg.mp4", "HLG", "arib-std-b67"),
    ],
)
def test_hdr_is_kept_with_its_signalling_beside_a_variant_in_sdr(
    name: str, video_range: str, transfer: str, corpus: Path, tmp_path: Path
) -> None:
    profile = """
video:
  - {codec: hevc, preset: ultrafast, bit_depth: 10, hdr: keep, rungs: [{box: 320x180, max_bitrate: 1M}]}
  - {codec: av1, preset: "12", bit_depth: 10, hdr: keep, rungs: [{box: 320x180, max_bitrate: 1M}]}
  - {codec: h264, preset: ultrafast, rungs: [{box: 320x180, max_bitrate: 1M}]}
"""
    out, _, facts = made(corpus / name, tmp_path, profile)
    video = {one.codec_string.split(".")[0]: one for one in facts if one.kind == "video"}
    assert {codec: one.video_range for codec, one in video.items()} == {
        "hvc1": video_range, "av01": video_range, "avc1": "SDR",
    }  # fmt: skip
    for codec, one in video.items():
        seen = subprocess.run(
            [tools.path("ffprobe"), "-v", "error", "-show_entries", f"stream={','.join(SHOWN)}", "-of", "default",
             whole(out, one)],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert f"color_transfer={'bt709' if codec == 'avc1' else transfer}" in seen, codec
        assert f"color_primaries={'bt709' if codec == 'avc1' else 'bt2020'}" in seen, codec
        assert f"pix_fmt={'yuv420p' if codec == 'avc1' else 'yuv420p10le'}" in seen, codec
    master = m3u8.load(str(out / "master.m3u8"))
    variants = [(one.stream_info.video_range, one.stream_info.frame_rate) for one in master.playlists]
    assert [shown for shown, _ in variants] == [video_range, video_range, "SDR"]
    # Apple's players refuse HDR without it.
    assert all(rate for _, rate in variants)
    mpd = (out / "manifest.mpd").read_text()
    point = {"PQ": 16, "HLG": 18}[video_range]
    # Of each codec the pictures, and its keyframes alone.
    assert mpd.count(f'TransferCharacteristics" value="{point}"') == 4


def test_what_the_mastering_display_could_show_is_handed_on(tmp_path: Path) -> None:
    source = tmp_path / "hdr10.mp4"
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    color = "hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x72:r=25:d=3", "-pix_fmt",
         "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-color_trc", "smpte2084", "-x265-params",
         f"log-level=0:{color}:master-display={display}:max-cll=1000,400", source],
        check=True,
    )  # fmt: skip
    profile = """
video:
  - {codec: hevc, preset: ultrafast, bit_depth: 10, hdr: keep, rungs: [{box: 128x72, max_bitrate: 1M}]}
  - {codec: av1, preset: "12", bit_depth: 10, hdr: keep, rungs: [{box: 128x72, max_bitrate: 1M}]}
"""
    out, _, facts = made(source, tmp_path, profile)
    for one in facts:
        argv = [tools.path("ffmpeg"), "-hide_banner", "-i", whole(out, one), "-vf", "showinfo"]
        argv += ["-frames:v", "1", "-f", "null", "-"]
        said = subprocess.run(argv, capture_output=True, text=True, check=True).stderr
        assert "max_luminance=1000.000000" in said, one.name
        assert "MaxCLL=1000, MaxFALL=400" in said, one.name
    found, _ = probe(source, sha256="0" * 64, log=tmp_path / "log", limits=Limits())
    told = " ".join(found.notes)
    assert "display of 1000 cd/m²" in told
    assert "brightest pixel has 1000 cd/m², its brightest frame 400" in told


def test_a_surround_track_is_delivered_in_stereo_and_in_surround(tmp_path: Path) -> None:
    source = tmp_path / "surround.mov"
    subprocess.run(
        [tools.path("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "sine=440:d=3:r=48000", "-f", "lavfi", "-i",
         "testsrc2=s=64x36:r=25:d=3", "-af", "aformat=channel_layouts=5.1", "-c:a", "pcm_s16le", "-c:v", "libx264",
         "-preset", "ultrafast", source],
        check=True,
    )  # fmt: skip
    profile = """
video: [{codec: h264, preset: ultrafast, rungs: [{box: 64x36, max_bitrate: 300k}]}]
audio:
  - {codec: aac, bitrates: [128k]}
  - {codec: aac, bitrates: [384k], channels: 6}
  - {codec: eac3, bitrates: [256k], channels: 6}
"""
    out, _, facts = made(source, tmp_path, profile)
    audio = {one.name: one for one in facts if one.kind == "audio"}
    assert {one.channels for one in audio.values()} == {2, 6}
    master = m3u8.load(str(out / "master.m3u8"))
    groups = {media.group_id: (media.channels, media.uri) for media in master.media}
    assert sorted(channels for channels, _ in groups.values()) == ["2", "6", "6"]
    codecs = [variant.stream_info.codecs.split(",")[1] for variant in master.playlists]
    assert codecs == ["mp4a.40.2", "mp4a.40.2", "ec-3"]
