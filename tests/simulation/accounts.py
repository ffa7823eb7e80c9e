"""The end of a simulation: the books of the CSMS agree with the station's log, transaction by transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from eventstore.catalogue.link import CallSettled
from eventstore.catalogue.transactions import TransactionStarted
from eventstore.event import Recorded
from projections.outbox import TRANSACTIONAL
from tests.simulation.csms import Call
from tests.simulation.invariants import Invariants

Calls = Mapping[int, Sequence[Call]]


def check_accounts(seen: Invariants) -> None:
    """Every start, sample and stop of the log was told once by content, in order, under the right id (I5, I7 to I9)."""
    assert set(seen.started) == set(seen.stopped), "a transaction was never stopped"
    settled = _settlements(seen.events)
    calls: Calls = _by_event(seen)
    place = {call: index for index, call in enumerate(seen.csms.calls)}
    order: list[int] = []
    texts: list[tuple[str, str]] = []
    for recorded in seen.events:
        if isinstance(recorded.event, TRANSACTIONAL):
            told = calls.get(recorded.seq, ())
            _check_told(seen, recorded, settled, calls)
            order += [min(place[call] for call in told)] if told else []
            texts += [(told[0].action, told[0].text)] if told and told[0].action != "MeterValues" else []
    assert order == sorted(order), "first deliveries are not in the order of the log (I8)"
    assert len(texts) == len(set(texts)), "two starts or stops cannot be told apart (I9)"
    _check_statuses(seen)


def _by_event(seen: Invariants) -> dict[int, list[Call]]:
    calls = defaultdict(list)
    for call in seen.csms.calls:
        calls[seen.owed_seq(call)].append(call)
    return calls


def _settlements(events: Sequence[Recorded]) -> dict[int, CallSettled]:
    """How each owed event ended."""
    found: dict[int, CallSettled] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, CallSettled) and event.ends_entry and event.outcome != "void":
            assert event.owed_seq not in found, f"event {event.owed_seq} is settled twice"
            found[event.owed_seq] = event
    return found


def _check_told(seen: Invariants, recorded: Recorded, settled: Mapping[int, CallSettled], all_calls: Calls) -> None:
    event, calls = recorded.event, all_calls.get(recorded.seq, ())
    end = settled.get(recorded.seq)
    assert end is not None, f"event {recorded.seq} {event} is owed for ever (I7)"
    assert len({call.text for call in calls}) <= 1, f"event {recorded.seq} was told in two ways (I9)"
    refusals = [call for call in calls if any(kind in ("error", "malformed") for kind, _ in call.said)]
    if end.outcome == "given_up":
        assert refusals, f"event {recorded.seq} was given up without a CALLERROR"
        return
    answered = any(call.said for call in calls)
    assert answered, f"event {recorded.seq} {event.NAME} is settled, but the CSMS never answered (I5)"
    if end.outcome == "result":
        processed = any(call.processed for call in calls)
        assert processed, f"event {recorded.seq} {event.NAME} is settled, but the CSMS has not got it (I5)"
    _check_id(seen, recorded, all_calls)


def _check_id(seen: Invariants, recorded: Recorded, all_calls: Calls) -> None:
    """A sample or stop carries an id that the CSMS gave to the start of this very transaction."""
    number = getattr(recorded.event, "number", None)
    calls = all_calls.get(recorded.seq, ())
    if isinstance(recorded.event, TransactionStarted) or number is None or not calls:
        return
    starts = all_calls.get(seen.started[number].seq, ())
    given = {transaction_id for call in starts for transaction_id in seen.csms.ids_given(call)}
    wire_id = calls[0].payload["transactionId"]
    assert wire_id in given | {-1}, f"event {recorded.seq} carries {wire_id}, the CSMS gave {given}"


def _check_statuses(seen: Invariants) -> None:
    """What the CSMS was told last of each connector is what is true."""
    for connector in seen.shadow.connectors.by_id:
        told = [
            call.payload["status"]
            for call in seen.csms.calls
            if call.action == "StatusNotification" and call.payload["connectorId"] == connector.connector_id
        ]
        assert told, f"nothing was told of connector {connector.connector_id}"
        assert told[-1] == connector.status, f"connector {connector.connector_id}: told {told[-1]}"
