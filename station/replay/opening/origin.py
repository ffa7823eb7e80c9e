"""What is known of where a log came from, before its first event is read."""

from pathlib import Path

from eventstore.chain import Head
from eventstore.opening import Opening
from eventstore.segments import PastSegment
from eventstore.value import Value
from station.replay.opening.disclosed import Disclosed
from station.replay.opening.past_segments import Past


class Damage(Value, frozen=True, kw_only=True):
    """What could only be salvaged: events 1 to `kept_seq` are whole, `known_seq` is the highest that is known to have existed.

    `stray_events` verify by themselves behind the damage. Digests in hexadecimal.
    """

    findings: tuple[str, ...]
    kept_seq: int
    known_seq: int
    known_digest: str
    stray_events: int


class Anchor(Value, frozen=True, kw_only=True):
    """A head of the log that something beside its events remembers: `what` remembers it.

    A signed statement also names the head before its range, `before`, and whose log it speaks of.
    """

    what: str
    head: Head
    before: Head | None = None
    identity: str = ""


class Origin(Value, frozen=True, kw_only=True):
    """`kind` in words. `excerpt`: it holds what was asked for, not the whole log; `redacted`: payloads were changed on purpose.

    `cut_out` are the first and last event of each range that was dropped for room, as the source says.
    `anchors` are heads that the source itself names, e.g. a diagnostics file. A log whose first segments are gone begins behind
    `base`; `past` are the closed segments, and `opening` is what the live one says that they end in. `findings` is what is damaged in
    that, `lost_wal` is what the witness misses of a WAL. `directory` is a storage directory that was given as a whole, so that what is
    not in it is missing; `beyond` are the segments in it that do not lie before the live one. `disclosed` is what came with events that
    were exported, and proves them.
    """

    kind: str
    live: bool = False
    excerpt: bool = False
    redacted: bool = False
    damage: Damage | None = None
    anchors: tuple[Anchor, ...] = ()
    base: Head | None = None
    opening: Opening | None = None
    past: Past | None = None
    findings: tuple[str, ...] = ()
    cut_out: tuple[tuple[int, int], ...] = ()
    lost_wal: tuple[str, ...] = ()
    directory: Path | None = None
    beyond: tuple[PastSegment, ...] = ()
    disclosed: Disclosed | None = None
