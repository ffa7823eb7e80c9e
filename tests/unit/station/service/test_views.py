import json
from typing import Any

import orjson
import pytest

from eventstore.catalogue.hardware import ContactorObserved
from eventstore.catalogue.security import TamperObserved
from eventstore.chain import Row
from projections.outbox import TRANSACTION
from projections.station import INITIAL
from station.service.views import event_rows, health_view, state_view, utc_text
from tests.given import TAG, UTC_2026_MS, StationUnderTest, charging, station, utc
from tests.unit.station.service.certified import certified

DIGEST = bytes(range(32))
CONTRACT = {
    "log": ["last_seq", "head_digest", "bytes"],
    "station": ["identity", "boot", "version", "firmware_version"],
    "registration": ["status", "heartbeat_interval_s"],
    "link": ["up", "connection"],
    "clock": ["utc", "trusted"],
    "outbox": ["pending", "in_flight", "oldest_at"],
    "authorization": ["local_list_version", "local_list_size", "cache_size"],
}
STATION_CONNECTOR = ["connector_id", "status", "error_code", "availability"]
CONNECTOR = [
    *STATION_CONNECTOR,
    *("plugged", "locked", "contactor", "limit_a", "power_w"),
    *("energy_wh", "transaction_number", "reservation_id"),
]
TRANSACTION_MEMBERS = [
    *("number", "transaction_id", "connector_id", "id_tag", "started_at", "meter_start_wh", "stopped_at"),
    *("meter_stop_wh", "reason", "start_confirmed", "stop_confirmed"),
]


def view(under_test: StationUnderTest) -> Any:
    """The state as a client reads it."""
    shown = state_view(
        under_test.state,
        under_test.registry,
        at_ms=under_test.at_ms,
        digest=DIGEST,
        log_bytes=81_920,
        oldest_utc_ms=None,
    )
    return json.loads(orjson.dumps(shown))


def test_every_member_of_the_contract_is_there() -> None:
    shown = view(charging())
    for member, names in CONTRACT.items():
        assert [name for name in names if name not in shown[member]] == []
    assert [name for name in STATION_CONNECTOR if name not in shown["connectors"][0]] == []
    assert [name for name in CONNECTOR if name not in shown["connectors"][1]] == []
    assert "plugged" not in shown["connectors"][0]
    assert list(shown["transactions"][0]) == TRANSACTION_MEMBERS
    assert (shown["charging_profiles"], shown["reservations"]) == ([], [])


def test_the_last_security_event_is_shown() -> None:
    assert view(charging())["security"] == {"profile": 0, "on_trial": None, "events": 0, "last_event": None}
    under_test = charging(station(profiles_off=()))
    under_test.observe(TamperObserved(open=True))
    shown = view(under_test)["security"]
    assert shown["events"] == 2
    assert shown["last_event"] == {
        "seq": under_test.state.seq,
        "type": "TamperDetectionActivated",
        "tech_info": "the enclosure is open",
        "at": "2026-01-01T00:00:01.000Z",
    }


def test_a_station_that_charges_is_shown_as_such() -> None:
    under_test = charging()
    under_test.energy_wh[1] = 1_200
    under_test.read_meter()
    shown = view(under_test)
    assert shown["station"]["identity"] == "CB-0001"
    assert shown["log"] == {"last_seq": under_test.state.seq, "head_digest": DIGEST.hex(), "bytes": 81_920}
    assert shown["registration"] == {"status": "Accepted", "heartbeat_interval_s": 300}
    assert shown["clock"]["utc"] == "2026-01-01T00:00:01.000Z"
    connector = shown["connectors"][1]
    assert (connector["status"], connector["plugged"], connector["transaction_number"]) == ("Charging", True, 1)
    assert isinstance(connector["limit_a"], float)
    assert connector["limit_by"] == {
        **dict.fromkeys(("charging_profile_id", "purpose", "period", "set_at", "until", "outside")),
        "kind": "station",
    }
    assert connector["energy_wh"] == 1_200
    (transaction,) = shown["transactions"]
    assert (transaction["transaction_id"], transaction["id_tag"]) == (9001, TAG)
    assert (transaction["start_confirmed"], transaction["stop_confirmed"], transaction["stopped_at"]) == (
        True,
        False,
        None,
    )


def test_power_is_what_the_meter_says_behind_a_closed_contactor_and_nothing_behind_an_open_one() -> None:
    under_test = charging()
    under_test.observe(ContactorObserved(connector_id=1, closed=True))
    under_test.read_meter(power_w=11_040)
    assert view(under_test)["connectors"][1]["power_w"] == 11_040
    assert view(under_test)["connectors"][1]["contactor"] == "closed"
    under_test.observe(ContactorObserved(connector_id=1, closed=False))
    assert view(under_test)["connectors"][1]["power_w"] == 0


def test_a_transaction_stays_until_the_csms_has_confirmed_it_wholly() -> None:
    under_test = charging()
    under_test.disconnect()
    under_test.swipe()
    (transaction,) = view(under_test)["transactions"]
    assert (transaction["reason"], transaction["stop_confirmed"]) == ("Local", False)
    assert transaction["stopped_at"].endswith("Z")
    assert transaction["meter_stop_wh"] is not None
    shown = view(under_test)["outbox"]
    assert shown["pending"] >= 1
    under_test.connect()
    assert view(under_test)["transactions"] == []


def test_the_call_in_flight_is_named() -> None:
    under_test = station().boot()
    under_test.csms = None
    under_test.connect()
    call = view(under_test)["outbox"]["in_flight"]
    assert (call["action"], call["sent_at"]) == ("BootNotification", "2026-01-01T00:00:01.000Z")
    assert under_test.state.outbox.oldest_seq is not None


def test_the_oldest_call_owed_is_the_first_of_all_lanes() -> None:
    under_test = charging()
    assert under_test.state.outbox.oldest_seq is None
    under_test.disconnect()
    under_test.swipe()
    window = under_test.state.outbox.window
    assert window[0].lane == TRANSACTION
    assert under_test.state.outbox.oldest_seq == window[0].seq


def test_write_only_keys_never_appear_and_the_others_all_do() -> None:
    under_test = station().online()
    under_test.ask("ChangeConfiguration", {"key": "AuthorizationKey", "value": "fp:0011223344556677"})
    shown = view(under_test)["configuration"]
    assert "AuthorizationKey" not in shown
    assert "0011223344556677" not in json.dumps(view(under_test))
    answer = under_test.ask("GetConfiguration")
    assert answer is not None
    assert answer.payload is not None
    readable = {item["key"]: item["value"] for item in answer.payload["configurationKey"] if "value" in item}
    assert {name: value[:500] for name, value in shown.items()} == readable


def test_profiles_and_reservations_are_readable() -> None:
    under_test = station(connectors=2).online()
    period = {"startPeriod": 0, "limit": 10.5, "numberPhases": 3}
    profile = {
        "chargingProfileId": 7,
        "stackLevel": 1,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "validTo": "2026-02-01T00:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [period],
            "startSchedule": "2026-01-01T00:00:00Z",
        },
    }
    under_test.ask("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile})
    reservation = {"connectorId": 2, "expiryDate": "2026-01-02T00:00:00Z", "idTag": TAG, "reservationId": 5}
    under_test.ask("ReserveNow", reservation)
    shown = view(under_test)
    (installed,) = shown["charging_profiles"]
    assert (installed["connector_id"], installed["charging_profile_id"], installed["unit"]) == (1, 7, "A")
    assert installed["periods"] == [{"start_s": 0, "limit": 10.5, "phases": 3}]
    assert installed["valid_to"] == "2026-02-01T00:00:00.000Z"
    (held,) = shown["reservations"]
    assert (held["reservation_id"], held["expires_at"], held["used"]) == (5, "2026-01-02T00:00:00.000Z", False)
    assert [one.get("reservation_id") for one in shown["connectors"]] == [None, None, 5]


def test_a_station_that_was_just_booted_has_a_view() -> None:
    shown = view(station().boot())
    assert (shown["registration"]["status"], shown["link"]) == ("Unknown", {"up": False, "connection": 0})
    assert shown["outbox"]["oldest_at"] is None


def test_a_time_outside_the_calendar_is_null() -> None:
    assert utc_text(10**18) is None
    assert utc_text(None) is None
    assert utc_text(UTC_2026_MS) == "2026-01-01T00:00:00.000Z"


def test_stored_events_are_shown_without_being_read() -> None:
    row = Row(1, 1, 0, UTC_2026_MS, "StationBooted", 1, None, '{"boot":1}', bytes(32))
    (shown,) = json.loads(orjson.dumps(event_rows([row])))
    assert shown["payload"] == {"boot": 1}


@pytest.mark.parametrize(("trouble", "status"), [(None, "ok"), ("the disk", "failing")])
def test_health_is_a_word_and_its_reason(trouble: str | None, status: str) -> None:
    assert health_view(trouble)["status"] == status
    assert health_view(trouble).get("error") == trouble


def test_nothing_is_shown_of_a_station_that_nobody_described() -> None:
    with pytest.raises(AssertionError, match="StationDescribed"):
        state_view(INITIAL, station().registry, at_ms=0, digest=DIGEST, log_bytes=0, oldest_utc_ms=None)


def test_certificates_are_shown_with_the_days_that_are_left() -> None:
    assert view(charging())["certificates"] == {"roots": [], "station": [], "asked_for": False}
    shown = view(certified())["certificates"]
    [root], [own] = shown["roots"], shown["station"]
    assert (root["use"], root["in_use"], root["days_left"]) == ("CentralSystemRootCertificate", False, 9)
    assert (own["in_use"], own["refused"], own["days_left"]) == (False, True, -1)
    assert own["not_after"] == utc(0)
