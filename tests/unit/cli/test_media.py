"""What the commands about media say of what they are given."""

from dataclasses import replace
from pathlib import Path

import pytest

from catalog_servers import version
from cutroom.cli.media import transcode, verify
from cutroom.errors import UsageError


@pytest.mark.parametrize("what", ["report.json", "nowhere"])
def test_verify_says_what_it_takes(what: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").touch()
    with pytest.raises(UsageError, match=r"no folder .*, and the id of an asset begins with as_"):
        verify(str(tmp_path / what), source=None, as_json=False)


def test_transcode_tells_of_each_rendition_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A download by its path, too."""
    made = version()
    last = made.renditions[-1]
    made = replace(made, report={"checks": []}, downloads={"film": f"{last.prefix}film.mp4"})
    monkeypatch.setattr("cutroom.steps.local.transcode", lambda *_, **__: made)
    transcode(Path("film.mkv"), Path("out"), profile="web", as_json=False)
    *rows, _ = capsys.readouterr().out.splitlines()
    assert len(rows) == len(made.renditions)
    assert [row for row in rows if f"out/{last.prefix}film.mp4" in row] == [rows[-1]]
