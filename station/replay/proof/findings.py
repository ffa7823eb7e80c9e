"""What a verification finds: where in the log, of what kind, and in words."""

from eventstore.frozen import dataclass

ALTERED, REMOVED, INSERTED, MOVED, TRUNCATED, REPLACED, DAMAGED, CONTRADICTED = (
    "altered",
    "removed",
    "inserted",
    "moved",
    "truncated",
    "replaced",
    "damaged",
    "contradicted",
)
KINDS = (ALTERED, REMOVED, INSERTED, MOVED, TRUNCATED, REPLACED, DAMAGED, CONTRADICTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFinding:
    """One thing that is wrong, from event `seq` to event `last_seq` as they stand in the log (or stood, if they are gone)."""

    kind: str
    seq: int
    last_seq: int
    says: str
