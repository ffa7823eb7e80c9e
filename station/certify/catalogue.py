"""All cases there are, in the order of the laboratory's list."""

from station.certify.cases import (
    boot,
    certificates,
    configuration,
    firmware,
    local_list,
    offline,
    remote,
    reservation,
    security_log,
    security_profiles,
    sessions,
    signed_firmware,
    smart_charging,
    trigger,
)
from station.certify.functionalities import FUNCTIONALITIES
from station.certify.registry import Case, registered

MODULES = (
    boot,
    certificates,
    configuration,
    firmware,
    local_list,
    offline,
    remote,
    reservation,
    security_log,
    security_profiles,
    sessions,
    signed_firmware,
    smart_charging,
    trigger,
)
"""Where they stand; a new module is a line here."""


def all_cases() -> tuple[Case, ...]:
    """Every case and variant, by functionality."""
    order = {functionality: place for place, functionality in enumerate(FUNCTIONALITIES)}
    return tuple(sorted(registered(), key=lambda each: order[each.functionality]))
