"""What became of each plug: one presentation, until the vehicle is unplugged."""

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied, AuthorizationEnded, PlugTakenAsTag
from eventstore.catalogue.hardware import PilotStateObserved, VehicleIdentified
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.link import LinkOpened
from eventstore.catalogue.transactions import Moment, TransactionStarted, TransactionStopped
from eventstore.event import Event, Recorded
from projections.clock import Clock
from projections.plugs import ASKED, FOLDS, LEFT, OFFLINE, OVER, REFUSED, UNPLUGGED, Plug, Plugs

TAG, OTHER = "HOME", "OTHER"
TAKEN = PlugTakenAsTag(connector_id=1, id_tag=TAG, origin="plug")
DENIED = AuthorizationDenied(connector_id=1, id_tag="home", reason="Blocked")
BOOTED = StationBooted(
    boot=2,
    installation="",
    software_version="",
    firmware_version="",
    offset_ms=0,
    clock_trusted=True,
    orderly=False,
)


def pilot(state: str) -> PilotStateObserved:
    return PilotStateObserved(connector_id=1, pilot_state=state)


NONE = Plugs()


def folded(*events: Event, plugs: Plugs = NONE) -> Plugs:
    for seq, event in enumerate(events, start=1):
        recorded = Recorded(seq=seq, cause=seq, at_ms=seq, utc_ms=0, event=event)
        plugs = FOLDS[type(event)](plugs, event, recorded, Clock())
    return plugs


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), ASKED),
        ((DENIED,), REFUSED),
        ((AuthorizationDenied(connector_id=1, id_tag=TAG, reason="Offline"),), OFFLINE),
        ((AuthorizationDenied(connector_id=1, id_tag=OTHER, reason="Offline"),), ASKED),
        ((AuthorizationDenied(connector_id=None, id_tag=TAG, reason="Offline"),), ASKED),
        ((AuthorizationEnded(connector_id=1, reason="Cancelled"),), REFUSED),
        ((AuthorizationEnded(connector_id=1, reason="OverVoltage"),), ""),
        ((AuthorizationEnded(connector_id=None, reason="OverVoltage"),), ASKED),
        ((pilot("A"),), LEFT),
        ((pilot("A"), pilot("B")), LEFT),
        ((pilot("A"), DENIED), ""),
        ((DENIED, pilot("A"), pilot("B")), ""),
        ((AuthorizationDenied(connector_id=1, id_tag=TAG, reason="Offline"), LinkOpened(connection=2)), ""),
        ((DENIED, LinkOpened(connection=2)), REFUSED),
        ((BOOTED,), ""),
        ((DENIED, BOOTED), ""),
    ],
)
def test_what_a_presentation_comes_to(events: tuple[Event, ...], expected: str) -> None:
    assert folded(pilot("B"), TAKEN, *events).on(1).stage == expected


def test_a_session_that_is_over_stays_so_through_a_boot() -> None:
    over = Plugs().with_plug(1, Plug(connected=True, id_tag=TAG, stage=OVER)).with_plug(2, Plug(connected=True))
    after = folded(BOOTED, plugs=over)
    assert (after.on(1), after.on(2), len(after.by_id)) == (Plug(stage=OVER), UNPLUGGED, 1)
    assert folded(pilot("A"), plugs=after).by_id == NONE.by_id


def started(id_tag: str = TAG, by: str = "Cache") -> TransactionStarted:
    return TransactionStarted(
        connector_id=1,
        number=1,
        id_tag=id_tag,
        parent_id_tag=None,
        meter_start_wh=0,
        started=Moment(boot=2, at_ms=1, utc_ms=None),
        authorized_by=by,
    )


def stopped(reason: str) -> TransactionStopped:
    return TransactionStopped(
        connector_id=1,
        number=1,
        id_tag=None,
        meter_stop_wh=0,
        stopped=Moment(boot=2, at_ms=2, utc_ms=None),
        reason=reason,
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((pilot("B"),), True),
        ((pilot("E"), pilot("B"), pilot("C"), pilot("F")), True),
        ((pilot("A"), pilot("B")), False),
        ((pilot("B"), pilot("A"), pilot("B")), False),
        ((pilot("B"), BOOTED), False),
        ((pilot("A"), BOOTED, pilot("B")), True),
        ((pilot("B"), TAKEN, started("home")), True),
        ((pilot("B"), TAKEN, started(by="Remote")), False),
        ((pilot("B"), TAKEN, started(OTHER)), False),
        ((pilot("B"), started()), False),
        ((pilot("B"), TAKEN, DENIED, started()), False),
        ((pilot("B"), stopped("PowerLoss"), TAKEN, started()), True),
        ((pilot("B"), TAKEN, started(), stopped("Remote")), False),
    ],
)
def test_a_vehicle_is_there_since_the_boot_until_somebody_does_something(
    events: tuple[Event, ...], *, expected: bool
) -> None:
    assert folded(BOOTED, *events).on(1).since_boot is expected


def test_an_error_of_the_pilot_is_no_unplugging() -> None:
    assert folded(pilot("C"), TAKEN, pilot("E"), pilot("F")).on(1).stage == ASKED


def test_a_vehicle_takes_its_id_with_it() -> None:
    told = VehicleIdentified(connector_id=1, evccid="0A1B2C3D4E5F")
    assert folded(told) == NONE
    assert folded(pilot("B"), told).on(1).evccid == "0A1B2C3D4E5F"
    assert folded(pilot("B"), told, pilot("A"), pilot("B")).on(1).evccid == ""


def test_what_changes_nothing_leaves_the_same_object() -> None:
    plugs = folded(pilot("B"))
    assert folded(pilot("C"), LinkOpened(connection=1), DENIED, plugs=plugs) is plugs
