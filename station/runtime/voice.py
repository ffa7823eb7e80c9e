"""What becomes durable is logged in the journal, and shown to the supervisor in one line.

The last of the station's followers, so that effects come first. It never waits: lines go into the journal's queue, and a
datagram that the supervisor's socket does not take is dropped.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from eventstore.catalogue.connectors import ConnectorStatusChanged
from eventstore.event import Recorded
from projections.station import StationState
from station.features.smart_charging.reasons import limit_reason
from station.runtime import journal, supervisor
from station.telling.shown import utc
from station.telling.status_line import status_line
from station.telling.story import Story

LOGGER = logging.getLogger(journal.NAME)
STATUS_MAX = 500


def local(utc_ms: int) -> datetime:
    """A moment in the time zone of this machine."""
    return utc(utc_ms).astimezone()


class Voice:
    """Tells the story of one process."""

    def __init__(self, *, ended: str, full_tags: bool) -> None:
        """`ended` is why the process before it ended, as the log has it."""
        is_developer = LOGGER.isEnabledFor(logging.DEBUG)
        self._story = Story(
            ended=ended, full_tags=full_tags, details=is_developer, local=local, limit_reason=limit_reason
        )
        self._last = ""
        self._status = ""

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station."""
        try:
            lines = self._story.tell(state, batch)
        except Exception:  # our own bug, and no reason to end a station that charges
            LOGGER.exception("what happened cannot be logged; the event log has it: events up to %d", state.seq)
            return
        for line in lines:
            LOGGER.log(line.level, "%s", line.text, extra={"members": line.members()})
            if line.level > logging.DEBUG:
                self._last = line.text
        if supervisor.is_there() and (lines or any(type(each.event) is ConnectorStatusChanged for each in batch)):
            self._tell_supervisor(state)

    def _tell_supervisor(self, state: StationState) -> None:
        last = f". {self._last}" if self._last else ""
        status = journal.in_one_line(f"{status_line(state)}{last}")[:STATUS_MAX]
        if status != self._status and supervisor.notify(f"STATUS={status}", wait=False):
            self._status = status  # what was not taken is sent with the next change
