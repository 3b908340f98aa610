from pathlib import Path

import pytest

from cutroom.errors import MigrationsDiffer
from cutroom.stores.migrations import Migration, plan_migrations, read_migrations

ONE, TWO = Migration(name="0001_one", sql="SELECT 1"), Migration(name="0002_two", sql="SELECT 2")


def test_only_missing_migrations_are_planned_and_in_order() -> None:
    assert plan_migrations([ONE, TWO], {}) == [ONE, TWO]
    assert plan_migrations([ONE, TWO], {"0001_one": ONE.checksum}) == [TWO]
    assert plan_migrations([ONE, TWO], {"0001_one": ONE.checksum, "0002_two": TWO.checksum}) == []


def test_an_applied_migration_must_not_change() -> None:
    with pytest.raises(MigrationsDiffer, match=r"sql/0001_one\.sql was changed after it was applied"):
        plan_migrations([ONE, TWO], {"0001_one": "other"})


def test_a_database_of_a_newer_cutroom_is_left_alone() -> None:
    with pytest.raises(MigrationsDiffer, match="0003_three"):
        plan_migrations([ONE], {"0001_one": ONE.checksum, "0003_three": "x"})


def test_numbers_must_not_repeat(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0001_b.sql"):
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(MigrationsDiffer, match="no number twice"):
        read_migrations(tmp_path)


def test_the_projects_own_migrations_are_read_in_order() -> None:
    names = [migration.name for migration in read_migrations()]
    assert names[0] == "0001_media_catalog"
    assert names == sorted(names)
