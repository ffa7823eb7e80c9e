"""`doctor --failsafe`: when it is refused, and what it says of what it saw."""

import argparse
from pathlib import Path

import pytest

from eventstore.directory import StorageDirectory
from station.cli import doctor
from station.doctor.failsafe import open_transaction, try_failsafe
from tests.given import charging, station
from tests.replay_logs import write_log
from tests.unit.station.boards.test_evse import BOARD
from tests.unit.station.boards.test_gpio import HEAD


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def file(tmp_path: Path, store: Path) -> Path:
    path = tmp_path / "chargebox.toml"
    path.write_text(f'{HEAD}[storage]\ndirectory = "{store}"\n{BOARD}')
    return path


def said(file: Path, *, anyway: bool = False) -> tuple[int, str]:
    lines: list[str] = []
    status = try_failsafe(file, lines.append, anyway=anyway)
    return status, "\n".join(lines)


def test_it_needs_the_board_for_itself(file: Path, store: Path) -> None:
    store.mkdir()
    directory = StorageDirectory(store)
    directory.acquire()
    try:
        assert "not tried: a daemon runs and has the board; stop it first" in said(file)[1]
    finally:
        directory.close()


def test_an_open_transaction_stands_against_it_unless_it_is_wanted_anyway(file: Path, store: Path) -> None:
    write_log(charging(), store)
    assert open_transaction(store) == "transaction 1 is open in the log"
    status, text = said(file)
    assert (status, "not tried: transaction 1 is open in the log" in text) == (1, True)
    assert "its controller" in said(file, anyway=True)[1]


def test_a_log_in_which_none_is_open_does_not(store: Path) -> None:
    assert open_transaction(store) is None
    write_log(station(), store)
    assert open_transaction(store) is None


def test_a_board_without_controllers_has_nothing_to_try(file: Path) -> None:
    file.write_text(HEAD)
    status, text = said(file)
    assert (status, "has no failsafe to try: it is simulated" in text) == (1, True)


def run(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    doctor.add_arguments(parser)
    return doctor.run(parser.parse_args([str(word) for word in words]))


def test_the_command_needs_settings(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--failsafe") == 2
    assert "--failsafe needs --settings" in capsys.readouterr().err
    file.write_text("[board")
    assert run("--failsafe", "--settings", file) == 1
    assert "is not valid TOML" in capsys.readouterr().out
