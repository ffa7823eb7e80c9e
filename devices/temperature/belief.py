"""What is believed of a temperature sensor. Pure.

A measurement that jumps is not believed before others confirm it, since a bad contact or a disturbed bus gives any number; a sensor
that gives nothing to be believed for `SILENT_AFTER_MS` is silent. Temperatures are in tenths of a degree Celsius (dc).
"""

from msgspec import Struct
from msgspec.structs import replace

LOWEST_DC, HIGHEST_DC = -550, 1_250
"""What a DS18B20 can measure; no station works beyond."""
JUMP_DC = 100
"""No enclosure warms up by more between two measurements."""
CONFIRMATIONS = 3
"""So many measurements in a row, within a jump of each other, are believed whatever was before."""
SILENT_AFTER_MS = 30_000
STEP_DC = 10
"""A change of less is not reported: a degree decides nothing, and each report is kept."""


class Belief(Struct, frozen=True, kw_only=True):
    """`believed_dc`: None before the first measurement, and once the sensor is silent; `good_at_ms` is when it was last confirmed.

    `doubtful_dc` and `doubts` are the last measurement that jumped, and how many agree with it. `reported_dc` is what was reported last, None
    if that was its silence; `reported`: whether anything was.
    """

    good_at_ms: int
    believed_dc: int | None = None
    doubtful_dc: int | None = None
    doubts: int = 0
    reported_dc: int | None = None
    reported: bool = False

    @property
    def news(self) -> bool:
        """Whether what is believed is to be reported: it is another by a degree, or begins or ends."""
        if not self.reported or self.believed_dc is None or self.reported_dc is None:
            return (self.reported, self.reported_dc) != (True, self.believed_dc)
        return abs(self.believed_dc - self.reported_dc) >= STEP_DC

    def as_reported(self) -> "Belief":
        """The same, once that was done."""
        return replace(self, reported_dc=self.believed_dc, reported=True)


def measured(belief: Belief, measured_dc: int | None, at_ms: int) -> Belief:
    """What is believed after a measurement; None: there was none."""
    if measured_dc is None or not LOWEST_DC <= measured_dc <= HIGHEST_DC:
        return _unconfirmed(belief, at_ms)
    known_dc = belief.believed_dc
    if known_dc is None and belief.doubtful_dc is None and not belief.reported:
        return _confirmed(belief, measured_dc, at_ms)  # the first one ever
    if known_dc is not None and abs(measured_dc - known_dc) <= JUMP_DC:
        return _confirmed(belief, measured_dc, at_ms)
    agrees = belief.doubtful_dc is not None and abs(measured_dc - belief.doubtful_dc) <= JUMP_DC
    doubts = belief.doubts + 1 if agrees else 1
    if doubts >= CONFIRMATIONS:
        return _confirmed(belief, measured_dc, at_ms)
    return _unconfirmed(replace(belief, doubtful_dc=measured_dc, doubts=doubts), at_ms)


def _confirmed(belief: Belief, measured_dc: int, at_ms: int) -> Belief:
    return replace(belief, believed_dc=measured_dc, good_at_ms=at_ms, doubtful_dc=None, doubts=0)


def _unconfirmed(belief: Belief, at_ms: int) -> Belief:
    is_silent = at_ms - belief.good_at_ms >= SILENT_AFTER_MS
    return replace(belief, believed_dc=None) if is_silent else belief
