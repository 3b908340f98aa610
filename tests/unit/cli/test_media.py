"""What the commands about media say of what they are given."""

from pathlib import Path

import pytest

from cutroom.cli.media import verify
from cutroom.errors import UsageError


@pytest.mark.parametrize("what", ["report.json", "nowhere"])
def test_verify_says_what_it_takes(what: str, tmp_path: Path) -> None:
    (tmp_path / "report.json").touch()
    with pytest.raises(UsageError, match=r"no folder .*, and the id of an asset begins with as_"):
        verify(str(tmp_path / what), source=None, as_json=False)
