"""The check beside a running daemon: what it looks at, and that it says what it leaves out."""

from pathlib import Path

import pytest

from station.doctor.findings import Finding, ok
from station.doctor.running import LEFT_OUT, findings_beside
from station.service.servicing import findings


def machine() -> list[Finding]:
    return [ok("python", "3.11")]


@pytest.mark.asyncio
async def test_nothing_is_written_and_the_log_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("this disturbs the daemon")

    for name in ("station.doctor.disk.measure_syncs", "station.doctor.key_report.open_log"):
        monkeypatch.setattr(name, never)
    file = tmp_path / "cb.toml"
    file.write_text(
        f'[station]\nidentity="A"\n[csms]\nurl="ws://127.0.0.1:9/ocpp"\n[storage]\ndirectory="{tmp_path}"\n[service]\nlisten=""\n'
    )
    found = [finding async for finding in findings_beside(file, 0, machine)]
    assert {finding.subject for finding in found} >= {"python", "board", "disk", "service", "csms"}
    assert LEFT_OUT in found[-1].text


@pytest.mark.asyncio
async def test_unusable_settings_are_found_and_end_it(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_text("[station\n")
    found = [finding async for finding in findings_beside(file, 0, machine)]
    assert "not valid TOML" in found[-1].text


@pytest.mark.asyncio
async def test_the_daemon_gets_the_findings_from_a_process_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "cb.toml"
    file.write_text("[station\n")
    told = await findings(file, 0)
    assert {"level", "subject", "text", "advice"} == set(told[0])
    assert {finding["subject"] for finding in told} >= {"python", "sqlite", "settings"}
