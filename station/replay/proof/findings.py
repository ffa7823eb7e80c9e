"""What a verification finds: where in the log, of what kind, and in words."""

from eventstore.value import Value

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


class LogFinding(Value, frozen=True, kw_only=True):
    """One thing that is wrong, from event `seq` to event `last_seq` as they stand in the log (or stood, if they are gone)."""

    kind: str
    seq: int
    last_seq: int
    says: str
