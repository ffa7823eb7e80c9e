"""At which time a certificate, of the CSMS or of the maker of firmware, is judged (white paper, A00.FR.307 and A00.FR.411).

A station often starts without a clock: in 1970, or where its calendar stood when the power went. It learns the time from the CSMS, so
it must get in before it knows it. What it does know is a time that has passed for certain: the latest that its log proves, what its
board says, and when this version was released. A certificate that had expired by then is refused, one that only begins later is
not. Once the clock is trusted, by NTP or by the CSMS, both ends of the period hold, for the connection that is open too.
"""

from eventstore.value import Value
from projections.clock import Clock
from station import RELEASED_UTC_MS


class CertificateTime(Value, frozen=True, kw_only=True):
    """A time of judging; `exact` is False where the true one may be any later one."""

    utc_ms: int
    exact: bool

    def fault(self, not_before_ms: int, not_after_ms: int) -> str:
        """What is wrong with a period of validity, both ends included; "" if nothing is."""
        if self.utc_ms > not_after_ms:
            return "certificate has expired"
        return "certificate is not yet valid" if self.exact and self.utc_ms < not_before_ms else ""


def certificate_time(clock: Clock, at_ms: int) -> CertificateTime:
    """The best time that the station has; its own, untrusted, never lies behind what the log proves."""
    utc_ms = clock.utc_ms(at_ms)
    return CertificateTime(utc_ms=utc_ms if clock.trusted else max(utc_ms, RELEASED_UTC_MS), exact=clock.trusted)
