"""What maintenance means for the connectors (errata 3.49)."""

import pytest

from eventstore.catalogue.maintenance import FirmwareUpdateRequested
from eventstore.value import replace
from projections.maintenance import FirmwareJob
from projections.station import StationState
from station.rules.maintenance_rules import is_disk_full, is_out_of_service, is_waiting_to_install
from station.rules.transaction_rules import refusal_to_serve
from tests.given import station

REQUEST = FirmwareUpdateRequested(job=1, location="ftp://127.0.0.1/f", retrieve_utc_ms=0, retries=0, retry_interval_s=0)


def at_step(step: str) -> StationState:
    state = station().online().state
    return replace(state, maintenance=replace(state.maintenance, firmware=FirmwareJob(request=REQUEST, step=step)))


@pytest.mark.parametrize(
    ("step", "waits"),
    [("", False), ("download", False), ("retry", False), ("verify", False)]
    + [(step, True) for step in ("idle", "install", "activate", "settle", "restart", "reboot")],
)
def test_nobody_is_served_from_the_wait_for_the_last_transaction_to_the_restart(step: str, *, waits: bool) -> None:
    """Errata 3.49."""
    state = at_step(step)
    assert is_waiting_to_install(state) is waits
    assert is_out_of_service(state) is waits
    assert (refusal_to_serve(state) is not None) is waits


@pytest.mark.parametrize(("level", "full"), [("ok", False), ("low", False), ("critical", True)])
def test_a_full_disk_serves_nobody_new(level: str, *, full: bool) -> None:
    state = station().online().state
    state = replace(state, boot=replace(state.boot, disk=level))
    assert is_disk_full(state) is full
    assert is_out_of_service(state) is full


def test_without_a_job_nothing_waits() -> None:
    assert not is_waiting_to_install(station().online().state)
