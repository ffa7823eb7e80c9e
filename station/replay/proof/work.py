"""A verification under way: what was found, what could not be checked, and which events are proven in which way.

`skipped` is what keeps the verdict from "whole": a part of the log that was not checked, and why. `notes` is what a reader should
know although nothing depends on it.
"""

from dataclasses import dataclass, field

from eventstore.event import Recorded
from projections.station import StationState
from station.replay.opening.reader import LogReader
from station.replay.proof.chain_check import ChainCheck
from station.replay.proof.findings import LogFinding
from station.replay.proof.spans import Span

FINDINGS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherVersion:
    """A decision of another software version that is known to decide so, where this one would not: changed behaviour, not damage."""

    seq: int
    version: str
    says: str


@dataclass(slots=True)
class Work:
    """What the checks of one log have come to so far. The ranges of events are by what is known of them."""

    reader: LogReader
    check: ChainCheck = field(default_factory=ChainCheck)
    findings: list[LogFinding] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    milestones: list[Recorded] = field(default_factory=list)
    """The events that say something of the log itself: boots, descriptions, closed books, what was dropped or salvaged."""
    present: list[Span] = field(default_factory=list)
    dropped: list[Span] = field(default_factory=list)
    absent: list[Span] = field(default_factory=list)
    unreadable: list[Span] = field(default_factory=list)
    redacted: list[Span] = field(default_factory=list)
    withheld: list[Span] = field(default_factory=list)
    """Events of which some members are withheld, and the rest is proven; of which they are, `withheld_members`."""
    concealed: list[Span] = field(default_factory=list)
    """Events that are withheld as a whole."""
    withheld_members: set[str] = field(default_factory=set)
    decided: list[Span] = field(default_factory=list)
    is_structure_damaged: bool = False
    observations: int = 0
    snapshots: int = 0
    uncounted: int = 0
    """How many findings were left out, since there are so many."""
    state: StationState | None = None
    others: list[OtherVersion] = field(default_factory=list)
    others_count: int = 0

    def add(self, kind: str, seq: int, says: str, last_seq: int | None = None) -> None:
        """One more finding, unless it is there already."""
        finding = LogFinding(kind=kind, seq=seq, last_seq=seq if last_seq is None else max(seq, last_seq), says=says)
        if len(self.findings) >= FINDINGS_MAX:
            self.uncounted += 1
        elif finding not in self.findings[-8:]:
            self.findings.append(finding)

    def skip(self, says: str) -> None:
        """Something that was not checked."""
        if says not in self.skipped:
            self.skipped.append(says)

    def note(self, says: str) -> None:
        """Something to know."""
        if says not in self.notes:
            self.notes.append(says)

    @property
    def first_seq(self) -> int:
        """The first event that is here, or 1."""
        return max(1, self.reader.first_seq)

    def whole_log(self, kind: str, says: str) -> None:
        """A finding of the file as a whole."""
        self.add(kind, self.first_seq, says, self.reader.head.seq)
