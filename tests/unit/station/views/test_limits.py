import json
import re

import pytest

from projections.limit_reason import CABLE, PROFILE, SHARE, STATION, LimitReason
from station.page_files import FILES
from station.telling.limit_words import limited_by
from station.views.limits import limit_said

REASONS = [
    LimitReason(kind=CABLE),
    LimitReason(kind=STATION),
    LimitReason(kind=SHARE),
    LimitReason(kind=PROFILE, charging_profile_id=12, purpose="TxProfile", period=2, set_utc_ms=1_000),
    LimitReason(kind=PROFILE, charging_profile_id=12, purpose="TxProfile", period=2),
    LimitReason(kind=SHARE, charging_profile_id=12, purpose="ChargePointMaxProfile", period=1, set_utc_ms=1_000),
    LimitReason(kind=SHARE, charging_profile_id=12, purpose="ChargePointMaxProfile", period=1),
]


@pytest.mark.parametrize("reason", REASONS, ids=str)
def test_the_page_says_in_english_what_the_journal_says(reason: LimitReason) -> None:
    said = limit_said(reason)
    assert said is not None
    text = json.loads((FILES / "texts.json").read_text())[said["say"]]["en"]
    shown = re.sub(r"\{(\w+)\}", lambda match: "10:02" if match[1] == "at" else str(said[match[1]]), text)
    assert shown == limited_by(reason, lambda utc_ms: "10:02")


def test_where_nothing_tells_it_nothing_is_said() -> None:
    assert limit_said(None) is None
