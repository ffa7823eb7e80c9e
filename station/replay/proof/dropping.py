"""What of a log was dropped for its age or for room: that it is on record, and what cannot be checked because of it."""

from collections.abc import Iterator, Sequence

from eventstore.catalogue.lifecycle import ArchiveDropped, ArchiveThinned
from eventstore.event import Recorded
from eventstore.inventory import untold
from station.replay.opening.reader import LogReader
from station.replay.proof.findings import REMOVED, LogFinding
from station.replay.proof.redeciding import Foldable
from station.wire.instants import format_utc_ms


def dropped_before(reader: LogReader, begins_at: int) -> str:
    """Why the log begins with event `begins_at`, and not with event 1."""
    for recorded in reversed(reader.dropped):
        if isinstance(recorded.event, ArchiveDropped) and recorded.event.last_seq == begins_at - 1:
            return f"events 1 to {begins_at - 1}: dropped on record{_when(recorded)}"
    return f"events 1 to {begins_at - 1}: they lie in archives that are not here"


def thinned(reader: LogReader) -> Iterator[str]:
    """What was cut out of each archive that is here, in words."""
    told = {recorded.event.seal: recorded for recorded in reader.dropped if isinstance(recorded.event, ArchiveThinned)}
    for segment, seal, gaps in reader.thinned():
        recorded = told.get(seal)
        count = sum(last - first + 1 for first, last in gaps)
        what = (
            f"events {segment.first_seq} to {segment.last_seq}: {count} of them, which do not belong to transactions, "
        )
        if recorded is not None:
            yield f"{what}were dropped on record{_when(recorded)}"
        elif reader.goes_on_elsewhere:
            yield f"{what}were dropped; what put that on record is not here"


def untold_thinning(reader: LogReader) -> Iterator[LogFinding]:
    """The archives of which nothing in the log says what was cut out of them."""
    told = {recorded.event.seal for recorded in reader.dropped if isinstance(recorded.event, ArchiveThinned)}
    for segment, seal, _ in () if reader.goes_on_elsewhere else reader.thinned():
        if seal not in told:
            yield LogFinding(kind=REMOVED, seq=segment.first_seq, last_seq=segment.last_seq, says=untold(segment))


def undecided(reader: LogReader, stretches: Sequence[Foldable]) -> Iterator[str]:
    """The events that no state is known for, because what led to it was dropped, in words."""
    reached = 0 if reader.origin.base is None else reader.origin.base.seq
    for stretch in (*stretches, None):
        begins = reader.head.seq if stretch is None else stretch.state.seq
        if begins > reached:
            yield f"fold and decisions of events {reached + 1} to {begins}: what led to them was dropped on record"
        reached = begins if stretch is None else stretch.until


def _when(recorded: Recorded) -> str:
    event = recorded.event
    assert isinstance(event, ArchiveDropped | ArchiveThinned), "that is what was asked for"
    return f" ({format_utc_ms(recorded.utc_ms)[:10]}, event {recorded.seq}, for its {event.reason})"
