"""The security log: every security event of a log, with its digest, and whether the CSMS has heard of it (white paper, A04)."""

from collections.abc import Collection

from eventstore.catalogue.link import CallSettled, CallShed
from eventstore.catalogue.security import SecurityEventRaised
from eventstore.value import Value, replace
from projections.outbox import SECURITY
from station.replay.opening.reader import LogReader
from station.replay.opening.times import Calendar

DELIVERED, QUEUED, KEPT = "delivered", "queued", "kept"
_KINDS = (SecurityEventRaised, CallSettled, CallShed)


class SecurityEntry(Value, frozen=True, kw_only=True):
    """One security event. `certain`: its time was confirmed. `digest` is its own in the chain, "" where it cannot be read.

    `fate` is "delivered" (at `settled_utc_ms`), "queued" (the log ends first), "kept" (in the log alone, as the settings had it),
    "shed" (too many waited), or what the CSMS's answer came to: "error", "malformed", "given_up".
    """

    seq: int
    utc_ms: int
    certain: bool
    type: str
    tech_info: str
    fate: str
    settled_utc_ms: int | None
    digest: str


def security_entries(
    reader: LogReader, calendar: Calendar, after_seq: int, to_seq: int, types: Collection[str] = ()
) -> list[SecurityEntry]:
    """The security events behind `after_seq` up to `to_seq`, in order; of these types only, if any are named."""
    wanted = {name.casefold() for name in types}
    found: dict[int, SecurityEntry] = {}
    for recorded in reader.recorded(kinds=_KINDS, after=after_seq):
        match recorded.event:
            case SecurityEventRaised() as event if recorded.seq <= to_seq:
                if wanted and event.type.casefold() not in wanted:
                    continue
                found[recorded.seq] = SecurityEntry(
                    seq=recorded.seq,
                    utc_ms=calendar.utc_ms(recorded),
                    certain=calendar.is_certain(recorded.seq),
                    type=event.type,
                    tech_info=event.tech_info,
                    fate=QUEUED if event.send else KEPT,
                    settled_utc_ms=None,
                    digest=(reader.digest_at(recorded.seq) or b"").hex(),
                )
            case CallSettled(lane=lane, ends_entry=True) as event if lane == SECURITY and _waits(found, event.owed_seq):
                fate = DELIVERED if event.outcome == "result" else event.outcome
                found[event.owed_seq] = replace(
                    found[event.owed_seq], fate=fate, settled_utc_ms=calendar.utc_ms(recorded)
                )
            case CallShed() as event if _waits(found, event.owed_seq):
                found[event.owed_seq] = replace(
                    found[event.owed_seq], fate="shed", settled_utc_ms=calendar.utc_ms(recorded)
                )
            case _:
                pass
    return list(found.values())


def _waits(found: dict[int, SecurityEntry], seq: int) -> bool:
    return seq in found and found[seq].fate == QUEUED
