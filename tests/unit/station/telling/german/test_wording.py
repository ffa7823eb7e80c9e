"""German sentences: as somebody would say them, with the reason where there is one."""

import pytest

from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.connectors import ConnectorStatusChanged
from eventstore.catalogue.hardware import (
    IdTagPresented,
    LockObserved,
    MeterObserved,
    PilotStateObserved,
    ResidualMonitorObserved,
)
from eventstore.catalogue.lifecycle import DeadlineReached
from eventstore.catalogue.link import CallSettled, FrameReceived
from eventstore.catalogue.reservations import ReservationEnded
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.temperatures import DeratingChanged, TemperatureObserved
from eventstore.catalogue.transactions import Moment, TransactionStopped
from eventstore.event import Event
from eventstore.value import replace
from station.telling.german.wording import reason, words

STOPPED = TransactionStopped(
    connector_id=1,
    number=7,
    stopped=Moment(boot=1, at_ms=0, utc_ms=0),
    meter_stop_wh=12_345,
    reason="Other",
    id_tag=None,
    meter_stale=False,
    held_for=None,
)


def test_a_transaction_ends_with_its_reason_and_its_register() -> None:
    assert words(STOPPED) == "Ladevorgang 7 beendet an Anschluss 1 wegen einer Störung, Zählerstand 12,345 kWh"
    stale = words(replace(STOPPED, reason="Vendor", meter_stale=True))
    assert stale.endswith("(Vendor), Zählerstand 12,345 kWh (letzter gespeicherter Wert: Der Zähler war nicht lesbar)")


def test_warm_and_too_hot() -> None:
    warm = DeratingChanged(connector_id=1, limit_ma=19_000, temperature_dc=700, silent=False, overheated=False)
    assert words(warm) == "Warm an Anschluss 1: höchstens 19,0 A bei 70,0 °C"
    assert words(replace(warm, overheated=True)).startswith("ZU HEISS an Anschluss 1 bei 70,0 °C")
    assert "SCHWEIGT" in words(replace(warm, silent=True))
    assert words(replace(warm, limit_ma=None)) == "Keine Grenze durch die Temperatur mehr an Anschluss 1 bei 70,0 °C"
    seen = TemperatureObserved(connector_id=0, sensor="28-0a", temperature_dc=None)
    assert words(seen) == "Temperaturfühler 28-0a an der Station SCHWEIGT"


def test_our_own_reasons_are_german_and_those_of_others_stay() -> None:
    denied = AuthorizationDenied(connector_id=1, id_tag="…BEEF", reason="taken by another tag")
    assert words(denied) == "Karte …BEEF ABGELEHNT an Anschluss 1: von einer anderen Karte belegt"
    assert words(replace(denied, reason="NoCredit")).endswith(": NoCredit")
    status = ConnectorStatusChanged(
        connector_id=0, status="Unavailable", error_code="NoError", info="Disk full", vendor_error_code=""
    )
    assert words(status) == "Station ist nicht verfügbar (Disk full)"


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("result", "Authorize wurde beantwortet"),
        ("error", "Authorize wurde mit CALLERROR GenericError beantwortet; es geht noch einmal"),
        ("given_up", "Authorize wurde AUFGEGEBEN nach CALLERROR GenericError"),
        ("void", "Authorize endete: void"),
    ],
)
def test_what_became_of_a_call(outcome: str, said: str) -> None:
    settled = CallSettled(
        owed_seq=1,
        lane="authorize",
        action="Authorize",
        message_id="m",
        outcome=outcome,
        error_code="GenericError",
        ends_entry=False,
    )
    assert words(settled) == said


@pytest.mark.parametrize(
    ("event", "cause", "said"),
    [
        (STOPPED, IdTagPresented(id_tag="…BEEF", connector_id=1), "weil Karte …BEEF vorgehalten wurde"),
        (STOPPED, PilotStateObserved(connector_id=1, pilot_state="A"), "weil der Stecker am Fahrzeug gezogen wurde"),
        (STOPPED, PilotStateObserved(connector_id=1, pilot_state="E"), "weil der Pilot auf E ging"),
        (STOPPED, LockObserved(connector_id=1, locked=False, jammed=True), "weil der Riegel sich nicht bewegte"),
        (STOPPED, LockObserved(connector_id=1, locked=True, jammed=False), "weil der Riegel geschlossen hatte"),
        (
            STOPPED,
            FrameReceived(connection=1, text='[2,"1","Reset",{"type":"Hard"}]'),
            "weil das CSMS es verlangte (Reset)",
        ),
        (STOPPED, FrameReceived(connection=1, text='[3,"1",{}]'), "weil das CSMS antwortete"),
        (STOPPED, FrameReceived(connection=1, text="?"), "weil eine unlesbare Nachricht kam"),
        (
            LimitChanged(connector_id=1, limit_ma=6_000, phases=3),
            DeadlineReached(name="limits", key=0, due_ms=0),
            "wie geplant",
        ),
        (
            ReservationEnded(reservation_id=1, connector_id=1, reason="Expired"),
            DeadlineReached(name="reservation_expiry", key=1, due_ms=0),
            "weil die Frist für die Reservierung um war",
        ),
    ],
)
def test_a_cause_is_said_as_the_reason(event: Event, cause: Event, said: str) -> None:
    assert reason(event, cause) == said


def test_a_cause_that_says_nothing_or_what_was_said_is_left_out() -> None:
    unplugged = PilotStateObserved(connector_id=1, pilot_state="A")
    assert reason(replace(STOPPED, reason="EVDisconnected"), unplugged) == ""
    silent = MeterObserved(
        connector_id=1,
        energy_wh=0,
        power_w=None,
        current_ma=(),
        voltage_mv=(),
        frequency_mhz=None,
        temperature_dc=None,
        soc_percent=None,
    )
    assert reason(STOPPED, silent) == ""
    denied = AuthorizationDenied(connector_id=1, id_tag="X", reason="Invalid")
    assert reason(denied, IdTagPresented(id_tag="X", connector_id=1)) == ""


def test_what_became_of_a_monitors_test() -> None:
    untried = ResidualMonitorObserved(connector_id=1, outcome="")
    assert words(untried) == "Es gibt einen Fehlerstromwächter zu prüfen an Anschluss 1"
    assert words(replace(untried, outcome="passed")).endswith("Er löst aus und geht zurück")
    assert "FIEL DURCH" in words(replace(untried, outcome="failed", detail="it did not trip"))
