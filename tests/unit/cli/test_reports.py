"""What is told of uploaded files."""

import json
import os

import pytest

from cutroom.cli.reports import Report, Reports


def report(name: str) -> Report:
    return {"file": name, "status": "uploaded", "reason": "", "asset_id": "as_1", "playback": None}


def test_json_is_told_once_as_soon_as_it_is_final(capsys: pytest.CaptureFixture[str]) -> None:
    reports = Reports(as_json=True)
    reports.add(report("a.mp4"))
    reports.add(report("b.mp4"))
    reports.tell(1)
    assert [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()] == ["a.mp4"]
    reports.add(report("c.mp4"))
    reports.tell_all()
    assert [json.loads(line)["file"] for line in capsys.readouterr().out.splitlines()] == ["b.mp4", "c.mp4"]


def test_words_are_told_in_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    reports = Reports(as_json=False)
    reports.add(report("a.mp4"))
    reports.tell()
    assert capsys.readouterr().out == ""
    reports.tell_all()
    assert capsys.readouterr().out == "a.mp4: uploaded, asset as_1\n"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_name_that_is_no_text_can_be_told(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    reports = Reports(as_json=as_json)
    reports.add(report(os.fsdecode(b"bad\xff.mp4")))
    reports.tell_all()
    assert "bad?.mp4" in capsys.readouterr().out
