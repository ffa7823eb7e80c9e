"""A verdict on a log: what was found, what was proven of which events and by what, and what could not be checked."""

from collections.abc import Sequence

from eventstore.value import Value
from station.replay.proof.anchoring import AnchorResult
from station.replay.proof.findings import TRUNCATED, LogFinding
from station.replay.proof.spans import Span, holds, pieces, union
from station.replay.proof.work import OtherVersion, Work

WHOLE, FAULTY, UNCHECKED = "whole", "faulty", "unchecked"
CONSISTENT, ANCHORED = "consistent", "anchored"
STATUSES = {WHOLE: 0, FAULTY: 1, UNCHECKED: 4}
"""The exit statuses of `verify`."""
HERE, WITHHELD, DROPPED, ABSENT, UNREADABLE, MISSING = (
    "here",
    "withheld",
    "dropped",
    "not given",
    "unreadable",
    "missing",
)


class Range(Value, frozen=True, kw_only=True):
    """Events of which the same is known. `state` is "here", "withheld" where only the hash of each is here, or why they are not.

    `chained`: each continues the one before. `decided`: each follows again from what was observed. `anchored_by`: what from
    outside vouches for them. `redacted`: nothing proves what stands in them; `withheld`: the commitments to some of their members,
    or to all of them, fit, and nothing proves what stands in place of those.
    """

    first_seq: int
    last_seq: int
    state: str
    chained: bool
    decided: bool
    redacted: bool
    withheld: bool
    anchored_by: tuple[str, ...]


class Verdict(Value, frozen=True, kw_only=True):
    """`verdict` is "whole", "faulty", or "unchecked": nothing is wrong with what was checked, but something could not be.

    `proven` is "anchored" if an anchor from outside vouches for events of the log, the last of which is `anchored_seq`; else
    "consistent". `ranges` say it event by event. `level` is how far it was to be checked; `skipped` says what could not be, and
    why, `notes` what is good to know. `state_digest` is that of the state at the head.
    """

    verdict: str
    proven: str
    anchored_seq: int
    level: str
    software_version: str
    source: str
    first_seq: int
    last_seq: int
    head_digest: str
    events: int
    observations: int
    snapshots: int
    state_digest: str
    findings: tuple[LogFinding, ...]
    findings_count: int
    other_versions: tuple[OtherVersion, ...]
    other_versions_count: int
    anchors: tuple[AnchorResult, ...]
    ranges: tuple[Range, ...]
    ranges_count: int
    skipped: tuple[str, ...]
    notes: tuple[str, ...]


def ranges_of(work: Work, anchors: Sequence[AnchorResult]) -> tuple[Range, ...]:
    """The events from the first to the last, cut wherever something else is known of them."""
    gone = [each.last_seq for each in work.findings if each.kind == TRUNCATED] + [span[1] for span in work.absent]
    last = max(work.reader.head.seq, *gone, 0)
    if not last:
        return ()
    chained = union((run.first_seq, run.last_seq) for run in work.check.runs)
    here, decided, redacted = union(work.present), union(work.decided), union(work.redacted)
    concealed = union(work.concealed)
    withheld = union(work.withheld, concealed)
    why = {DROPPED: union(work.dropped), ABSENT: union(work.absent), UNREADABLE: union(work.unreadable)}
    proving = [anchor for anchor in anchors if anchor.proves]
    groups = (
        here,
        chained,
        decided,
        redacted,
        withheld,
        concealed,
        *why.values(),
        *(anchor.proves for anchor in proving),
    )
    found: list[Range] = []
    for first, end in pieces((1, last), *groups):
        is_here = holds(here, first)
        here_as = WITHHELD if holds(concealed, first) else HERE
        state = here_as if is_here else next((name for name, spans in why.items() if holds(spans, first)), MISSING)
        is_proven = is_here and not holds(redacted, first)
        found.append(
            Range(
                first_seq=first,
                last_seq=end,
                state=state,
                chained=is_proven and holds(chained, first),
                decided=is_proven and holds(decided, first),
                redacted=is_here and holds(redacted, first),
                withheld=is_here and holds(withheld, first),
                anchored_by=tuple(dict.fromkeys(_name(each) for each in proving if holds(each.proves, first))),
            )
        )
    return tuple(found)


def _name(anchor: AnchorResult) -> str:
    return f"{anchor.what} {anchor.seq}" if anchor.what in ("anchor", "statement") else anchor.what


def anchored(ranges: Sequence[Range]) -> tuple[Span, ...]:
    """The events that something from outside vouches for."""
    return union((each.first_seq, each.last_seq) for each in ranges if each.anchored_by)
