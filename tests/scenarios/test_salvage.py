"""What a salvage leaves of the transactions (docs/segments.md): what is told, and what is not."""

import pytest

from eventstore.catalogue.link import DeliveryRecovered
from eventstore.catalogue.transactions import (
    Moment,
    TransactionConfirmed,
    TransactionRecovered,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.persistent import Map
from tests.given import UTC_2026_MS, StationUnderTest, answering, charging, station

READ = Moment(at_ms=500, boot=1, utc_ms=UTC_2026_MS + 500)
STARTED = TransactionStarted(
    connector_id=1,
    number=9,
    id_tag="STRAY",
    parent_id_tag=None,
    meter_start_wh=1_000,
    started=Moment(at_ms=100, boot=1, utc_ms=UTC_2026_MS + 100),
    authorized_by="cache",
)
STOPPED = TransactionStopped(
    connector_id=1, number=9, reason="Local", id_tag="STRAY", meter_stop_wh=1_291, stopped=READ
)


def recovered(start: str, stop: str, **facts: object) -> TransactionRecovered:
    plain = {"number": 9, "connector_id": 1, "start": start, "stop": stop, **facts}
    return TransactionRecovered(**plain)  # type: ignore[arg-type]


def delivery(under_test: StationUnderTest, told_seq: int, unsure_seq: int, unsure: int = 0) -> DeliveryRecovered:
    return DeliveryRecovered(
        told_seq=told_seq,
        unsure_seq=unsure_seq,
        unsure=unsure,
        beyond=0,
        last_number=9,
        boot=under_test.state.clock.boot,
    )


def test_a_session_behind_the_damage_is_told_as_it_was() -> None:
    found = station().boot()
    found.observe(recovered("owed", "owed", started=STARTED, stopped=STOPPED))
    found.connect()
    (start,), (stop,) = found.sent("StartTransaction"), found.sent("StopTransaction")
    assert (start["idTag"], start["meterStart"]) == ("STRAY", 1_000)
    assert (stop["meterStop"], stop["reason"], stop["idTag"]) == (1_291, "Local", "STRAY")
    assert found.state.transactions.last_number == 9


def test_one_whose_stop_is_lost_ends_with_the_last_stored_reading_and_its_time() -> None:
    found = station().boot()
    found.observe(recovered("owed", "owed", started=STARTED, register_wh=1_200, read=READ))
    found.connect()
    (stop,) = found.sent("StopTransaction")
    assert (stop["meterStop"], stop["reason"]) == (1_200, "PowerLoss")
    assert stop["timestamp"] == "2026-01-01T00:00:00.500Z"


def test_one_without_a_reading_ends_where_it_began() -> None:
    found = station().boot()
    found.observe(recovered("owed", "owed", started=STARTED))
    found.connect()
    (stop,) = found.sent("StopTransaction")
    assert (stop["meterStop"], stop["timestamp"]) == (1_000, "2026-01-01T00:00:00.100Z")


def test_of_one_whose_start_was_told_only_the_stop_is_told() -> None:
    found = station().boot()
    found.observe(recovered("told", "owed", started=STARTED, stopped=STOPPED, transaction_id=77))
    found.connect()
    assert found.sent("StartTransaction") == []
    (stop,) = found.sent("StopTransaction")
    assert (stop["transactionId"], stop["meterStop"]) == (77, 1_291)
    assert found.events(TransactionConfirmed)


def test_a_stop_without_its_start_is_told_too_where_the_id_is_known() -> None:
    found = station().boot()
    found.observe(recovered("told", "owed", stopped=STOPPED, transaction_id=77))
    found.connect()
    assert [stop["transactionId"] for stop in found.sent("StopTransaction")] == [77]


@pytest.mark.parametrize(
    ("start", "stop"), [("told", "unsure"), ("unsure", "unsure"), ("lost", "owed"), ("owed", "told")]
)
def test_what_may_have_been_told_or_is_lost_is_not_told(start: str, stop: str) -> None:
    found = station().boot()
    found.observe(recovered(start, stop, started=STARTED if start != "lost" else None, stopped=STOPPED))
    found.connect()
    assert found.sent("StartTransaction") == found.sent("StopTransaction") == []
    assert found.state.transactions.by_number == Map()


@pytest.mark.parametrize("stop", ["told", "unsure"])
def test_a_running_transaction_whose_stop_may_have_been_told_ends_without_a_word(stop: str) -> None:
    found = charging()
    found.observe(recovered("told", stop, number=1, register_wh=1_050, read=READ))
    assert found.sent("StopTransaction") == []
    assert found.state.transactions.running() == ()
    assert found.state.connectors[1].transaction_number is None
    assert found.events(TransactionConfirmed)


def test_a_running_transaction_whose_stop_is_owed_is_ended_with_what_was_stored() -> None:
    found = charging()
    found.charge(400)
    found.observe(recovered("told", "owed", number=1, register_wh=1_050, read=READ))
    (stop,) = found.sent("StopTransaction")
    assert (stop["meterStop"], stop["reason"]) == (1_050, "PowerLoss")


def test_an_id_that_was_learned_behind_the_damage_is_used() -> None:
    found = station()
    found.csms = answering(StartTransaction=None)  # as far as the log knows
    charging(found)
    found.disconnect()
    (started,) = [recorded.seq for recorded in found.log if isinstance(recorded.event, TransactionStarted)]
    found.observe(delivery(found, started, started))
    found.observe(recovered("told", "owed", number=1, transaction_id=77, register_wh=1_050, read=READ))
    found.csms = answering()
    found.connect()
    stop = found.last("StopTransaction").payload
    assert stop["transactionId"] == 77


def test_owed_messages_that_were_told_or_may_have_been_leave_the_lane() -> None:
    found = charging()
    found.disconnect()
    found.swipe()
    found.unplug()
    (stop,) = found.state.outbox.window
    found.observe(delivery(found, stop.seq - 1, stop.seq, unsure=1))
    assert (found.state.outbox.pending, found.state.outbox.given_up) == (0, 1)
    assert found.state.transactions.by_number == Map(), "nothing is left to wait for"
    assert found.state.transactions.last_number == 9
    found.connect()
    assert found.sent("StopTransaction") == []


def test_the_next_boot_of_a_log_that_lost_some_is_none_of_them_and_has_a_name_of_its_own() -> None:
    found = station().boot()
    found.observe(
        DeliveryRecovered(told_seq=0, unsure_seq=0, unsure=0, beyond=0, last_number=0, boot=found.state.clock.boot - 1)
    )
    assert found.state.clock.installation, "this boot comes after all of them"
    found.observe(DeliveryRecovered(told_seq=0, unsure_seq=0, unsure=0, beyond=0, last_number=0, boot=7))
    assert (found.state.clock.boot, found.state.clock.installation) == (7, "")
