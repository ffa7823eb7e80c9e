"""`chargebox run`: what it says of settings that cannot be used. (What it does with good ones: tests/integration.)"""

from pathlib import Path

import pytest

from station.cli.main import main

GOOD = """
[station]
identity = "CB-0001"
[csms]
url = "ws://127.0.0.1:9000/ocpp"
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[station]\nidentity = "CB-0001"\n', "[csms] url"),
        (f"{GOOD}securityprofile = 1\n", "6: [csms] securityprofile"),
        (f'{GOOD}call_timeout_s = "soon"\n', "6: [csms] call_timeout_s"),
        (f"{GOOD}[config]\nHeartbeatIntervall = 5\n", "7: [config] HeartbeatIntervall"),
        (f'{GOOD}[config]\nHeartbeatInterval = "often"\n', "7: [config] HeartbeatInterval"),
        (f"{GOOD}[board\n", "TOML"),
    ],
    ids=["missing", "unknown key", "wrong type", "unknown configuration key", "no such value", "no TOML"],
)
def test_settings_that_cannot_be_used_are_status_2_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    file = tmp_path / "chargebox.toml"
    file.write_text(text)
    assert main(["run", "--settings", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("chargebox: ")
    assert told in error
    assert str(file) in error


def test_a_settings_file_that_is_not_there_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--settings", str(tmp_path / "nowhere.toml")]) == 2
    assert "nowhere.toml" in capsys.readouterr().err
