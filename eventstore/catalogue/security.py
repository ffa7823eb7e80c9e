"""Security events (white paper, A04 and section 8)."""

from typing import ClassVar

from eventstore.catalogue.transactions import Moment
from eventstore.event import Decision, Observation


class TamperObserved(Observation, frozen=True, kw_only=True):
    """The contact that watches the enclosure: `open` is true while the enclosure is open."""

    NAME: ClassVar[str] = "TamperObserved"

    open: bool


class SecurityEventRaised(Decision, frozen=True, kw_only=True):
    """Something happened that section 8 of the white paper names as `type`; `send`: SecurityEventNotification is queued for it.

    `tech_info` says what it was, in at most 255 characters. `occurred` is when.
    """

    NAME: ClassVar[str] = "SecurityEventRaised"

    type: str
    tech_info: str
    occurred: Moment
    send: bool
