"""What a segment knows of itself, and whether that is what its name says."""

from eventstore.chain import Head
from eventstore.commitments import Commitments
from eventstore.errors import LogCorrupt
from eventstore.segments import PastSegment
from eventstore.value import Value


class Ends(Value, frozen=True, kw_only=True):
    """The heads before a segment and at its end, whose it is, and what its digests cover."""

    before: Head
    head: Head
    identity: str
    commitments: Commitments


def check_ends(segment: PastSegment, ends: Ends) -> None:
    """Raises LogCorrupt for a segment that does not hold what its name says."""
    first, last = ends.before.seq + 1, ends.head.seq
    if segment.first_seq != first or last > segment.last_seq or (segment.is_archive and last < segment.last_seq):
        raise LogCorrupt(f"{segment.path.name} holds events {first} to {last}, not what its name says")
