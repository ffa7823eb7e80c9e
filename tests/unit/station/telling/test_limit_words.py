"""What decides a limit, in words."""

import pytest

from projections.limit_reason import CABLE, PROFILE, SHARE, STATION, LimitReason
from station.telling.limit_words import limited_by

PROFILE_12 = {"charging_profile_id": 12, "purpose": "TxProfile", "period": 2}


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (None, ""),
        (LimitReason(kind=CABLE), "by the cable"),
        (LimitReason(kind=STATION), "by the station's maximum current"),
        (LimitReason(kind=SHARE), "shared with the other connectors"),
        (LimitReason(kind=PROFILE, set_utc_ms=5, **PROFILE_12), "by profile 12, period 2, set by the CSMS at 10:02"),  # type: ignore[arg-type]
        (LimitReason(kind=PROFILE, **PROFILE_12), "by profile 12, period 2, set by the CSMS"),  # type: ignore[arg-type]
        (
            LimitReason(kind=SHARE, set_utc_ms=5, **PROFILE_12),  # type: ignore[arg-type]
            "shared with the other connectors, by profile 12, period 2, set by the CSMS at 10:02",
        ),
    ],
)
def test_a_limit_says_what_decides_it(reason: LimitReason | None, text: str) -> None:
    assert limited_by(reason, lambda utc_ms: "10:02" if utc_ms == 5 else "?") == text
