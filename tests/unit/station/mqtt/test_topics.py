"""The texts of the topics, and the page that lists them."""

import re
from pathlib import Path

import pytest

from eventstore.catalogue.hardware import ContactorObserved, MeterFailed
from eventstore.value import replace
from station.mqtt.topics import READINGS, station_topic, topics, without_new_readings
from tests.given import TAG, StationUnderTest, charging, station

PAGE = Path(__file__).resolve().parents[4] / "docs" / "mqtt.md"
BESIDE = {"availability", "presented", "refused", "set/limit", "set/tag"}
"""Published without a state."""


def texts(found: StationUnderTest, *, full_tags: bool = False) -> dict[str, str]:
    return topics(found.state, found.state.at_ms, full_tags=full_tags)


def drawing() -> StationUnderTest:
    found = charging()
    found.observe(ContactorObserved(connector_id=1, closed=True))
    found.read_meter(power_w=11_040, current_ma=(16_000, 15_960, 15_900))
    found.charge(200)
    return found


def test_a_station_that_nobody_uses() -> None:
    found = texts(station().online())
    assert found["status"] == found["connector/1/status"] == "Available"
    assert (found["csms"], found["connector/1/plugged"], found["connector/1/limit_a"]) == ("ON", "OFF", "0")
    assert (found["connector/1/tag"], found["connector/1/limit_by"], found["connector/1/session_wh"]) == ("None",) * 3
    assert (found["connector/1/power_w"], found["connector/1/current_l2_a"]) == ("0", "0")


def test_a_session_with_what_flows_and_whose_it_is() -> None:
    found = texts(drawing())
    assert found["connector/1/status"] == "Charging"
    assert (found["connector/1/energy_wh"], found["connector/1/session_wh"]) == ("1200", "200")
    assert (found["connector/1/limit_a"], found["connector/1/limit_by"]) == ("32", "by the station's maximum current")
    assert found["connector/1/tag"] == "…BEEF"
    assert texts(drawing(), full_tags=True)["connector/1/tag"] == TAG


def test_a_limit_says_who_set_it() -> None:
    found = drawing()
    found.ask(
        "SetChargingProfile",
        {
            "connectorId": 1,
            "csChargingProfiles": {
                "chargingProfileId": 7,
                "stackLevel": 1,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.5}],
                },
            },
        },
    )
    shown = texts(found)
    assert shown["connector/1/limit_a"] == "10.5"
    assert shown["connector/1/limit_by"].startswith("by profile 7, period 1, set by the CSMS at 2026-01-01T")


def test_what_no_meter_says_is_none() -> None:
    found = drawing()
    found.observe(MeterFailed(connector_id=1, reason="no answer"))
    shown = texts(found)
    assert {shown[f"connector/1/{name}"] for name in ("energy_wh", "power_w", "current_l1_a")} == {"None"}
    found = drawing()
    reading = found.state.connectors[1].reading
    assert reading is not None
    unread = replace(reading, power_w=None, current_ma=())
    state = replace(found.state, connectors=found.state.connectors.changed(1, reading=unread))
    shown = topics(state, state.at_ms, full_tags=False)
    assert (shown["connector/1/power_w"], shown["connector/1/current_l3_a"]) == ("None", "None")


def test_readings_wait_for_their_turn_unless_the_status_changed() -> None:
    wanted = {
        "s/connector/1/status": "Charging",
        "s/connector/1/power_w": "7",
        "s/connector/1/tag": "A",
        "s/csms": "ON",
    }
    assert without_new_readings(wanted, {}) == wanted
    assert set(without_new_readings(wanted, {**wanted, "s/connector/1/power_w": "6"})) == {
        "s/connector/1/status",
        "s/connector/1/tag",
        "s/csms",
    }
    assert without_new_readings(wanted, {**wanted, "s/connector/1/status": "Preparing"}) == wanted


@pytest.mark.parametrize(
    ("identity", "topic"), [("CB-0001", "base/CB-0001"), ("a/b+c#d$e", "base/a_b_c_d_e"), ("Säule 1", "base/Säule 1")]
)
def test_an_identity_is_one_level_of_the_topic(identity: str, topic: str) -> None:
    assert station_topic("base", identity) == topic


def test_the_page_lists_every_topic() -> None:
    listed = set(re.findall(r"^\| `([a-z0-9_/N]+)` \|", PAGE.read_text(), flags=re.MULTILINE))
    published = {re.sub("/1/", "/N/", topic) for topic in texts(station().online())} - {
        "connector/N/current_l2_a",
        "connector/N/current_l3_a",
    }
    assert listed == published | BESIDE
    assert {name.rpartition("/")[2] for name in published if name.endswith(("_wh", "_w"))} <= READINGS
