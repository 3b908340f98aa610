"""The folder of `cutroom transcode`: one run at a time, and one version when it is done."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cutroom.errors import Conflict, EncoderKilled, SourceCorrupt, UsageError
from cutroom.media.version import PublishedRendition, PublishedVersion
from cutroom.steps.out_folder import reveal, work_in

RENDITION = PublishedRendition(
    rendition_key="rn_1", kind="video", codec_string="avc1.64001f", container="cmaf", bandwidth_bps=1,
    average_bandwidth_bps=1, bytes=1, segments=1, prefix="renditions/rn_1/",
)  # fmt: skip
VERSION = PublishedVersion(
    asset_id="as_1", version_id="av_1", profile="web", profile_digest="1", source_sha256="1", prefix="",
    hls="master.m3u8", dash=None, poster=None, thumbnails={}, duration_s="1", renditions=(RENDITION,), report={},
)  # fmt: skip


def revealed(out: Path, keys: list[str], names: list[str]) -> set[str]:
    """Names in the folder after a run that made these renditions and files."""
    with work_in(out) as work:
        media = work / "media"
        for name in [*names, *(f"renditions/{key}/rendition.json" for key in keys)]:
            (media / name).parent.mkdir(parents=True, exist_ok=True)
            (media / name).write_text(name)
        noted = dict.fromkeys((*names, *(f"renditions/{key}/rendition.json" for key in keys)), "")
        (media / "report.json").write_text(json.dumps({"files": noted}))
        reveal(
            media,
            out,
            replace(VERSION, renditions=tuple(replace(RENDITION, rendition_key=key) for key in keys)),
        )
    return {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}


def test_a_version_takes_the_place_of_the_one_before_it_and_leaves_alone_what_is_nobodys(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    revealed(out, ["rn_1", "rn_2"], ["master.m3u8", "manifest.mpd"])
    (out / "notes.txt").write_text("mine")
    assert revealed(out, ["rn_2", "rn_3"], ["master.m3u8"]) == {
        "notes.txt",
        "report.json",
        "master.m3u8",
        "renditions/rn_2/rendition.json",
        "renditions/rn_3/rendition.json",
    }


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no JSON",
        "[]",
        *(json.dumps({"files": {name: ""}}) for name in ("..", "../mine", "../renditions/rn_2/mine", "a/b")),
    ],
)
def test_a_report_that_is_none_of_ours_removes_nothing(said: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "report.json").write_text(said)
    own = [tmp_path / "mine", tmp_path / "renditions" / "rn_2" / "mine", out / "a" / "b"]
    for path in own:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text("mine")
    revealed(out, ["rn_1"], ["master.m3u8"])
    assert all(path.exists() for path in own)


def test_two_runs_do_not_write_the_same_folder(tmp_path: Path) -> None:
    with work_in(tmp_path / "out"), pytest.raises(Conflict, match="is writing"), work_in(tmp_path / "out"):
        pass
    with work_in(tmp_path / "out"):
        pass


@pytest.mark.parametrize("was_there", [False, True])
def test_a_source_that_is_rejected_leaves_nothing(was_there: bool, tmp_path: Path) -> None:
    out = tmp_path / "out"
    if was_there:
        out.mkdir()
    with pytest.raises(SourceCorrupt), work_in(out):
        raise SourceCorrupt("The file is empty.")
    assert list(tmp_path.rglob("*")) == [out] * was_there


def test_a_run_that_may_go_on_finds_what_was_done_but_not_what_tools_left(tmp_path: Path) -> None:
    for name in ("work", "scratch"):
        (tmp_path / "out" / ".work" / name).mkdir(parents=True)
    with pytest.raises(EncoderKilled), work_in(tmp_path / "out"):
        raise EncoderKilled("ffmpeg ran out of disk.")
    with work_in(tmp_path / "out") as work:
        assert [one.name for one in work.iterdir()] == ["work"]
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_is_no_folder_to_write(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").touch()
    for out in (tmp_path / "film.mp4", tmp_path / "film.mp4" / "out"):
        with pytest.raises(UsageError, match=r"film\.mp4"), work_in(out):
            pass
