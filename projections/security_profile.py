"""Which security profile connections are made with (white paper, A00 and A05).

Theory of operation
    The settings say from which profile on; the CSMS may raise it. A raised one is on trial until a connection opens with it: attempts
    take turns, `TURNS - 1` with the new profile and one with that in force, through restarts too, so whatever the CSMS offers gets its
    connection, and no cut leaves the station with neither. Whichever opens one ends the trial. A profile that was proven so is never
    fallen back from, and nothing over OCPP lowers it; somebody at the station can (`[csms] security_profile_fixed`).
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.lifecycle import StationDescribed
from eventstore.catalogue.link import ConnectFailed
from eventstore.catalogue.security import SecurityProfileFallenBack, SecurityProfileProven, SecurityProfileTrialBegun
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock
from projections.security import EXTENSION

BASIC = (1, 2)
"""The profiles that authenticate the station by its AuthorizationKey."""
TLS = (2, 3)
CLIENT_CERTIFICATE = 3
TURNS = 3


class SecurityProfile(Value, frozen=True, kw_only=True):
    """`settings` is what the settings say, `raised` what the CSMS has raised it to and a connection has proven (0: nothing).

    `trial` is the profile on trial, `failures` how many attempts have failed since it began. `fixed` says that the CSMS cannot change it.
    """

    settings: int = 0
    raised: int = 0
    trial: int | None = None
    failures: int = 0
    fixed: bool = False

    @property
    def in_force(self) -> int:
        """The profile that is used, but for a trial."""
        return max(self.settings, self.raised)

    def in_force_under(self, settings: int, *, fixed: bool) -> int:
        """The profile that will be in force once the settings say this."""
        return settings if fixed else max(settings, self.raised)

    @property
    def wanted(self) -> int:
        """The value of the key SecurityProfile."""
        return self.in_force if self.trial is None else self.trial

    @property
    def next(self) -> int:
        """The profile that the next connection is tried with."""
        return self.in_force if self.failures % TURNS == TURNS - 1 else self.wanted


def _on_described(held: SecurityProfile, event: StationDescribed, recorded: Recorded, _: Clock) -> SecurityProfile:
    fixed = event.security_profile_fixed
    raised = 0 if fixed else held.raised
    in_force = held.in_force_under(event.security_profile, fixed=fixed)
    ends = fixed or EXTENSION in event.profiles_off or (held.trial or 0) <= in_force
    return SecurityProfile(
        settings=event.security_profile,
        raised=raised,
        trial=None if ends else held.trial,
        failures=0 if ends else held.failures,
        fixed=fixed,
    )


def _on_trial(held: SecurityProfile, event: SecurityProfileTrialBegun, recorded: Recorded, _: Clock) -> SecurityProfile:
    return replace(held, trial=event.profile, failures=0)


def _on_failed(held: SecurityProfile, event: ConnectFailed, recorded: Recorded, _: Clock) -> SecurityProfile:
    # Which attempts fail by the network alone cannot be known for certain: a port that TLS needs may be closed.
    return held if held.trial is None else replace(held, failures=(held.failures + 1) % TURNS)


def _on_proven(held: SecurityProfile, event: SecurityProfileProven, recorded: Recorded, _: Clock) -> SecurityProfile:
    return replace(held, raised=event.profile, trial=None, failures=0)


def _on_fallen_back(
    held: SecurityProfile, event: SecurityProfileFallenBack, recorded: Recorded, _: Clock
) -> SecurityProfile:
    return replace(held, trial=None, failures=0)


FOLDS: Mapping[type[Event], Callable[[SecurityProfile, Any, Recorded, Clock], SecurityProfile]] = {
    StationDescribed: _on_described,
    SecurityProfileTrialBegun: _on_trial,
    ConnectFailed: _on_failed,
    SecurityProfileProven: _on_proven,
    SecurityProfileFallenBack: _on_fallen_back,
}
