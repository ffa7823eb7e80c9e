"""`chargebox certify`: what it refuses before it begins."""

import os
from pathlib import Path

import pytest

from station.certify.command import Asked, certify, command_line
from station.certify.results import write_report
from tests.unit.station.certify.test_results import case, report

BENCH = '[station]\nidentity = "CB-0002"\n[csms]\nurl = "ws://127.0.0.1:9/ocpp"\n'


def asked(tmp_path: Path, text: str = BENCH, **more: object) -> tuple[int, str]:
    """The exit status of a run that is not begun, and what was complained of."""
    file = tmp_path / "station.toml"
    file.write_text(text)
    complaints: list[str] = []
    arguments = {"settings_file": file, "out": tmp_path / "out"} | more
    status, made = certify(Asked(**arguments), lambda _: None, complaints.append)  # type: ignore[arg-type]
    assert made is None
    return status, "\n".join(complaints)


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        ("[station]\n", {}, "[station] identity"),
        (BENCH, {"cases": ("TC_12",)}, "no case 'TC_12'"),
        (BENCH, {"ocpp_profiles": ("core",)}, "no feature profile 'core'"),
        (BENCH, {"listen": "here"}, "--listen here: must be ADDRESS:PORT"),
        (BENCH, {"listen": "127.0.0.1:70000"}, "must be ADDRESS:PORT"),
        (BENCH, {"resume": True}, "report.json: cannot be read"),
        (BENCH, {"stated": ("response=soon",)}, "--stated response=soon: 'soon' is no number of seconds"),
        (BENCH, {"page": "127.0.0.1:8000"}, "--page: is for the person at a real board"),
        (BENCH + '[board]\nkind = "gpio"\n', {"page": "8000"}, "--page 8000: must be ADDRESS:PORT"),
    ],
)
def test_wrong_usage_is_2_and_says_what(tmp_path: Path, text: str, more: dict[str, object], why: str) -> None:
    status, complaint = asked(tmp_path, text, **more)
    assert status == 2
    assert why in complaint
    assert not (tmp_path / "out").exists()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    status, complaint = asked(tmp_path)
    assert (status, "is not empty: --resume goes on" in complaint) == (2, True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_the_run_of_another_station_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_report(report(case("TC_1", "Reset", "pass")), tmp_path / "out")
    status, complaint = asked(tmp_path, resume=True)
    assert (status, "has a run of CB-0001, not of CB-0002" in complaint) == (2, True)


def test_a_real_board_needs_somebody_at_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        status, complaint = asked(tmp_path, BENCH + '[board]\nkind = "gpio"\n')
    assert (status, "needs a person at a terminal" in complaint) == (1, True)


def test_the_report_has_the_command_as_it_was_typed() -> None:
    assert command_line(["certify", "--settings", "x"]) == "chargebox certify --settings x"
