"""What of the log the station still needs, and what of it is kept longest."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from eventstore.catalogue.link import CallSettled
from eventstore.event import Event, Recorded
from eventstore.value import replace
from station.core.retention import RECORD, is_record, needed_seq
from tests.given import charging, station


def test_a_station_that_owes_nothing_needs_nothing() -> None:
    under_test = station().online()
    assert needed_seq(under_test.state) == under_test.state.seq + 1


def test_a_running_transaction_is_needed_from_its_start() -> None:
    under_test = charging()
    start = next(r.seq for r in under_test.log if type(r.event).__name__ == "TransactionStarted")
    assert needed_seq(under_test.state) == start


def test_what_is_owed_is_needed_until_it_is_settled() -> None:
    under_test = charging().disconnect()
    start = needed_seq(under_test.state)
    under_test.swipe()
    assert needed_seq(under_test.state) == start
    under_test.connect()
    assert under_test.state.outbox.pending == 0
    assert needed_seq(under_test.state) == under_test.state.seq + 1


def test_an_empty_window_with_more_behind_it_is_needed_from_there() -> None:
    state = station().online().state
    outbox = replace(state.outbox, window=(), beyond=3, window_end_seq=5, last_owed_seq=9)
    assert needed_seq(replace(state, outbox=outbox)) == 6


def kept(log: Sequence[Recorded]) -> list[Event]:
    """What stays of it: each observation with what was decided on it, or nothing of both."""
    batches = [[recorded.event for recorded in found] for _, found in groupby(log, lambda recorded: recorded.cause)]
    return [event for batch in batches if any(map(is_record, batch)) for event in batch]


def test_all_of_a_session_is_record_with_what_the_csms_said_of_it() -> None:
    under_test = charging()
    under_test.swipe()
    log = [
        r for r in under_test.log if r.seq >= next(r.seq for r in under_test.log if r.event.NAME == "IdTagPresented")
    ]
    stays = kept(log)
    names, all_of = Counter(event.NAME for event in stays), Counter(r.event.NAME for r in log)
    assert names["TransactionStarted"] == 1
    for name in (
        "TransactionStopped",
        "TransactionIdAssigned",
        "TransactionConfirmed",
        "MeterSampled",
        "AuthorizationGranted",
    ):
        assert names[name] == all_of[name], name
    calls = {event.action for event in stays if isinstance(event, CallSettled)}
    assert calls >= {"Authorize", "StartTransaction", "StopTransaction"}


def test_what_a_csms_says_of_nothing_is_chatter() -> None:
    under_test = station().online()
    before = len(under_test.log)
    for action, payload in (
        ("Nonsense", {}),
        ("GetConfiguration", {}),
        ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
        ("DataTransfer", {"vendorId": "x"}),
        ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
        ("RemoteStopTransaction", {"transactionId": 99}),
    ):
        under_test.ask(action, payload)
    assert len(under_test.log) > before
    assert kept(under_test.log[before:]) == []


def test_what_dates_and_proves_the_sessions_is_record() -> None:
    assert {
        "SecurityEventRaised",
        "StationBooted",
        "StationDescribed",
        "ClockAdjusted",
        "BooksClosed",
        "ArchiveDropped",
        "ArchiveThinned",
    } <= RECORD
    assert not {"FrameReceived", "FrameCondensed", "DeadlineReached", "LocalListReplaced", "LimitChanged"} & RECORD
