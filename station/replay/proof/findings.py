"""What a verification finds: where in the log, of what kind, and in words."""

from eventstore.value import Value

ALTERED, REMOVED, INSERTED, MOVED, TRUNCATED, REPLACED, DAMAGED, CONTRADICTED, FOREIGN = (
    "altered",
    "removed",
    "inserted",
    "moved",
    "truncated",
    "replaced",
    "damaged",
    "contradicted",
    "foreign",
)
"""`contradicted`: what no station decides or writes; `foreign`: what no station puts into a file."""
KINDS = (ALTERED, REMOVED, INSERTED, MOVED, TRUNCATED, REPLACED, DAMAGED, CONTRADICTED, FOREIGN)


class LogFinding(Value, frozen=True, kw_only=True):
    """One thing that is wrong, from event `seq` to event `last_seq` as they stand in the log (or stood, if they are gone)."""

    kind: str
    seq: int
    last_seq: int
    says: str
