"""What `sql/` makes is what the mappings say."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine

from catalog_servers import run_sql
from cutroom.errors import MigrationsDiffer
from cutroom.stores import migrations
from cutroom.stores.block_tables import StoredBlock
from cutroom.stores.catalog import Catalog
from cutroom.stores.database import Database
from cutroom.stores.file_tables import UploadSession
from cutroom.stores.tables import Table

pytestmark = pytest.mark.stack


CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
      AND conrelid::regclass::text <> 'schema_migrations' ORDER BY 1, 2
"""
INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'schema_migrations' ORDER BY 1
"""
COLUMNS = """
    SELECT table_name, column_name, data_type, udt_name, is_nullable, is_identity, column_default
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'schema_migrations' ORDER BY 1, 2
"""
SEQUENCES = "SELECT sequencename, data_type::text FROM pg_sequences ORDER BY 1"


@pytest.mark.parametrize(
    "question",
    [COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES],
    ids=["columns", "constraints", "indexes", "sequences"],
)
def test_the_migrations_make_exactly_what_the_mappings_declare(
    catalog: Catalog, empty_database: str, postgres_address: str, question: str
) -> None:
    """PostgreSQL's own description of both, so that checks, defaults and operator classes count too."""
    migrated = run_sql(empty_database, question)
    declared_name = empty_database.rpartition("/test_")[2].partition("?")[0] + "_declared"
    run_sql(postgres_address, f"CREATE DATABASE d_{declared_name}")
    declared = postgres_address.replace("/postgres?", f"/d_{declared_name}?")
    engine = create_engine(declared)
    try:
        with engine.begin() as connection:
            Table.metadata.create_all(connection)
        assert run_sql(declared, question) == migrated
    finally:
        engine.dispose()
        run_sql(postgres_address, f"DROP DATABASE d_{declared_name} WITH (FORCE)")


def test_every_mapped_table_is_compared() -> None:
    assert len(Table.metadata.tables) == 24
    assert StoredBlock.metadata is UploadSession.metadata is Table.metadata


def test_a_second_migration_applies_nothing(catalog: Catalog) -> None:
    assert catalog.migrate() == []


def test_migrating_at_the_same_time_applies_each_once(empty_database: str) -> None:
    catalogs = [Catalog(empty_database) for _ in range(4)]
    with ThreadPoolExecutor(len(catalogs)) as pool:
        applied = [name for names in pool.map(Catalog.migrate, catalogs) for name in names]
    assert applied == [migration.name for migration in migrations.read_migrations()]
    for each in catalogs:
        each.close()


def test_a_migration_that_fails_leaves_nothing(empty_database: str) -> None:
    broken = [
        migrations.Migration(name="0001_good", sql="CREATE TABLE good (id int)"),
        migrations.Migration(name="0002_bad", sql="CREATE TABLE bad (id nonsense)"),
    ]
    with pytest.raises(Exception, match="nonsense"), Database(empty_database).transaction() as session:
        migrations.apply_migrations(session.connection(), broken)
    assert run_sql(empty_database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


def test_an_applied_migration_that_changed_is_an_error(catalog: Catalog, empty_database: str) -> None:
    run_sql(
        empty_database, "UPDATE schema_migrations SET checksum = 'other' WHERE name = '0001_media_catalog'"
    )
    with pytest.raises(MigrationsDiffer, match="0001_media_catalog"):
        catalog.migrate()


def test_percent_signs_in_a_migration_are_taken_as_they_are(empty_database: str) -> None:
    odd = [
        migrations.Migration(name="0001_odd", sql="CREATE TABLE odd (n int CHECK (n % 2 = 1)); SELECT '%s:x'")
    ]
    with Database(empty_database).transaction() as session:
        assert migrations.apply_migrations(session.connection(), odd) == ["0001_odd"]
