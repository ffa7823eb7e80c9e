"""A station without a clock knows a time that has passed, and nothing of what comes after it."""

import pytest

from projections.clock import Clock
from station import RELEASED_UTC_MS
from station.rules.certificate_time import CertificateTime, certificate_time

DAY_MS = 86_400_000


def of(offset_ms: int, *, trusted: bool) -> CertificateTime:
    return certificate_time(Clock(boot=1, offset_ms=offset_ms, trusted=trusted), 1_000)


def test_a_trusted_clock_is_the_time_whatever_it_says() -> None:
    assert of(5_000, trusted=True) == CertificateTime(utc_ms=6_000, exact=True)


def test_a_clock_in_1970_is_taken_for_the_release_of_this_version_at_least() -> None:
    assert of(0, trusted=False) == CertificateTime(utc_ms=RELEASED_UTC_MS, exact=False)
    later = RELEASED_UTC_MS + DAY_MS
    assert of(later, trusted=False) == CertificateTime(utc_ms=later + 1_000, exact=False)


@pytest.mark.parametrize(
    ("utc_ms", "exact", "fault"),
    [
        (9, True, "certificate is not yet valid"),
        (9, False, ""),
        (10, True, ""),
        (20, True, ""),
        (20, False, ""),
        (21, True, "certificate has expired"),
        (21, False, "certificate has expired"),
    ],
)
def test_a_certificate_that_only_begins_later_is_refused_by_an_exact_time_alone(
    utc_ms: int, exact: bool, fault: str
) -> None:
    assert CertificateTime(utc_ms=utc_ms, exact=exact).fault(10, 20) == fault
