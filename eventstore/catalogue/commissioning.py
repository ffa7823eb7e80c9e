"""The commissioning test: an operator beside the station tries lock, contactor, meter and lamp of a connector, step by step."""

from typing import ClassVar

from eventstore.event import Decision, Observation


class CommissioningAsked(Observation, frozen=True, kw_only=True):
    """Somebody with the right to act asked for the test of a connector."""

    NAME: ClassVar[str] = "CommissioningAsked"

    connector_id: int


class CommissioningAnswered(Observation, frozen=True, kw_only=True):
    """The operator said of a step whether what was to be seen was seen."""

    NAME: ClassVar[str] = "CommissioningAnswered"

    connector_id: int
    step: str
    confirmed: bool


class CommissioningStopAsked(Observation, frozen=True, kw_only=True):
    """The operator asked for the end of the test."""

    NAME: ClassVar[str] = "CommissioningStopAsked"


class CommissioningRefused(Decision, frozen=True, kw_only=True):
    """The test was not begun, or an answer was to no step that is under way; `reason` is one of `station.rules.commissioning`."""

    NAME: ClassVar[str] = "CommissioningRefused"

    connector_id: int
    reason: str


class CommissioningBegan(Decision, frozen=True, kw_only=True):
    """The test begins; `steps` are those that this connector has, in order."""

    NAME: ClassVar[str] = "CommissioningBegan"

    connector_id: int
    steps: tuple[str, ...]


class CommissioningStepBegan(Decision, frozen=True, kw_only=True):
    """The board does what the step wants; it is answered before `due_ms` (station time), or the test ends."""

    NAME: ClassVar[str] = "CommissioningStepBegan"

    connector_id: int
    step: str
    due_ms: int


class CommissioningStepEnded(Decision, frozen=True, kw_only=True):
    """What came of a step: `found` is what the board said then, `confirmed` what the operator said; `passed` if both are as they should be."""

    NAME: ClassVar[str] = "CommissioningStepEnded"

    connector_id: int
    step: str
    found: str
    confirmed: bool
    passed: bool


class CommissioningEnded(Decision, frozen=True, kw_only=True):
    """The test is over and the board as it was; `reason` is "done" or what ended it before, `passed` if every step was made and passed."""

    NAME: ClassVar[str] = "CommissioningEnded"

    connector_id: int
    reason: str
    passed: bool
