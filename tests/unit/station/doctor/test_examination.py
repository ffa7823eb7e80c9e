import http.server
import socket
import threading
from pathlib import Path

import pytest

from station.cli import doctor as command
from station.doctor.board import board_findings
from station.doctor.calendar_clock import clock_finding
from station.doctor.examination import examine, machine_findings
from station.doctor.findings import Finding, Level, fault, ok
from station.doctor.listening import listening_finding
from station.runtime.clock import SystemClock
from station.settings.loading import Settings, parse_settings
from tests.daemon import free_port


def settings_file(tmp_path: Path, extra: str = "") -> Path:
    file = tmp_path / "cb.toml"
    file.write_text(
        f'[station]\nidentity = "CB-1"\n[csms]\nurl = "ws://127.0.0.1:{free_port()}/ocpp"\n'
        f'[storage]\ndirectory = "{tmp_path}/st"\n[service]\nlisten = "127.0.0.1:{free_port()}"\n{extra}'
    )
    file.chmod(0o600)
    return file


def listening(listen: str) -> Settings:
    return parse_settings(f'[station]\nidentity="A"\n[csms]\nurl="ws://h"\n[service]\nlisten="{listen}"\n', "cb.toml")


def made() -> list[Finding]:
    """A machine that is as it should be: what tests judge is not the one that they run on."""
    return [ok("python", "made"), ok("sqlite", "made"), ok("installation", "made"), ok("clock", "made")]


def test_a_station_that_was_never_started_has_no_fault_and_nothing_is_made(tmp_path: Path) -> None:
    lines: list[str] = []
    assert examine(settings_file(tmp_path), lines.append, made) == 0, lines
    assert all(line.split(" ")[0] in set(Level) for line in lines[:-1])
    assert lines[-1].startswith("0 faults")
    assert {line.split(":")[0].split()[-1] for line in lines[:-1]} >= {
        *("python", "sqlite", "installation", "clock", "settings", "board", "disk", "log", "service", "csms")
    }
    assert not (tmp_path / "st").exists()


def test_this_machine_is_looked_at_whatever_it_is_like() -> None:
    assert {finding.subject for finding in machine_findings()} >= {"python", "sqlite", "installation", "clock"}


def test_a_fault_is_status_1(tmp_path: Path) -> None:
    lines: list[str] = []
    assert examine(settings_file(tmp_path, "colour = 1\n"), lines.append, made) == 1
    assert any(line.startswith("fault    settings: ") and "colour" in line for line in lines)


def test_without_settings_the_installation_is_checked() -> None:
    lines: list[str] = []
    assert examine(None, lines.append, made) == 0
    assert any("none given" in line for line in lines)


def test_the_command_prints_what_was_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    status = command.run(parser.parse_args(["--settings", str(settings_file(tmp_path))]))
    out = capsys.readouterr().out
    assert "python: " in out.splitlines()[0]
    assert status == int(not out.splitlines()[-1].startswith("0 faults"))


def test_a_finding_is_one_line_whatever_it_says() -> None:
    assert str(fault("log", "two\nlines", "do\nthis")) == "fault    log: two lines; do this"


def test_a_free_address_is_well_and_a_taken_one_a_fault() -> None:
    listen = f"127.0.0.1:{free_port()}"
    assert listening_finding(listening(listen), running=False).level is Level.OK
    assert listening_finding(listening(""), running=True).text == "switched off"
    with socket.create_server(("127.0.0.1", int(listen.rpartition(":")[2]))):
        finding = listening_finding(listening(listen), running=False)
    assert (finding.level, listen in finding.text) == (Level.FAULT, True)


@pytest.mark.parametrize(("status", "level"), [(200, Level.OK), (503, Level.FAULT)])
def test_a_daemon_that_runs_is_asked_how_it_is(status: int, level: Level) -> None:
    class Daemon(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"error": "no space"}')

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Daemon) as server:
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        finding = listening_finding(listening(f"127.0.0.1:{server.server_port}"), running=True)
        serving.join()
    assert finding.level is level
    assert ("no space" in finding.text) is (level is Level.FAULT)


def test_a_daemon_that_does_not_answer_is_a_fault() -> None:
    finding = listening_finding(listening(f"127.0.0.1:{free_port()}"), running=True)
    assert (finding.level, "does not answer" in finding.text) == (Level.FAULT, True)


@pytest.mark.parametrize(
    ("utc_ms", "synchronised", "level"),
    [(0, True, Level.FAULT), (1_800_000_000_000, False, Level.WARNING), (1_800_000_000_000, True, Level.OK)],
)
def test_the_clock_is_judged_by_its_time_and_its_source(utc_ms: int, synchronised: bool, level: Level) -> None:
    class StoppedClock(SystemClock):
        def system_utc_ms(self) -> int:
            return utc_ms

        def is_synchronised(self) -> bool:
            return synchronised

    assert clock_finding(StoppedClock()).level is level


def test_a_wiring_that_is_not_whole_is_a_fault_for_each_problem(tmp_path: Path) -> None:
    text = '[station]\nidentity="A"\n[csms]\nurl="ws://h"\n[board]\nkind="gpio"\n[board.wiring]\npins="lgpio"\n'
    found = list(board_findings(parse_settings(text, "cb.toml")))
    assert found
    assert all(finding.level is Level.FAULT for finding in found)
    (bench,) = board_findings(listening(""))
    assert bench.level is Level.OK
