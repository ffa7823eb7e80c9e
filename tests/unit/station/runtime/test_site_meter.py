"""The site meter: what it shows and what the station draws of that becomes an observation; silence and doubt become another."""

from dataclasses import dataclass, field
from typing import Any, cast

from devices.protocols import StationBoard
from devices.readings import MeterReading, MeterUnavailable
from devices.site_load import DOUBT_AFTER_MS, SiteLoad
from eventstore.catalogue.limits import SiteMeterFailed, SiteMeterObserved
from eventstore.event import Observation
from station.runtime.site_meter import DOUBTED, FIRST_READING_MS, NO_CURRENTS, OWN_AGE_MAX_MS, SiteMeter


def reading(*current_ma: int, age_ms: int = 0, connector_id: int = 0) -> MeterReading:
    return MeterReading(
        connector_id=connector_id,
        energy_wh=0,
        power_w=None,
        current_ma=current_ma,
        voltage_mv=(),
        frequency_mhz=None,
        temperature_dc=None,
        soc_percent=None,
        age_ms=age_ms,
    )


@dataclass
class FakeSite:
    """A site meter, and a board with two connectors; None: it cannot be read."""

    site: MeterReading | None = None
    own: dict[int, MeterReading | None] = field(default_factory=dict)
    connector_ids: tuple[int, ...] = (1, 2)
    told: list[Observation] = field(default_factory=list)

    def read(self, at_ms: int) -> MeterReading:
        if self.site is None:
            raise MeterUnavailable("no answer")
        return self.site

    def read_meter(self, connector_id: int, at_ms: int) -> MeterReading:
        found = self.own.get(connector_id)
        if found is None:
            raise MeterUnavailable("no answer")
        return found


def watching(site: FakeSite, places: tuple[int, ...] = (0, 1, 2)) -> SiteMeter:
    return SiteMeter(
        cast("Any", None),
        site,
        SiteLoad(30_000, feeds_in=False),
        cast("StationBoard", site),
        places=places,
        now_ms=lambda: 0,
        submit=site.told.append,
    )


def test_what_the_station_draws_is_put_beside_what_the_meter_shows_on_the_phases_that_it_hangs_on() -> None:
    site = FakeSite(site=reading(20_000, -5_000, 6_000), own={1: reading(10_000, 0, 0), 2: reading(2_000, 3_000)})
    watching(site, places=(1, 2, 0)).look(0)
    assert site.told == [SiteMeterObserved(current_ma=(20_000, 5_000, 6_000), own_ma=(0, 12_000, 3_000))]


def test_one_reading_is_taken_once() -> None:
    site = FakeSite(site=reading(20_000, 0, 0))
    meter = watching(site)
    meter.look(1_000)
    site.site = reading(20_000, 0, 0, age_ms=100)
    meter.look(1_100)
    assert len(site.told) == 1


def test_a_connector_whose_meter_is_silent_or_late_draws_nothing_of_its_own() -> None:
    late = reading(9_000, 9_000, 9_000, age_ms=OWN_AGE_MAX_MS + 1)
    site = FakeSite(site=reading(20_000, 20_000, 20_000), own={1: None, 2: late})
    watching(site).look(0)
    assert site.told == [SiteMeterObserved(current_ma=(20_000,) * 3, own_ma=(0, 0, 0))]


def test_silence_is_told_once_and_ends_with_the_next_reading() -> None:
    site = FakeSite()
    meter = watching(site)
    meter.look(0)
    meter.look(FIRST_READING_MS - 1)
    assert site.told == []
    meter.look(FIRST_READING_MS)
    meter.look(FIRST_READING_MS + 100)
    assert site.told == [SiteMeterFailed(reason="no answer")]
    site.site = reading(1_000, 1_000, 1_000)
    meter.look(5_000)
    assert site.told[1:] == [SiteMeterObserved(current_ma=(1_000,) * 3, own_ma=(0, 0, 0))]
    site.site = None
    meter.look(5_100)
    site.site = reading(1_000, 1_000, 1_000)
    meter.look(5_200)
    assert len(site.told) == 4


def test_a_meter_without_the_currents_of_all_phases_is_of_no_use() -> None:
    site = FakeSite(site=reading(1_000))
    watching(site).look(0)
    assert site.told == [SiteMeterFailed(reason=NO_CURRENTS)]
    single = FakeSite(site=reading(1_000))
    watching(single, places=(0,)).look(0)
    assert single.told == [SiteMeterObserved(current_ma=(1_000,), own_ma=(0,))]


def test_a_meter_that_is_doubted_counts_as_silent() -> None:
    site = FakeSite(site=reading(1_000, 1_000, 17_000), own={1: reading(16_000, 0, 0)})
    meter = watching(site)
    for at_ms in range(0, DOUBT_AFTER_MS + 1, 500):
        site.site = reading(1_000, 1_000, 17_000)
        meter.look(at_ms)
    assert site.told[-1] == SiteMeterFailed(reason=DOUBTED)
