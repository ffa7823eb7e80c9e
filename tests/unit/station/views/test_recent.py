from eventstore.catalogue.hardware import ContactorObserved, MeterObserved
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import ConnectFailed, LinkClosed, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.event import Event, Recorded
from station.views.recent import APART_MS, CONNECTORS_MAX, POINTS_MAX, WINDOW_MS, Recent

UTC_MS = 1_000_000


class Told:
    """A fold that is given events at moments of station time."""

    def __init__(self) -> None:
        self.recent = Recent()
        self.seq = 0

    def at(self, at_ms: int, event: Event) -> None:
        self.seq += 1
        self.recent.add(Recorded(seq=self.seq, cause=self.seq, at_ms=at_ms, utc_ms=UTC_MS + at_ms, event=event))


def meter(power_w: int | None, connector_id: int = 1) -> MeterObserved:
    return MeterObserved(connector_id=connector_id, energy_wh=0, power_w=power_w)


def limit(limit_ma: int) -> LimitChanged:
    return LimitChanged(connector_id=1, limit_ma=limit_ma, phases=3)


def test_power_and_limit_make_a_curve() -> None:
    told = Told()
    told.at(0, meter(0))
    told.at(10_000, limit(16_000))
    told.at(20_000, meter(11_000))
    told.at(30_000, ContactorObserved(connector_id=1, closed=False))
    assert told.recent.curve(1, 40_000, 16_000) == [
        (0, 0, None),
        (10_000, 0, None),
        (10_000, 0, 16_000),
        (20_000, 11_000, 16_000),
        (30_000, 0, 16_000),
    ]
    assert told.recent.curve(2, 40_000, 0) == []
    assert told.recent.seq == 4


def test_a_limit_that_never_changed_held_all_along() -> None:
    told = Told()
    told.at(0, meter(7_000))
    assert told.recent.curve(1, 1, 10_000) == [(0, 7_000, 10_000)]


def test_only_the_last_hour_is_shown() -> None:
    told = Told()
    told.at(0, meter(1))
    told.at(WINDOW_MS, meter(2))
    assert [power for _, power, _ in told.recent.curve(1, WINDOW_MS, 0)] == [2]


def test_readings_that_come_all_the_time_are_thinned_and_the_last_one_is_kept() -> None:
    told = Told()
    for second in range(600):
        told.at(second * 1_000, meter(second))
    points = told.recent.curve(1, 600_000, 0)
    assert 600_000 // APART_MS // 2 < len(points) <= 600_000 // APART_MS + 2
    assert points[-1][:2] == (599_000, 599)
    assert points[0][:2] == (0, 0)


def test_memory_is_bounded_whatever_changes() -> None:
    told = Told()
    for n in range(POINTS_MAX):
        told.at(n, limit(6_000 + n))
    for connector_id in range(2 * CONNECTORS_MAX):
        told.at(POINTS_MAX, meter(1, connector_id))
    assert len(told.recent.curve(1, POINTS_MAX, 0)) <= POINTS_MAX
    assert told.recent.curve(2 * CONNECTORS_MAX - 1, POINTS_MAX, 0) == []


def test_the_last_trouble_of_the_link_is_known_with_its_time_and_without_credentials() -> None:
    told = Told()
    told.at(
        1,
        StationBooted(
            boot=1,
            installation="",
            software_version="",
            firmware_version="",
            offset_ms=0,
            clock_trusted=True,
            orderly=True,
        ),
    )
    assert told.recent.booted_ms == told.recent.down_since_ms == UTC_MS + 1
    told.at(2, ConnectFailed(reason="ws://me:secret@host refused", entropy=0))
    assert told.recent.trouble == {"reason": "ws://host refused", "at": UTC_MS + 2}
    assert told.recent.down_since_ms == UTC_MS + 1
    told.at(3, LinkOpened(connection=1))
    assert told.recent.down_since_ms is None
    told.at(4, LinkClosed(connection=1, reason="cut", entropy=0))
    told.at(5, ConnectFailed(reason="no route", entropy=0))
    assert told.recent.trouble == {"reason": "no route", "at": UTC_MS + 5}
    assert told.recent.down_since_ms == UTC_MS + 4


def test_the_first_failure_that_is_seen_says_since_when_if_nothing_earlier_does() -> None:
    told = Told()
    told.at(2, ConnectFailed(reason="refused", entropy=0))
    assert told.recent.down_since_ms == UTC_MS + 2
