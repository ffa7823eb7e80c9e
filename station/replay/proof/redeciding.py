"""Deciding again: every recorded observation goes through the kernel once more, from the state that the log amounts to there.

The kernel is pure, so the same observations must lead to the same decisions, to the byte. Where they do not, the recorded events
still make the state that is gone on from: one difference does not hide or invent another. The features that a boot ran with stand
in its StationDescribed; makers' DataTransfer handlers are those that are installed here.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib import metadata
from itertools import islice

from eventstore.catalogue.lifecycle import (
    BooksClosed,
    LogSalvaged,
    ObservationRejected,
    StationBooted,
    StationDescribed,
)
from eventstore.catalogue.link import OutboxWindowRead
from eventstore.chain import Row
from eventstore.event import Event, Illegible, Observation, Recorded
from eventstore.opening import Opening
from eventstore.structure import StructureError
from eventstore.value import Value, replace
from projections.digest import state_from
from projections.station import INITIAL, StationState, evolve
from station.core import kernel
from station.core.feature import Registry
from station.features import registry_for
from station.features.data_transfer import Vendor
from station.replay.opening.errors import BadQuestion
from station.replay.opening.folding import filled, foundation, without_cycles
from station.replay.opening.reader import LogReader
from station.replay.proof.spans import Span, holds, words

_VENDORS = "chargebox.vendors"
_DESCRIBED_WITHIN = 64
_BATCH_MAX = 4 * kernel.BATCH_MAX
_VALUE_MAX = 80
_ARE_NOT_HERE = "cannot be read, or not here"


@lru_cache(maxsize=1)
def _vendors() -> tuple[Vendor, ...]:
    found = metadata.entry_points(group=_VENDORS)
    return tuple(vendor for entry in found for vendor in (entry.load(),) if isinstance(vendor, Vendor))


@lru_cache(maxsize=8)
def registry_of(profiles_off: tuple[str, ...]) -> Registry:
    """The features of a station that was described so."""
    return registry_for(profiles_off, _vendors())


class Decided(Value, frozen=True, kw_only=True):
    """One observation: what the log has of it (`recorded`, the observation first) and what was decided now (`decided`).

    `before` is the state that it was decided from, `version` the software that recorded it. `error` tells that the recorded
    events could not be folded. `is_cut`: what follows of it is not here.
    """

    before: StationState
    recorded: tuple[Recorded, ...]
    decided: tuple[Recorded, ...]
    after: StationState
    registry: Registry
    version: str
    error: str = ""
    is_cut: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the log has just what was decided, as far as it is here."""
        if self.is_cut:
            return not self.error and self.recorded == self.decided[: len(self.recorded)]
        return not self.error and self.recorded == self.decided


class Undecided(Value, frozen=True, kw_only=True):
    """Events from `first_seq` to `last_seq` that could not be decided on, as the state before them is not known."""

    first_seq: int
    last_seq: int
    says: str


Watch = Callable[[Sequence[Row], Sequence[Recorded]], None]


class Deciding:
    """The observations of a log, decided again, in order. Iterate over it; `undecided` grows meanwhile.

    `breaks` are events that are not as they were recorded: the state is not known from there on. It is known again where the station
    closed its books, for that event names the state's digest, and where the station itself began anew. `watch` sees every row.
    """

    def __init__(
        self,
        reader: LogReader,
        *,
        fold_only: bool = False,
        breaks: Sequence[Span] = (),
        watch: Watch | None = None,
        part: Span | None = None,
    ) -> None:
        """With `fold_only`, what was recorded stands for the decision. Of a `part` only: from the event behind one that closed the books
        to another one, or the end."""
        self._reader = reader
        self._after, self._until = (0, reader.head.seq) if part is None else part
        self._fold_only = fold_only
        self._breaks = deque(sorted(breaks))
        self._watch = watch
        self.undecided: list[Undecided] = []
        self._anew, self._cuts = _salvages(reader)
        self._state: StationState | None = None
        self._lost: tuple[int, str] | None = None
        self._known_again: StationState | None = None
        self._registry = registry_of(())
        self._version = ""
        self.founded_on = 0
        """The event after which a state is believed that no event names, since nothing before it is here; 0: none is."""

    def __iter__(self) -> Iterator[Decided]:
        """Raises LogUnreadable, LogFromTheFuture."""
        reader = self._reader
        self._begin()
        last = 0
        with without_cycles():
            for batch, is_cut in _batches(reader, self._watch, self._after, self._until):
                last = batch[-1].seq
                state = self._state_before(batch)
                if state is None:
                    continue
                self._describe(batch)
                ends_early = is_cut or last in self._cuts or self._is_broken(last + 1)
                yield self._decide(state, batch, is_cut=ends_early)
        if self._lost is not None:
            self._end_loss(max(last, self._until))

    def _begin(self) -> None:
        if self._after:
            opening = next(self._reader.openings(self._after), None)
            known = None if opening is None else known_state(self._reader, opening)
            assert known is not None, "a part begins where the state is known"
            assert known.seq == self._after, "and nowhere else"
            self._go_on_from(known)
            return
        try:
            found = foundation(self._reader)
            self._go_on_from(found)
            self.founded_on = found.seq
        except BadQuestion as problem:
            self._lose(self._reader.first_seq, str(problem))

    def _go_on_from(self, state: StationState) -> None:
        self._state = state
        self._version = state.maintenance.software_version
        self._registry = registry_of(() if state.description is None else state.description.profiles_off)

    def _lose(self, seq: int, says: str) -> None:
        self._state = None
        self._lost = self._lost or (max(seq, 1), says)
        self._known_again = _next_known(self._reader, max(seq, 1), tuple(self._breaks))

    def end_behind(self, decided: Decided, says: str) -> None:
        """What follows on this batch is not to be decided, until the state is known again."""
        self._lose(decided.recorded[-1].seq + 1, says)

    def _end_loss(self, last_seq: int) -> None:
        assert self._lost is not None, "asked for only then"
        (first_seq, says), self._lost = self._lost, None
        if first_seq <= last_seq:
            self.undecided.append(Undecided(first_seq=first_seq, last_seq=last_seq, says=says))

    def _state_before(self, batch: tuple[Recorded, ...]) -> StationState | None:
        """The state that the batch was decided from; None while it is not known."""
        first, last = batch[0].seq, batch[-1].seq
        if first - 1 in self._anew and isinstance(batch[0].event, StationBooted):
            if self._lost is not None:
                self._end_loss(first - 1)
            self._go_on_from(replace(INITIAL, seq=first - 1, at_ms=self._at_ms(first - 1)))
        elif self._state is None and self._known_again is not None and self._known_again.seq <= first - 1:
            known, self._known_again = self._known_again, None
            if known.seq == first - 1:
                self._end_loss(known.seq)
                self._go_on_from(known)
            else:
                self._lose(first, "")
        if self._state is None:
            return None
        if first != self._state.seq + 1:
            self._lose(self._state.seq + 1, f"{words((self._state.seq + 1, first - 1))} {_ARE_NOT_HERE}")
            return self._state_before(batch) if self._known_again is not None else None
        why = self._why_not(batch, first, last)
        if why:
            self._lose(first, why)
        return self._state

    def _at_ms(self, seq: int) -> int:
        row = self._reader.row(seq)
        return 0 if row is None else row.at_ms

    def _why_not(self, batch: tuple[Recorded, ...], first: int, last: int) -> str:
        """Why the state behind this batch is not known, if it is not."""
        while self._breaks and self._breaks[0][1] < first:
            self._breaks.popleft()
        if self._breaks and self._breaks[0][0] <= last:
            return self._reader.why_unusable(max(first, self._breaks[0][0]))
        for recorded in batch:
            event = recorded.event
            if isinstance(event, Illegible):
                return f"event {recorded.seq} ({event.name}) cannot be read"
            if isinstance(event, OutboxWindowRead) and (found := len(event.entries or ())) != event.count:
                return f"event {recorded.seq} names {event.count} events, of which {found} are here"
        return ""

    def _is_broken(self, seq: int) -> bool:
        """Whether an event behind what was read by now is not as it was recorded: it may have belonged to the batch before it."""
        return any(first <= seq <= last for first, last in islice(self._breaks, 2))

    def _describe(self, batch: tuple[Recorded, ...]) -> None:
        """Of what features and version the station was when it decided."""
        event = batch[0].event
        if isinstance(event, StationBooted):
            self._version = event.software_version
            following = self._reader.next_of(StationDescribed, batch[0].seq, _DESCRIBED_WITHIN)
            if following is not None and isinstance(following.event, StationDescribed):
                self._registry = registry_of(following.event.profiles_off)
        elif isinstance(event, StationDescribed):
            self._registry = registry_of(event.profiles_off)

    def _decide(self, state: StationState, batch: tuple[Recorded, ...], *, is_cut: bool) -> Decided:
        first = batch[0]
        event = first.event
        decided, after = batch, None
        if isinstance(event, ObservationRejected):
            decided = batch[:1]  # nothing follows from what could not be folded
        elif not self._fold_only and isinstance(event, Observation):
            after, decided = kernel.step(state, event, first.at_ms, self._registry)
        error = ""
        if after is not None and decided == batch:
            decided = batch  # one and the same, so that whoever compares them again is done at once
        else:
            after, error = _folded(state, batch)
        self._state = after
        return Decided(
            before=state,
            recorded=batch,
            decided=decided,
            after=after,
            registry=self._registry,
            version=self._version,
            error=error,
            is_cut=is_cut,
        )


def _folded(state: StationState, batch: tuple[Recorded, ...]) -> tuple[StationState, str]:
    """The state after what was recorded, whether it follows or not; and what of it cannot be folded."""
    error = ""
    for recorded in batch:
        try:
            state = evolve(state, recorded)
        except Exception as problem:  # noqa: BLE001  # whatever a fold raises for an event that cannot be
            error = error or f"event {recorded.seq} ({recorded.event.NAME}) cannot have been: {problem}"
            state = replace(state, seq=recorded.seq)
    return state, error


def decide_again(reader: LogReader, *, fold_only: bool = False) -> Iterator[Decided]:
    """Every observation of the log whose state is known, decided again, in order. Raises BadQuestion where there is none."""
    deciding = Deciding(reader, fold_only=fold_only)
    count = 0
    for count, decided in enumerate(deciding, 1):  # noqa: B007  # counted for what comes after
        yield decided
    if not count and deciding.undecided:
        raise BadQuestion(deciding.undecided[0].says)


def _salvages(reader: LogReader) -> tuple[frozenset[int], frozenset[int]]:
    """Behind which events the station began anew, and the last events that salvages kept.

    What followed from the observations of the latter may be lost, as the log itself says.
    """
    found = [item.event for item in reader.recorded(kinds=(LogSalvaged,)) if isinstance(item.event, LogSalvaged)]
    anew = frozenset(event.kept_seq for event in found if not event.quarantine)
    return anew, frozenset(event.kept_seq for event in found)


def _next_known(reader: LogReader, seq: int, breaks: Sequence[Span]) -> StationState | None:
    """The first state at `seq` or behind it whose digest the event that closed the books there names."""
    found: StationState | None = None
    for opening in reader.openings():
        if opening.head.seq >= seq and not holds(breaks, opening.head.seq):
            state = known_state(reader, opening)
            found = state if state is not None and (found is None or state.seq < found.seq) else found
    return found


def known_state(reader: LogReader, opening: Opening) -> StationState | None:
    """The state that a segment ends in, if the event that closed the books there names its digest."""
    closed = reader.event(opening.head.seq) if opening.state else None
    if closed is None or not isinstance(closed.event, BooksClosed):
        return None
    if closed.event.state_digest != opening.state_digest:
        return None
    try:
        state = state_from(opening.state, opening.layout)
    except (StructureError, KeyError, ValueError):
        return None
    return state if state.seq == opening.head.seq else None


def batches(reader: LogReader) -> Iterator[tuple[Recorded, ...]]:
    """The log cut where each observation begins; what follows belongs to it, whatever it names as its cause."""
    return (batch for batch, _ in _batches(reader))


def _batches(
    reader: LogReader, watch: Watch | None = None, after: int = 0, until: int | None = None
) -> Iterator[tuple[tuple[Recorded, ...], bool]]:
    """The batches, and whether what follows in each is not here: the log has a gap there, or is known to go on behind its end."""
    batch: list[Recorded] = []
    for rows in reader.rows(after, until):
        events = reader.decoded(rows)
        if watch is not None:
            watch(rows, events)
        for recorded in events:
            is_gap = bool(batch) and recorded.seq != batch[-1].seq + 1
            if batch and (isinstance(recorded.event, Observation) or is_gap or len(batch) >= _BATCH_MAX):
                yield tuple(batch), is_gap
                batch = []
            batch.append(filled(reader, recorded) if type(recorded.event) is OutboxWindowRead else recorded)
    if batch:
        yield tuple(batch), reader.origin.damage is not None or reader.origin.excerpt


class Difference(Value, frozen=True, kw_only=True):
    """Where the log and the decision first part: the event's seq, and what differs in words."""

    seq: int
    says: str


def first_difference(decided: Decided) -> Difference:
    """Where and how; asserts that they do not agree."""
    assert not decided.agrees, "asked only where there is a difference"
    if decided.error and decided.recorded == decided.decided:
        return Difference(seq=decided.recorded[0].seq, says=decided.error)
    for place, (recorded, expected) in enumerate(zip(decided.recorded, decided.decided, strict=False)):
        if recorded != expected:
            return Difference(seq=recorded.seq, says=_differs(recorded, expected, is_first=place == 0))
    common = min(len(decided.recorded), len(decided.decided))
    if len(decided.recorded) > common:
        extra = [recorded.event.NAME for recorded in decided.recorded[common:]]
        seq = decided.recorded[common].seq
        return Difference(seq=seq, says=f"{_named(extra)} does not follow from event {decided.recorded[0].seq}")
    missing = [expected.event.NAME for expected in decided.decided[common:]]
    seq = decided.recorded[-1].seq + 1
    return Difference(
        seq=seq, says=f"{_named(missing)} should follow from event {decided.recorded[0].seq} and is missing"
    )


def _named(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:4])}{' …' if len(names) > 4 else ''}"


def _differs(recorded: Recorded, expected: Recorded, *, is_first: bool) -> str:
    if type(recorded.event) is not type(expected.event):
        return f"{recorded.event.NAME} is recorded where {expected.event.NAME} follows from event {recorded.cause}"
    where = [*_members(recorded, expected, ""), *_members(recorded.event, expected.event, f"{recorded.event.NAME}.")]
    told = "; ".join(where[:3]) or "it differs"
    return told if not is_first else f"{told} (the observation itself)"


def _members(recorded: Recorded | Event, expected: Recorded | Event, prefix: str) -> Iterator[str]:
    for member in recorded.__struct_fields__:
        if member == "event":
            continue
        old, new = getattr(recorded, member), getattr(expected, member)
        if old != new:
            said, follows = _short(repr(old), repr(new))
            yield f"{prefix}{member} is {said}, what follows is {follows}"


def _short(old: str, new: str) -> tuple[str, str]:
    """Both, and of long ones what stands around the place where they part."""
    if max(len(old), len(new)) <= _VALUE_MAX:
        return old, new
    parts = next((place for place, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    begin = max(0, parts - _VALUE_MAX // 3)
    return _window(old, begin), _window(new, begin)


def _window(text: str, begin: int) -> str:
    end = begin + _VALUE_MAX
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if end < len(text) else ''}"
