"""The settings file of the station under test, and a program that does not start."""

import sys
import tomllib
from pathlib import Path

import pytest

from station.certify.failing import RunEnded
from station.certify.process import Daemon, laid_over, read_tables, to_toml


def test_tables_are_written_as_they_were_read() -> None:
    tables = {
        "station": {"identity": 'a "b" \\ ü\x7f', "connectors": 2},
        "board": {
            "wiring": {"faults": [{"input": {"pin": "GPIO5"}, "connector": 1}], "mains": {}},
            "fixed_cable": True,
        },
        "csms": {"reconnect_min_s": 0.5},
    }
    assert tomllib.loads(to_toml(tables)) == tables


def test_later_tables_go_on_top_key_by_key() -> None:
    below: dict[str, dict[str, object]] = {"csms": {"url": "a", "call_timeout_s": 3}, "board": {"phases": 1}}
    over = laid_over(below, {"csms": {"url": "b"}, "service": {"listen": ""}})
    assert over == {"csms": {"url": "b", "call_timeout_s": 3}, "board": {"phases": 1}, "service": {"listen": ""}}
    assert below["csms"]["url"] == "a"


def test_a_file_with_a_mark_of_its_encoding_is_read(tmp_path: Path) -> None:
    file = tmp_path / "station.toml"
    file.write_bytes(b'\xef\xbb\xbf[station]\nidentity = "A"\n')
    assert read_tables(file) == {"station": {"identity": "A"}}


@pytest.mark.asyncio
async def test_a_program_that_does_not_start_is_told_with_its_own_words(tmp_path: Path) -> None:
    dying = (sys.executable, "-c", "import sys; sys.exit('the log is locked')")
    daemon = Daemon(tmp_path / "station.toml", dying)
    with pytest.raises(RunEnded, match="ended with status 1:\nthe log is locked"):
        await daemon.start()
    assert not daemon.running
    await daemon.stop()
