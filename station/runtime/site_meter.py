"""The meter at the supply of the site: read on a bus of its own, compared with what the station draws, and reported to the station.

A reading that is too old is none: the site meter is silent then, and the safe value of the settings holds (an event, as
everything). What the connectors' meters do not tell counts as others' current, which is on the safe side.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from devices.protocols import StationBoard
from devices.readings import MeterReading, MeterUnavailable
from devices.site_load import SiteLoad, SiteSample
from eventstore.catalogue.limits import SiteMeterFailed, SiteMeterObserved
from eventstore.event import Observation

LOGGER = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1
OWN_AGE_MAX_MS = 2_000
FIRST_READING_MS = 3_000
"""How long the first reading may take before its absence is reported; the safe value holds meanwhile."""
DOUBTED = "it shows less than the station draws: phases swapped, a wrong meter, or the site feeds in"
NO_CURRENTS = "it gives no currents"


class SiteBus(Protocol):
    """What reads the meter."""

    def start(self) -> None: ...
    def close(self) -> None: ...
    async def wait_closed(self) -> None: ...


class MeterOfSite(Protocol):
    """The last reading of the meter."""

    def read(self, at_ms: int) -> MeterReading: ...


class SiteMeter:
    """Watches one meter. `places` are the phases of the site that the station's L1, L2, L3 hang on, from 0 on."""

    def __init__(
        self,
        bus: SiteBus,
        meter: MeterOfSite,
        load: SiteLoad,
        board: StationBoard,
        *,
        places: Sequence[int],
        now_ms: Callable[[], int],
        submit: Callable[[Observation], None],
    ) -> None:
        self._bus = bus
        self._meter = meter
        self._load = load
        self._board = board
        self._places = tuple(places)
        self._now_ms = now_ms
        self._submit = submit
        self._read_at_ms: int | None = None
        self._failed: str | None = None
        self._began_ms: int | None = None

    async def run(self) -> None:
        """Reads until it is cancelled."""
        self._bus.start()
        try:
            while True:
                try:
                    self.look(self._now_ms())
                except Exception:
                    LOGGER.exception("a bug: the reading of the site meter could not be taken")
                    self._fail("its reading could not be taken")
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._bus.close()
            await self._bus.wait_closed()

    def look(self, at_ms: int) -> None:
        """Takes the reading of the moment, if it is a new one."""
        try:
            reading = self._meter.read(at_ms)
        except MeterUnavailable as error:
            self._began_ms = at_ms if self._began_ms is None else self._began_ms
            if self._read_at_ms is not None or at_ms - self._began_ms >= FIRST_READING_MS:
                self._fail(error.reason)
            return
        if len(reading.current_ma) <= max(self._places):
            self._fail(NO_CURRENTS)
            return
        read_at_ms = at_ms - reading.age_ms
        if read_at_ms == self._read_at_ms:
            return
        self._read_at_ms = read_at_ms
        current_ma = tuple(abs(current) for current in reading.current_ma)
        found = self._load.take(SiteSample(current_ma=current_ma, own_ma=self._own_ma(len(current_ma), at_ms)), at_ms)
        if self._load.is_doubted:
            self._fail(DOUBTED)
        elif found is not None:
            self._failed = None
            self._submit(SiteMeterObserved(current_ma=found.current_ma, own_ma=found.own_ma))

    def _fail(self, reason: str) -> None:
        if reason == self._failed:
            return
        self._failed = reason
        if reason != DOUBTED:
            self._load.forget()
        self._submit(SiteMeterFailed(reason=reason))

    def _own_ma(self, phases: int, at_ms: int) -> tuple[int, ...]:
        """What the station draws on each phase of the site, as far as its meters tell it now."""
        own = [0] * phases
        for connector_id in self._board.connector_ids:
            try:
                reading = self._board.read_meter(connector_id, at_ms)
            except MeterUnavailable:
                continue
            if reading.age_ms > OWN_AGE_MAX_MS:
                continue
            for place, current_ma in zip(self._places, reading.current_ma, strict=False):
                own[place] += abs(current_ma)
        return tuple(own)
