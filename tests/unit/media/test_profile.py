from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import strategies
from cutroom.errors import ProfileInvalid
from cutroom.media.profile import Profile, load_profile, parse_profile, profile_names
from cutroom.media.recipes import AudioCodec, Download, Encryption, Rung, Thumbnails, VideoCodec

GOOD = """
name: mine
description: of mine
segment_s: 4
video:
  - {codec: h264, crf: 20, rungs: [{box: 1280x720, max_bitrate: 3.5M}, {box: 640x360, max_bitrate: 900k, crf: 24}]}
audio:
  - {codec: aac, bitrates: [128k, 64000]}
"""


def refused(**changes: object) -> str:
    """What is said of the good profile with these changes; None takes a key out."""
    value = {**yaml.safe_load(GOOD), **changes}
    with pytest.raises(ProfileInvalid) as error:
        parse_profile(yaml.safe_dump({k: v for k, v in value.items() if v is not None}), "mine.yaml")
    return str(error.value)


def video(**changes: object) -> list[dict[str, object]]:
    return [{"codec": "h264", "rungs": [{"box": "640x360", "max_bitrate": "1M"}], **changes}]


def rung(**changes: object) -> list[dict[str, object]]:
    return video(rungs=[{"box": "640x360", "max_bitrate": "1M", **changes}])


def test_decimal_numbers_are_taken_as_they_are_written() -> None:
    given = yaml.safe_load(GOOD) | {"segment_s": 2.2, "closest_rungs": 0.9, "video": rung(max_fps=29.97)}
    profile = parse_profile(yaml.safe_dump(given), "mine.yaml")
    assert (profile.segment_s, profile.closest_rungs) == (Fraction(11, 5), Fraction(9, 10))
    assert profile.video[0].rungs[0].max_fps == Fraction(2997, 100)


def test_bit_rates_and_boxes_are_read_as_they_are_written() -> None:
    profile = parse_profile(GOOD, "mine.yaml")
    assert profile.segment_s == 4
    assert [one.max_bitrate for one in profile.video[0].rungs] == [3_500_000, 900_000]
    assert [one.box for one in profile.video[0].rungs] == [(1280, 720), (640, 360)]
    assert profile.audio[0].bitrates == (128_000, 64_000)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"segmant_s": 4}, ["segmant_s", "not a key", "segment_s"]),
        ({"video": video(rungz=[])}, ["video.0.rungz", "not a key", "rungs"]),
        ({"video": rung(size="1x1")}, ["video.0.rungs.0.size", "not a key", "box", "max_bitrate"]),
        ({"audio": [{"codec": "aac", "bitrates": ["64k"], "quality": 1}]}, ["audio.0.quality", "bitrates"]),
        ({"thumbnails": {"tiles": 3}}, ["thumbnails.tiles", "columns", "rows"]),
        ({"name": None}, ["name is missing"]),
        ({"name": "My Profile"}, ["name", "'My Profile'", "^[a-z]"]),
        ({"segment_s": 0.5}, ["segment_s", "0.5", "greater than or equal to 1"]),
        ({"segment_s": 31}, ["segment_s", "31", "less than or equal to 30"]),
        ({"video": video(codec="vp8")}, ["video.0.codec", "'vp8'", "'h264'"]),
        ({"video": video(preset="warp")}, ["video.0: `preset` 'warp'", "h264", "ultrafast, superfast"]),
        ({"video": video(codec="av1", preset="fast")}, ["`preset` 'fast'", "av1", "12, 13"]),
        ({"video": rung(max_bitrate=1)}, ["rungs.0.max_bitrate", "greater than or equal to 10000"]),
        ({"video": rung(max_bitrate="9000M")}, ["rungs.0.max_bitrate", "less than or equal to 300000000"]),
        ({"video": rung(box="2x2")}, ["rungs.0.box", "greater than or equal to 16"]),
        ({"video": video(crf=64)}, ["video.0: `crf` 64", "h264", "1 to 51"]),
        ({"video": rung(crf=52)}, ["video.0: `rungs.0.crf` 52", "h264", "1 to 51"]),
        ({"video": video(codec="av1", crf=float("nan"))}, ["video.0: `crf` nan", "av1", "1 to 63"]),
        ({"video": video(buffer_s=0)}, ["video.0.buffer_s", "0", "greater than 0"]),
        ({"video": video(rungs=[])}, ["video.0.rungs", "[]", "at least 1"]),
        ({"video": rung(box=1280)}, ["video.0.rungs.0.box", "1280", "1920x1080"]),
        ({"video": rung(box="1280x")}, ["video.0.rungs.0.box", "'1280x'", "1920x1080"]),
        ({"video": rung(box="1280xx720")}, ["video.0.rungs.0.box", "'1280xx720'", "1920x1080"]),
        ({"video": rung(max_bitrate="fast")}, ["video.0.rungs.0.max_bitrate", "'fast'", "800k"]),
        ({"video": rung(max_bitrate="1.2.3M")}, ["video.0.rungs.0.max_bitrate", "'1.2.3M'", "800k"]),
        ({"video": rung(max_fps=0)}, ["video.0.rungs.0.max_fps", "0", "greater than or equal to 1"]),
        ({"video": rung(max_fps=500)}, ["video.0.rungs.0.max_fps", "500", "less than or equal to 240"]),
        ({"video": rung(max_fps="half")}, ["video.0.rungs.0.max_fps", "'half'", "not a valid fraction"]),
        ({"video": rung(max_bitrate=0)}, ["video.0.rungs.0.max_bitrate", "0", "greater than 0"]),
        ({"audio": [{"codec": "wma", "bitrates": ["64k"]}]}, ["audio.0.codec", "'wma'", "'aac'"]),
        ({"audio": [{"codec": "aac", "bitrates": ["64k"], "channels": 3}]}, ["audio.0.channels", "3", "1, 2 or 6"]),
        ({"audio": [{"codec": "mp3", "bitrates": ["64k"], "channels": 6}]}, ["audio.0: `channels`", "6", "up to 2"]),
        ({"audio": [{"codec": "aac", "bitrates": [128]}]}, ["bitrates.0", "128", "greater than or equal to 8000"]),
        ({"audio": [{"codec": "aac", "bitrates": ["5M"]}]}, ["bitrates.0", "'5M'", "less than or equal to 1536000"]),
        ({"containers": "cmaf"}, ["containers", "'cmaf'", "a list"]),
        ({"audio": [{"codec": "aac"}]}, ["audio.0: aac needs `bitrates`", "128k"]),
        ({"audio": [{"codec": "flac", "bitrates": ["64k"]}]}, ["audio.0: flac is lossless", "`bitrates`"]),
        ({"audio": [{"codec": "aac", "bitrates": ["64k"], "loudness_lufs": 3}]}, ["audio.0.loudness_lufs", "3", "-5"]),
        ({"audio": [{"codec": "mp3", "bitrates": ["64k"]}]}, ["`audio` makes mp3", "nothing delivers", "a download"]),
        ({"containers": ["webm"]}, ["`video` makes h264", "webm", "cmaf or ts"]),
        ({"containers": ["mkv"]}, ["containers.0", "'mkv'", "'cmaf'", "'ts'", "'webm'"]),
        ({"containers": ["cmaf", "cmaf"]}, ["`containers`", "once"]),
        ({"segments": "single_file", "containers": ["ts"]}, ["`segments: single_file`", "cmaf", "`containers` is ts"]),
        ({"segments": "one"}, ["segments", "'one'", "'single_file'"]),
        ({"closest_rungs": 2}, ["closest_rungs", "2", "less than or equal to 1"]),
        ({"video": video(bit_depth=10)}, ["video.0: `bit_depth` 10", "h264", "allowed: 8"]),
        ({"video": video(codec="hevc", hdr="keep")}, ["video.0: `hdr: keep`", "`bit_depth: 10`"]),
        ({"video": video(crf=0)}, ["video.0: `crf` 0", "h264", "1 to 51"]),
        (
            {"downloads": [{"name": "copy", "container": "m4a", "audio": "flac"}]},
            ["`container` m4a does not hold flac", "aac, ac3"],
        ),
        ({"video": video(codec="hevc", crf=60)}, ["video.0: `crf` 60", "hevc", "0 to 51"]),
        ({"downloads": [{"name": "a", "container": "mp4"}]}, ["downloads.0", "`video` or `audio`"]),
        ({"downloads": [{"name": "a", "container": "mp3", "audio": "aac"}]}, ["downloads.0", "mp3", "aac"]),
        ({"downloads": [{"name": "a", "container": "mp4", "video": "av1"}]}, ["`downloads.0.video`", "'av1'", "h264"]),
        ({"downloads": [{"name": "a", "format": "mp4"}]}, ["downloads.0.format", "not a key", "container"]),
        ({"encryption": {"scheme": "cenc", "key": "K 1", "key_uri": "https://k"}}, ["encryption.key", "'K 1'"]),
        ({"encryption": {"scheme": "rot13", "key_uri": "https://k"}}, ["encryption.scheme", "'rot13'", "'cbcs'"]),
        ({"encryption": {"scheme": "aes-128", "key_uri": "https://k"}}, ["aes-128 locks ts", "`containers` is cmaf"]),
        ({"encryption": {"scheme": "cenc", "key_uri": "https://k", "hex": "00"}}, ["encryption.hex", "key_uri"]),
        ({"video": None, "audio": None}, ["video", "audio"]),
        ({"video": [*video(), *video()]}, ["video", "h264 and h264", "once"]),
    ],
)  # fmt: skip
def test_a_refusal_names_the_key_what_was_given_and_what_is_allowed(
    changes: dict[str, object], words: list[str]
) -> None:
    said = refused(**changes)
    assert said.startswith("mine.yaml: ")
    for word in words:
        assert word in said


def test_a_refusal_says_each_thing_once() -> None:
    assert refused(video=rung(max_bitrate="fast")).count("video.0") == 1


def test_all_mistakes_are_named_at_once() -> None:
    said = refused(segment_s=99, nonsense=1)
    assert "segment_s" in said
    assert "nonsense" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "is not YAML in line 1"),
        ("a: 1\nb: 2\na: 3", "a is there twice"),
        ("- 1", "not a mapping"),
        ("", "not a mapping"),
        ("a: \0", "is not YAML: unacceptable character"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(text: str, words: str) -> None:
    with pytest.raises(ProfileInvalid, match=words):
        parse_profile(text, "mine.yaml")


@given(strategies.profiles, st.randoms())
def test_the_digest_does_not_depend_on_the_order_of_keys(
    profile: Profile, random: "st.random.Random"
) -> None:
    def mixed(value: object) -> object:
        if isinstance(value, dict):
            pairs = [(key, mixed(inner)) for key, inner in value.items()]
            random.shuffle(pairs)
            return dict(pairs)
        return [mixed(one) for one in value] if isinstance(value, list | tuple) else value

    again = Profile.model_validate(mixed(profile.model_dump()))
    assert again.digest == profile.digest


@given(strategies.profiles, strategies.texts)
def test_the_digest_does_not_depend_on_the_description(profile: Profile, description: str) -> None:
    assert profile.model_copy(update={"description": description}).digest == profile.digest


def test_two_spellings_of_one_value_have_one_digest() -> None:
    plain = GOOD.replace("3.5M", "3500000").replace("128k", "128000").replace("crf: 20", "crf: 20.0")
    assert parse_profile(plain, "plain").digest == parse_profile(GOOD, "mine").digest


@given(strategies.profiles, strategies.profiles)
def test_what_asks_for_other_things_has_another_digest(one: Profile, other: Profile) -> None:
    same = one.model_dump(exclude={"description"}) == other.model_dump(exclude={"description"})
    assert (one.digest == other.digest) == same


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_that_comes_with_cutroom_loads(name: str) -> None:
    profile = load_profile(name)
    assert profile.name == name
    assert profile.description


def test_the_profiles_that_come_with_cutroom_are_found() -> None:
    assert {"web", "podcast"} <= set(profile_names())


def test_a_profile_of_ones_own_is_loaded_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    assert load_profile(str(tmp_path / "mine.yaml")).name == "mine"


def test_an_unknown_name_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(ProfileInvalid, match=r"'wbe'.*podcast.*web"):
        load_profile("wbe")


def test_a_path_without_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileInvalid, match="no profile file"):
        load_profile(str(tmp_path / "none.yaml"))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(GOOD.replace("of mine", "für mich").encode("latin-1"))
    with pytest.raises(ProfileInvalid, match=r"latin.yaml is no text in UTF-8"):
        load_profile(str(tmp_path / "latin.yaml"))


def test_the_page_of_profiles_shows_every_key_in_a_profile_that_is_taken() -> None:
    page = (Path(__file__).parents[3] / "docs" / "profiles.md").read_text()
    shown = yaml.safe_load(page.partition("## Keys")[2].partition("```yaml\n")[2].partition("```")[0])

    def keys(value: object) -> set[str]:
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return set(value if isinstance(value, dict) else ()).union(*map(keys, inside))

    parts = (Profile, VideoCodec, Rung, AudioCodec, Download, Encryption, Thumbnails)
    assert keys(shown) == {key for part in parts for key in part.model_fields}
    # What is locked is not given away in clear.
    for one in ("downloads", "encryption"):
        parse_profile(yaml.safe_dump({key: value for key, value in shown.items() if key != one}), "page")


LOCK = {"scheme": "cenc", "key_uri": "https://keys.example/{key_id}"}


def test_what_would_be_delivered_in_clear_is_refused_beside_encryption() -> None:
    copy = [{"name": "copy", "container": "mp4", "video": "h264", "audio": "aac"}]
    assert "`downloads` would not be locked" in refused(encryption=LOCK, downloads=copy)


def test_each_codec_goes_into_every_container_that_carries_it() -> None:
    both = yaml.safe_load(GOOD) | {"containers": ["cmaf", "ts"]}
    profile = parse_profile(yaml.safe_dump(both), "mine.yaml")
    assert profile.containers_of("h264") == ("cmaf", "ts")
    assert profile.containers_of("opus") == ("cmaf",)


def test_a_recipe_without_preset_and_quality_gets_what_suits_its_codec() -> None:
    profile = parse_profile(yaml.safe_dump(yaml.safe_load(GOOD) | {"video": video(codec="av1")}), "mine.yaml")
    assert (profile.video[0].speed, profile.video[0].quality) == ("8", 32)
