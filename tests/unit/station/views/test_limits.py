import json
import re
from typing import Any

import pytest

from projections.limit_reason import CABLE, DELAY, OUTSIDE, PAUSE, PROFILE, SHARE, STATION, LimitReason, OutsideReason
from projections.outside_limits import API, CONTACT, CSMS_SILENCE, SITE_METER
from station.page_files import FILES
from station.telling.limit_words import amount, limited_by
from station.views.limits import limit_said
from station.views.saying import Json


def outside(kind: str, source: str = "", *, silent: bool = False, **amounts: int) -> OutsideReason:
    limits = {"max_current_ma": None, "max_power_w": None, **amounts}
    return OutsideReason(kind=kind, source=source, silent=silent, since_utc_ms=1_000, **limits)


REASONS = [
    LimitReason(kind=CABLE),
    LimitReason(kind=STATION),
    LimitReason(kind=SHARE),
    LimitReason(kind=PROFILE, charging_profile_id=12, purpose="TxProfile", period=2, set_utc_ms=1_000),
    LimitReason(kind=PROFILE, charging_profile_id=12, purpose="TxProfile", period=2),
    LimitReason(kind=SHARE, charging_profile_id=12, purpose="ChargePointMaxProfile", period=1, set_utc_ms=1_000),
    LimitReason(kind=SHARE, charging_profile_id=12, purpose="ChargePointMaxProfile", period=1),
    LimitReason(kind=OUTSIDE, outside=outside(SITE_METER, max_current_ma=9_000)),
    LimitReason(kind=PAUSE, until_utc_ms=1_000),
    LimitReason(kind=DELAY, until_utc_ms=1_000),
    LimitReason(kind=OUTSIDE, outside=outside(CONTACT, max_power_w=4_200)),
    LimitReason(kind=OUTSIDE, outside=outside(CONTACT, silent=True, max_power_w=4_200)),
    LimitReason(kind=OUTSIDE, outside=outside(API, "ems", max_current_ma=10_000)),
    LimitReason(kind=OUTSIDE, outside=outside(API, "ems", max_current_ma=10_000, max_power_w=4_200)),
    LimitReason(kind=SHARE, outside=outside(API, "ems", silent=True, max_current_ma=6_000)),
    LimitReason(kind=OUTSIDE, outside=outside(CSMS_SILENCE, silent=True, max_current_ma=6_000)),
]
TEXTS = json.loads((FILES / "texts.json").read_text())


def shown(said: Json) -> str:
    """The sentence in English, as the page puts it together."""
    return re.sub(r"\{(\w+)\}", lambda match: valued(match[1], said[match[1]]), TEXTS[said["say"]]["en"])


def valued(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return shown(value)
    if name == "at":
        return "10:02"
    if name.endswith("_ma"):
        return amount(value, None)
    return amount(None, value) if name.endswith("_w") else str(value)


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_the_page_says_in_english_what_the_journal_says(reason: LimitReason) -> None:
    said = limit_said(reason)
    assert said is not None
    assert shown(said) == limited_by(reason, lambda utc_ms: "10:02")


def test_where_nothing_tells_it_nothing_is_said() -> None:
    assert limit_said(None) is None
