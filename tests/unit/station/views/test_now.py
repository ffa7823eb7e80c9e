import json
from typing import Any

from eventstore.catalogue.hardware import ContactorObserved
from eventstore.event import Recorded
from station.views.now import Beside, now_view
from station.views.recent import Recent
from tests.given import UTC_2026_MS, StationUnderTest, answering, charging, station


def view(under_test: StationUnderTest, **facts: Any) -> Any:
    """*Now*, as the page reads it."""
    recent = Recent()
    for recorded in under_test.log:
        recent.add(recorded)
    shown = now_view(under_test.state, recent, Beside(**facts), under_test.at_ms)
    return json.loads(json.dumps(shown))


def test_a_session_is_shown_with_what_flows_and_who_limits_it() -> None:
    under_test = charging()
    under_test.observe(ContactorObserved(connector_id=1, closed=True))
    under_test.at_ms += 60_000
    under_test.charge(250)
    under_test.read_meter(power_w=11_000, current_ma=(16_000, 16_000, 16_000))
    connector = view(under_test)["connectors"][0]
    assert (connector["status"], connector["why"]) == ("Charging", {"say": "why.charging"})
    assert connector["session"] == {
        "number": 1,
        "transaction_id": 9001,
        "tag": "…BEEF",
        "started": UTC_2026_MS + 1_000,
        "lasts_ms": 60_000,
        "energy_wh": 250,
    }
    assert (connector["power_w"], connector["current_ma"]) == (11_000, [16_000, 16_000, 16_000])
    assert (connector["limit_ma"], connector["limit_by"]) == (32_000, {"say": "limit.cable"}) or (
        connector["limit_by"] == {"say": "limit.station"}
    )
    assert connector["curve"][-1] == [UTC_2026_MS + 61_000, 11_000, 32_000]
    assert (connector["cable_ma"], connector["locked"], connector["pilot"]) == (32_000, True, "C")


def test_nothing_flows_through_an_open_contactor_whatever_was_read_before() -> None:
    under_test = charging()
    under_test.read_meter(power_w=11_000)
    connector = view(under_test)["connectors"][0]
    assert (connector["power_w"], connector["current_ma"], connector["curve"][-1][1]) == (None, [], 0)


def test_a_tag_is_never_shown_whole() -> None:
    assert "DEADBEEF" not in json.dumps(view(charging()))


def test_the_station_is_shown_with_its_disk_its_boots_and_its_versions() -> None:
    under_test = station().online()
    under_test.boot(orderly=False)
    shown = view(under_test, free_bytes=5, log_bytes=7)["station"]
    assert (shown["identity"], shown["boots"], shown["orderly"]) == ("CB-0001", 2, False)
    assert (shown["free_bytes"], shown["log_bytes"], shown["disk"]) == (5, 7, "ok")
    assert shown["booted"] == UTC_2026_MS + 1_000


def test_a_link_is_up_since_it_was_opened_and_down_since_it_was_closed() -> None:
    under_test = station().online()
    link = view(under_test)["link"]
    assert (link["up"], link["since"], link["next_try"], link["trouble"]) == (True, UTC_2026_MS + 1_000, None, None)
    under_test.at_ms += 5_000
    under_test.disconnect("gone")
    link = view(under_test)["link"]
    assert (link["up"], link["since"]) == (False, UTC_2026_MS + 6_000)
    assert link["trouble"] == {"reason": "gone", "at": UTC_2026_MS + 6_000}
    assert link["next_try"] > UTC_2026_MS + 6_000


def why_it_waits(under_test: StationUnderTest) -> str | None:
    why = view(under_test, oldest_utc_ms=3)["outbox"]["why"]
    return None if why is None else str(why["say"])


def test_what_waits_says_for_what() -> None:
    under_test = charging()
    assert why_it_waits(under_test) is None
    assert view(under_test, oldest_utc_ms=3)["outbox"]["oldest"] is None
    under_test.disconnect()
    under_test.swipe()
    under_test.advance(5)
    assert why_it_waits(under_test) == "outbox.offline"
    assert view(under_test, oldest_utc_ms=3)["outbox"]["oldest"] == 3


def test_a_call_without_an_answer_and_one_that_goes_again_are_told_apart() -> None:
    silent = StationUnderTest(csms=answering(StartTransaction=lambda call: None))
    silent.online()
    silent.plug()
    silent.swipe()
    assert why_it_waits(silent) == "outbox.in_flight"
    failing = StationUnderTest(csms=answering(StartTransaction="InternalError"))
    failing.online()
    failing.plug()
    failing.swipe()
    failing.advance(1)
    assert why_it_waits(failing) == "outbox.retry"


def test_before_it_is_accepted_everything_waits_for_that() -> None:
    under_test = StationUnderTest(
        csms=answering(BootNotification={"status": "Pending", "currentTime": "2026-01-01T00:00:00Z", "interval": 60})
    )
    under_test.online()
    assert view(under_test)["registration"]["status"] == "Pending"
    assert view(under_test)["registration"]["next_try"] == UTC_2026_MS + 61_000
    assert why_it_waits(under_test) in (None, "outbox.unregistered")


def test_every_fault_stands_there_with_what_to_do() -> None:
    under_test = station().online()
    under_test.fault("ReaderFailure", 0)
    under_test.fault("GroundFailure", 1)
    found = [(fault["connector_id"], fault["code"], fault["remedy"]["say"]) for fault in view(under_test)["faults"]]
    assert found == [(0, "ReaderFailure", "remedy.warning"), (1, "GroundFailure", "remedy.GroundFailure")]
    under_test.meter_works = False
    under_test.clear_fault("GroundFailure")
    under_test.read_meter()
    assert [fault["code"] for fault in view(under_test)["faults"]] == ["ReaderFailure", "PowerMeterFailure"]


def test_the_view_is_the_same_for_the_same_log() -> None:
    under_test = charging()
    recents = [Recent(), Recent()]
    for recent in recents:
        for recorded in under_test.log:
            assert isinstance(recorded, Recorded)
            recent.add(recorded)
    shown = [now_view(under_test.state, recent, Beside(), under_test.at_ms) for recent in recents]
    assert shown[0] == shown[1]
