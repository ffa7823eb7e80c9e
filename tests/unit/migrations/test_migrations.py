"""The numbered migrations: in order, unchanged, and all there."""

from pathlib import Path

import pytest
from msgspec.structs import replace

import migrations
from migrations import MIGRATIONS

PINNED = {
    1: "389153eebc4f760749705dab1c23eb815cb94d6abb5c59ee31faf8da08bc19e6",
}
"""What was ever released. A line is added with each migration and never changed."""


def test_the_numbers_have_no_gap() -> None:
    assert [each.number for each in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_released_migrations_are_unchanged() -> None:
    found = {each.number: each.sha256 for each in MIGRATIONS}
    assert {number: found[number] for number in PINNED} == PINNED


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda migration: migration.name)
def test_each_file_is_the_one_that_was_pinned(migration: migrations.Migration) -> None:
    assert migration.sql().strip()
    assert 1 <= migration.min_reader <= migration.number


def test_every_file_belongs_to_a_migration() -> None:
    folder = Path(migrations.__file__).parent / "sql"
    assert sorted(file.name for file in folder.glob("*.sql")) == [
        f"{each.number:04d}_{each.name}.sql" for each in MIGRATIONS
    ]


def test_a_changed_file_is_refused() -> None:
    with pytest.raises(ValueError, match="was changed: its SHA-256 is"):
        replace(MIGRATIONS[0], sha256="0" * 64).sql()
