import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from deploy.debian import before_unpacking
from deploy.debian.before_unpacking import LIVE, main, storage_directory
from eventstore.database import open_writer, read_head
from migrations import MIGRATIONS
from tests.corpora.released import CORPORA

OLD_LOG = CORPORA / "0.1.0" / "single"
NEWEST = MIGRATIONS[-1].number


@pytest.fixture(autouse=True)
def known_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is filled in when a package is built."""
    monkeypatch.setattr(before_unpacking, "NEWEST_MIGRATION", NEWEST)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A station with a log of 0.1.0."""
    directory = tmp_path / "storage"
    shutil.copytree(OLD_LOG, directory)
    (tmp_path / "chargebox.toml").write_text(f'[storage]\ndirectory = "{directory}"\n')
    return directory


def before(tmp_path: Path, new: str, old: str = "") -> int:
    return main(new, old, tmp_path / "chargebox.toml", tmp_path / "backups")


def record_migration(storage: Path, number: int, min_reader: object) -> None:
    with closing(sqlite3.connect(storage / LIVE)) as connection, connection:
        connection.execute("INSERT INTO migration VALUES (?, 'later', 'abc', ?)", (number, min_reader))


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_a_station_without_a_log_is_none_of_its_business(tmp_path: Path) -> None:
    (tmp_path / "chargebox.toml").write_text(f'[storage]\ndirectory = "{tmp_path}"\n')
    assert before(tmp_path, "0.2.0") == 0
    assert not (tmp_path / "backups").exists()


def test_the_head_of_an_old_log_is_copied_and_the_log_is_left_as_it_was(
    tmp_path: Path, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = contents(storage)
    assert before(tmp_path, "0.2.0", "0.1.0") == 0
    assert contents(storage) == kept
    with closing(open_writer(tmp_path / "backups" / "0.1.0" / LIVE)) as connection:
        head = read_head(connection)
    told = capsys.readouterr().out
    assert f"its last event is {head.seq}, digest {head.digest.hex()}" in told
    assert sorted(path.name for path in (tmp_path / "backups").iterdir()) == ["0.1.0"]


def test_a_copy_takes_the_place_of_an_earlier_one(tmp_path: Path, storage: Path) -> None:
    stale = tmp_path / "backups" / "by-hand" / "chargebox.db-wal"
    stale.parent.mkdir(parents=True)
    stale.write_text("of another log")
    assert before(tmp_path, "0.2.0") == 0
    assert not stale.exists()


def test_a_log_that_asks_for_a_newer_version_stops_a_downgrade(
    tmp_path: Path, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_migration(storage, NEWEST + 1, NEWEST + 1)
    kept = contents(storage)
    assert before(tmp_path, "0.2.0", "0.3.0") == 1
    told = capsys.readouterr().err
    assert f"needs a version that knows migration {NEWEST + 1}, this one knows {NEWEST}" in told
    assert "Nothing was changed" in told
    assert "Keep version 0.3.0" in told
    assert contents(storage) == kept


def test_a_downgrade_that_the_log_allows_is_told_so(
    tmp_path: Path, storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record_migration(storage, NEWEST + 1, NEWEST)
    assert before(tmp_path, "0.2.0", "0.3.0") == 0
    assert f"allows versions that know it up to {NEWEST}" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["no database", "a migration that none wrote"])
def test_a_damaged_log_is_left_to_the_station(
    tmp_path: Path, storage: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if damage == "no database":
        (storage / LIVE).write_bytes(b"rubbish" * 1000)
    else:
        with closing(sqlite3.connect(storage / LIVE)) as connection, connection:
            connection.executescript(
                "DROP TABLE migration; CREATE TABLE migration (number, name, sha256, min_reader);"
                "INSERT INTO migration VALUES (1, 'x', 'y', 'z')"
            )
    assert before(tmp_path, "0.2.0") == 0
    assert "the station examines it when it starts" in capsys.readouterr().out


def test_without_room_for_the_copy_nothing_is_changed(
    tmp_path: Path, storage: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(before_unpacking, "SPARE_BYTES", 1 << 62)
    assert before(tmp_path, "0.2.0", "0.1.0") == 1
    assert "MiB are needed. Nothing was changed." in capsys.readouterr().err
    assert not (tmp_path / "backups" / "0.1.0").exists()


@pytest.mark.parametrize("text", ["", "no toml", "storage = 3", "[storage]\n", "[storage]\ndirectory = 5\n"])
def test_settings_that_say_nothing_mean_the_default(tmp_path: Path, text: str) -> None:
    file = tmp_path / "chargebox.toml"
    file.write_text(text)
    assert storage_directory(file) == Path("/var/lib/chargebox")
    assert storage_directory(tmp_path / "missing.toml") == Path("/var/lib/chargebox")
