"""What others draw at a site, from a meter at its supply and the station's own meters: samples in, what is worth reporting out. Pure.

The meter sees the station's own current too, so of each phase counts what is left without that. More is reported at once, less once it has
lasted: of the last `window_ms` the highest counts, so a hob that switches on and off counts as on, and nothing follows it up and down.

The direction of a current does not matter here: what the site feeds in counts like what it draws, which is on the safe side, and a
current transformer that is put on the wrong way round changes nothing. What cannot be is that the station draws more than the
meter shows, unless the site feeds in: that is a doubt (phases that are swapped, a dead transformer, another meter).
"""

from collections import deque

from msgspec import Struct

DEADBAND_MA = 500
"""What is reported differs from what was reported before by more than this, on some phase."""
DOUBT_MA = 3_000
"""So much more must the station draw on a phase than the meter shows, to be doubted."""
DOUBT_AFTER_MS = 10_000
"""How long that must last: the two meters are not read in the same moment."""
DOUBT_HOLDS_MS = 600_000
"""How long a doubt holds after its last reason."""


class SiteSample(Struct, frozen=True, kw_only=True):
    """One moment: what the meter shows and what the station draws of that, per phase of the site in mA, both without direction."""

    current_ma: tuple[int, ...]
    own_ma: tuple[int, ...]

    def others_ma(self, phase: int) -> int:
        """What others draw on a phase."""
        return max(0, self.current_ma[phase] - self.own_ma[phase])


class SiteLoad:
    """Condenses samples of one meter. `feeds_in`: the site may feed in, so nothing is doubted."""

    def __init__(self, window_ms: int, *, feeds_in: bool) -> None:
        self._window_ms = window_ms
        self._feeds_in = feeds_in
        self._samples: deque[tuple[int, SiteSample]] = deque()
        self._reported: SiteSample | None = None
        self._less_since_ms: int | None = None
        self._less_at_ms: int | None = None
        self.is_doubted = False

    def forget(self) -> None:
        """The meter fell silent: the next sample is reported as if it were the first."""
        self._samples.clear()
        self._reported = None

    def take(self, sample: SiteSample, at_ms: int) -> SiteSample | None:
        """A sample of station time `at_ms`; what is to be reported now, None for nothing new. While it is doubted nothing is reported."""
        self._doubt(sample, at_ms)
        self._samples.append((at_ms, sample))
        while self._samples[0][0] < at_ms - self._window_ms:
            self._samples.popleft()
        if self.is_doubted:
            self._reported = None
            return None
        highest = self._highest()
        reported = self._reported
        if reported is not None and not any(
            abs(highest.others_ma(phase) - reported.others_ma(phase)) > DEADBAND_MA
            for phase in range(len(sample.current_ma))
        ):
            return None
        self._reported = highest
        return highest

    def _highest(self) -> SiteSample:
        """Of each phase the moment of the window at which others drew most."""
        best = [self._highest_on(phase) for phase in range(len(self._samples[-1][1].current_ma))]
        return SiteSample(
            current_ma=tuple(each.current_ma[phase] for phase, each in enumerate(best)),
            own_ma=tuple(each.own_ma[phase] for phase, each in enumerate(best)),
        )

    def _highest_on(self, phase: int) -> SiteSample:
        return max((sample for _, sample in self._samples), key=lambda sample: sample.others_ma(phase))

    def _doubt(self, sample: SiteSample, at_ms: int) -> None:
        if self._feeds_in:
            return
        if any(own > seen + DOUBT_MA for own, seen in zip(sample.own_ma, sample.current_ma, strict=True)):
            self._less_since_ms = at_ms if self._less_since_ms is None else self._less_since_ms
            self._less_at_ms = at_ms
            self.is_doubted = self.is_doubted or at_ms - self._less_since_ms >= DOUBT_AFTER_MS
            return
        self._less_since_ms = None
        if self._less_at_ms is not None and at_ms - self._less_at_ms >= DOUBT_HOLDS_MS:
            self._less_at_ms, self.is_doubted = None, False
