"""PUT /api/limit: a program beside the station says what it may draw at most, and goes on saying it.

    {"source": "ems", "max_current_a": 10.0, "valid_s": 60}
    {"source": "ems", "max_power_w": 4200, "valid_s": 60}
    {"source": "ems", "max_current_a": null}

`reported` is for every door through which such a limit may come.
"""

from collections.abc import Mapping
from typing import Any

from devices.kinds import Number, Text
from eventstore.catalogue.limits import OutsideLimitReported
from projections.outside_limits import OutsideLimits
from station.rules.outside_limits import SOURCES_MAX, is_full
from station.service.bodies import BodyMember, InvalidBodyError, read_members
from station.settings.limit_sections import CURRENT_MAX_A, POWER_MAX_W

SOURCE_DEFAULT = "api"
SOURCE_LENGTH_MAX = 32
VALID_MAX_S = 86_400
AMOUNTS = ("max_current_a", "max_power_w")


def _check_source(text: str) -> None:
    if text != text.strip():
        raise ValueError("must not begin or end with a space")


LIMIT = {
    "source": BodyMember(kind=Text(shortest=1, longest=SOURCE_LENGTH_MAX, check=_check_source), default=SOURCE_DEFAULT),
    "max_current_a": BodyMember(kind=Number(minimum=0, maximum=CURRENT_MAX_A, unit="amperes"), default=None),
    "max_power_w": BodyMember(kind=Number(minimum=0, maximum=POWER_MAX_W, unit="watts"), default=None),
    "valid_s": BodyMember(kind=Number(minimum=1, maximum=VALID_MAX_S, unit="seconds"), default=None),
}


def reported(document: object, limits: OutsideLimits) -> OutsideLimitReported:
    """What a JSON document says, as an observation. Fractions of mA, W and ms are cut off. Raises InvalidBodyError."""
    values = read_members(document, LIMIT)
    assert isinstance(document, Mapping), "else its members could not be read"
    if not any(name in document for name in AMOUNTS):
        raise InvalidBodyError("max_current_a or max_power_w is required; null lifts the limit")
    is_limit = any(values[name] is not None for name in AMOUNTS)
    if is_limit and values["valid_s"] is None:
        raise InvalidBodyError("valid_s: is required: a limit holds for so long, unless it is said again")
    if is_limit and is_full(limits, values["source"]):
        known = ", ".join(sorted(report.source for report in limits.reports))
        raise InvalidBodyError(
            f"source: {SOURCES_MAX} sources limit the station already ({known}); lift one of them first"
        )
    return OutsideLimitReported(
        source=values["source"],
        max_current_ma=_thousandths(values["max_current_a"]),
        max_power_w=None if values["max_power_w"] is None else int(values["max_power_w"]),
        valid_ms=_thousandths(values["valid_s"]) or 0,
    )


def _thousandths(value: Any) -> int | None:
    return None if value is None else int(value * 1000)
