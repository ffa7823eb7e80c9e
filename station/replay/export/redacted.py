"""A log that is read without tags and identity: its events are redacted when they are read, and so is the state that a fold begins with."""

from typing import Any

import orjson

from eventstore.chain import Row
from eventstore.structure import to_plain
from projections.digest import state_from
from projections.station import StationState
from station.replay.export.redaction import RedactionRules
from station.replay.export.writing import redaction_of
from station.replay.opening.folding import foundation
from station.replay.opening.reader import LogReader


class LogRedaction:
    """The redaction of one log, whose tags are all known from the beginning on."""

    def __init__(self, reader: LogReader, rules: RedactionRules) -> None:
        """Reads the whole log. Raises BadQuestion for an excerpt whose beginning nothing tells."""
        self._redaction = redaction_of(reader, rules)
        if not reader.is_complete:
            self._learn(foundation(reader))

    def row(self, row: Row) -> Row:
        """The row as it may be shown."""
        try:
            members = orjson.loads(row.payload)
        except (orjson.JSONDecodeError, TypeError):
            return row._replace(payload="{}")
        if type(members) is not dict:
            return row._replace(payload="{}")
        redacted = self._redaction.members(row.type, members)
        return row if redacted == members else row._replace(payload=orjson.dumps(redacted).decode())

    def state(self, state: StationState) -> StationState:
        """The state as if it had been folded from events that were redacted."""
        self._learn(state)
        return state_from(orjson.dumps(self._redaction.value(to_plain(state))))

    def value(self, value: Any) -> Any:
        """What is said beside the events, in JSON."""
        return self._redaction.value(value)

    def _learn(self, state: StationState) -> None:
        for tag in (*state.authorization.local_list, *state.authorization.cache):
            self._redaction.tag(tag)
