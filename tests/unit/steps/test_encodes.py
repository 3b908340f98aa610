"""What is said of encodes that are not there."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cutroom.errors import ObjectMissing
from cutroom.steps.encodes import encode_facts
from cutroom.stores.files import FileStore


def test_an_encode_that_is_gone_is_named_with_the_way_out(tmp_path: Path) -> None:
    """As where a release took over in the middle of a run: it names encodes by other recipes than the plan."""
    shop: Any = SimpleNamespace(work=FileStore(tmp_path))
    with pytest.raises(
        ObjectMissing, match=r"en_gone is not in the store.*Clear the task `plan` and all after it"
    ):
        encode_facts(shop, "en_gone")
