"""How a station is provisioned for a run."""

from pathlib import Path
from typing import Any

import pytest

from station.certify.process import to_toml
from station.certify.session import Site, build_of, provisioned
from station.settings.loading import parse_settings

GIVEN: dict[str, dict[str, Any]] = {
    "station": {"identity": "CB-0001", "connectors": 2},
    "csms": {"url": "wss://real.example/ocpp", "security_profile": 2, "ca_file": "real.pem", "call_timeout_s": 17},
    "storage": {"directory": "/var/lib/chargebox", "segment_bytes": 65_536},
    "service": {"listen": "0.0.0.0:8887", "token_file": "token"},
    "daemon": {"on_reset": "exit", "power_loss_policy": "resume"},
    "config": {"HeartbeatInterval": 77},
    "mqtt": {"url": "mqtts://broker.example"},
}


def site(**tables: dict[str, Any]) -> Site:
    given = {**GIVEN, **tables}
    settings = parse_settings(to_toml(given), "x")
    return Site(settings=settings, tables=given, directory=Path("/out"))


def made(at: Site, storage: Path | None, **csms: Any) -> dict[str, dict[str, Any]]:
    tables = provisioned(at, url="ws://127.0.0.1:5/ocpp", service_port=6, storage=storage, csms=csms)
    parse_settings(to_toml(tables), "x")
    return tables


def test_how_it_reaches_its_csms_and_its_service_is_the_laboratorys() -> None:
    tables = made(site(), Path("/out/station"))
    assert tables["csms"] == {
        "call_timeout_s": 17,
        "reconnect_min_s": 1,
        "reconnect_max_s": 60,
        "url": "ws://127.0.0.1:5/ocpp",
    }
    assert tables["service"] == {"listen": "127.0.0.1:6"}
    assert tables["storage"] == {"directory": "/out/station", "segment_bytes": 65_536}


def test_all_else_is_the_stations() -> None:
    tables = made(site(), None)
    assert tables["storage"]["directory"] == "/var/lib/chargebox"
    assert tables["daemon"] == {"on_reset": "exec", "power_loss_policy": "resume"}
    assert tables["config"] == {"HeartbeatInterval": 77}
    assert "mqtt" not in tables
    assert GIVEN["daemon"]["on_reset"] == "exit"


@pytest.mark.parametrize(("set_to", "wanted"), [(None, "always"), ("by profile", "always"), ("never", "never")])
def test_security_events_are_sent_unless_they_never_are(set_to: str | None, wanted: str) -> None:
    at = site(**({} if set_to is None else {"security": {"send_events": set_to}}))
    assert made(at, None)["security"]["send_events"] == wanted


def test_a_build_is_what_the_settings_say() -> None:
    build = build_of(site(features={"reservation": False}).settings, pace=1)
    assert (build.connectors, build.identity, build.serial, build.pace) == (2, "CB-0001", "CB-0001", 1)
    assert "Reservation" not in build.ocpp_profiles
    assert build.ocpp_profiles[0] == "Core"
