"""`cutroom check` as an operator runs it: what it prints, what it repairs, and its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from block_house import BlockHouse, block_house
from block_rigs import contents, run
from cutroom.blocks.block import block_of
from cutroom.settings import Settings
from cutroom.stores.catalog import Catalog

pytestmark = pytest.mark.stack

DATA = contents(4)
BLOCKS = [block_of(each) for each in DATA]
GONE, WRONG = BLOCKS[0].block_id, BLOCKS[2].block_id
Check = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def house(stack: Settings, catalog: Catalog) -> Iterator[BlockHouse]:
    with block_house(stack, catalog.database) as house:
        house.rig.upload(DATA, owner="eva", lease_id="one", reference_id="fv_one")
        yield house


@pytest.fixture
def command(house: BlockHouse, stack: Settings, empty_database: str) -> Callable[..., Any]:
    environment = {
        **os.environ, "CUTROOM_DATABASE_URL": empty_database, "CUTROOM_BLOCKS_BUCKET": house.bucket,
        "CUTROOM_HOME": str(stack.home), "PYTHONWARNINGS": "ignore",
    }  # fmt: skip

    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", "from cutroom.cli.main import main; main()", "check", *arguments],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return command


@pytest.fixture
def check(command: Callable[..., Any]) -> Check:
    """The exit code, and what was told as JSON."""

    def check(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = command("--json", *arguments)
        return done.returncode, json.loads(done.stdout)

    return check


def damage(house: BlockHouse) -> None:
    """The first block is lost, the third has another byte."""
    gone, wrong = (
        next(key for key in house.object_keys() if key.startswith("blocks/") and name in key)
        for name in (GONE, WRONG)
    )
    house.client.delete_object(Bucket=house.bucket, Key=gone)
    house.client.put_object(Bucket=house.bucket, Key=wrong, Body=DATA[2][:-1] + b"x")


def test_whole_blocks_are_counted(check: Check, command: Callable[..., Any]) -> None:
    assert check() == (
        0,
        {
            "read": 4, "read_bytes": sum(map(len, DATA)), "missing": [], "corrupt": [], "unreferenced": 0,
            "restored": [], "lost": {},
        },
    )  # fmt: skip
    code, told = check("--sample", "3")
    assert (code, told["read"]) == (0, 3)
    done = command()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"4 blocks read ({sum(map(len, DATA))} bytes): 0 missing, 0 corrupt; 0 put back; 0 belong to no file.\n"
    )


def test_damage_is_told_until_it_is_repaired(
    house: BlockHouse, check: Check, command: Callable[..., Any], tmp_path: Path
) -> None:
    damage(house)
    code, told = check()
    assert (code, told["missing"], told["corrupt"]) == (1, [GONE], [WRONG])
    assert told["lost"] == {"fv_one": sorted([GONE, WRONG])}
    done = command()
    assert done.returncode == 1
    assert "fv_one has lost 2 blocks: upload it again, or --repair --from FILE" in done.stdout
    # No object that the file came from is known: nothing is made up.
    code, told = check("--repair")
    assert (code, told["restored"]) == (1, [])
    copy = tmp_path / "copy"
    copy.write_bytes(b"".join(DATA))
    code, told = check("--repair", "--from", str(copy))
    assert (code, sorted(told["restored"]), told["lost"]) == (0, sorted([GONE, WRONG]), {})
    code, told = check()
    assert (code, told["missing"], told["corrupt"]) == (0, [], [])
    assert house.rig.read("fv_one") == b"".join(DATA)


def test_lost_blocks_that_no_file_has_are_told_and_are_no_failure(house: BlockHouse, check: Check) -> None:
    house.service.release_blocks("fv_one")
    damage(house)
    code, told = check()
    assert (code, told["missing"], told["corrupt"], told["unreferenced"]) == (0, [GONE], [WRONG], 4)
    assert told["lost"] == {}
    run(house.database, "UPDATE block_leases SET expires_at = now() - interval '30 days'")
    for _ in range(2):
        house.pass_time(10 * 24 * 3600)
        house.collect()
    code, told = check()
    assert (code, told["read"]) == (0, 0)


@pytest.mark.parametrize(
    "arguments", [["--sample", "0"], ["--repair", "--from", "/nowhere"], ["--from", __file__], ["--every"]]
)
def test_what_can_not_be_meant_is_wrong_usage(command: Callable[..., Any], arguments: list[str]) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert arguments[-2 if len(arguments) > 1 else 0] in done.stderr
