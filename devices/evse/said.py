"""What a controller says and what is wrong with it: frozen values, integers with the unit last in the name. And what a driver is."""

from typing import Protocol

from msgspec import Struct

CURRENT_MIN_MA = 6_000
"""The least current that a control pilot can offer (IEC 61851-1, table A.8)."""

SILENT = "ControllerSilent"
REFUSES = "ControllerRefuses"
IMPLAUSIBLE = "ControllerImplausible"
RESTARTED = "ControllerRestarted"
DISOBEYS = "ControllerDisobeys"
FAILURE = "ControllerFailure"
ABOVE_OFFER = "CurrentAboveOffer"
"""vendorErrorCodes of StatusNotification. All but the last two come with InternalError; FAILURE with what the controller says it is."""


class Said(Struct, frozen=True, kw_only=True):
    """What a controller said last. `offered_ma` is what it reads back as allowed, 0 if it is switched off; `cable_ma` the rating of the
    cable if it tells, `fault` a (ChargePointErrorCode, words) that it reports itself, `contact_closed` where the grid operator's contact is if one hangs on it,
    `temperature_dc` its own temperature in tenths of a degree Celsius if it tells."""

    state: str
    offered_ma: int
    cable_ma: int | None = None
    tag: str = ""
    vehicle_id: str = ""
    fault: tuple[str, str] | None = None
    contact_closed: bool | None = None
    temperature_dc: int | None = None


class Trouble(Struct, frozen=True, kw_only=True):
    """What is wrong with a controller: a vendorErrorCode from above, and why in words."""

    code: str
    reason: str


class ControllerListener(Protocol):
    """Who hears a controller, on the event loop."""

    def said(self, said: Said) -> None:
        """It has answered with everything."""
        ...

    def troubled(self, trouble: Trouble | None) -> None:
        """It cannot be relied on; None: it can again, and knows what is wanted of it."""
        ...


class ChargingController(Protocol):
    """A driver of one controller."""

    def listen(self, listener: ControllerListener) -> None:
        """Let it hear everything from now on."""
        ...

    def want(self, current_ma: int) -> None:
        """Offer that current; below 6 A nothing. Returns at once; less is commanded before anything else."""
        ...

    def hush(self, quiet: bool) -> None:
        """With `quiet` do not speak to it any more, so that its failsafe must act."""
        ...

    @property
    def failsafe_ma(self) -> int | None:
        """The current that it falls to by itself when it hears nothing, as it was armed and read back; None: it cannot, or did not take it."""
        ...
