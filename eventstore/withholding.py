"""What leaves with exported events to prove them, so that nothing withheld can be guessed from it.

Of an event with commitments go its salt, and for each personal member the member's salt, or the commitment where the value was
replaced. An event in the format of version 0.1.0 has nothing but the digest over its whole row, from which a short tag is found by trying;
so from the first such event on in which something was replaced no digest of that format leaves any more, nor, of the first event behind
them that has commitments, the salt: its digest then tells nothing of the one before it, and all behind it is proven.
"""

from collections.abc import Callable, Collection

import orjson

from eventstore.chain import GENESIS_DIGEST, Row
from eventstore.commitments import PERSONAL, Disclosure, withholding
from eventstore.value import Value

Redact = Callable[[str, dict[str, object]], dict[str, object]]
"""The members of an event of this type, redacted."""


class Outgoing(Value, frozen=True, kw_only=True):
    """A row as it leaves: its payload, its digest in hexadecimal or "", and what proves it beside that."""

    payload: str
    digest: str
    proof: Disclosure | None


class Withholding:
    """Takes the rows of one file in their order. `is_guessable` tells whether any digest of the old format had to stay behind."""

    def __init__(self, disclosed: Callable[[Row], Disclosure | None], redact: Redact | None) -> None:
        """`disclosed` tells all that proves a row; without `redact` nothing is replaced."""
        self._disclosed = disclosed
        self._redact = redact
        self._stays_behind = False
        self.is_guessable = False

    def take(self, row: Row) -> Outgoing:
        """The next row."""
        disclosure = self._disclosure(row)
        payload, changed = row.payload, tuple[str, ...]()
        if self._redact is not None:
            payload, changed = self._redacted(row, self._redact, only=None if disclosure is None else PERSONAL)
        digest = "" if row.digest == GENESIS_DIGEST else row.digest.hex()
        if disclosure is None:
            self._stays_behind = self._stays_behind or bool(changed)
            self.is_guessable = self.is_guessable or self._stays_behind
            return Outgoing(payload=payload, digest="" if self._stays_behind else digest, proof=None)
        if self._stays_behind:
            self._stays_behind = False
            return Outgoing(payload=payload, digest=digest, proof=Disclosure(salt=""))
        return Outgoing(payload=payload, digest=digest, proof=withholding(row, disclosure, changed))

    def _disclosure(self, row: Row) -> Disclosure | None:
        try:
            return self._disclosed(row)
        except (TypeError, ValueError):  # a damaged row: nothing proves it
            return None

    @staticmethod
    def _redacted(row: Row, redact: Redact, *, only: Collection[str] | None) -> tuple[str, tuple[str, ...]]:
        """The payload, and which members of it were changed: of these `only`, where the others are none that could be personal."""
        try:
            members = orjson.loads(row.payload)
        except (orjson.JSONDecodeError, TypeError):
            return "{}", ("",)
        if type(members) is not dict:
            return "{}", ("",)
        redacted = redact(row.type, members)
        if only is not None:
            redacted = {name: redacted[name] if name in only else content for name, content in members.items()}
        changed = tuple(name for name in members if redacted.get(name) != members[name])
        if not changed and redacted.keys() == members.keys():
            return row.payload, ()
        return orjson.dumps(redacted, option=orjson.OPT_SORT_KEYS).decode(), changed or ("",)
