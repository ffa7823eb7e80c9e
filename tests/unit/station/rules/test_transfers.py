"""Where a file may go, how often that is tried, and how often its status is reported."""

import pytest

from eventstore.catalogue.maintenance import DiagnosticsStatusQueued, FirmwareStatusQueued
from eventstore.event import Event
from eventstore.value import replace
from projections.outbox import Owed
from station.core.feature import Failure
from station.rules.transfers import file_name, interval_s, location_fault, tell_again, tries_again, wait_ms
from tests.given import station
from tests.unit.station.owing import HEARTBEAT, owing

TIMEOUT = Failure(kind="timeout")
UPLOADING = DiagnosticsStatusQueued(status="Uploading")


@pytest.mark.parametrize(
    ("location", "fault"),
    [
        ("https://user:pass@files.example/dir?x=y", ""),
        ("FTP://files.example:2121", ""),
        ("sftp://files.example/", "the protocol 'sftp' is not in SupportedFileTransferProtocols (FTP, FTPS, HTTP, HTTPS)"),
        ("http://", "the location names no host"),
        ("ftp://h:port/", "the location is not a URL"),
        ("http://h/".ljust(8_193, "x"), "the location has 8193 characters, more than 8192"),
    ],
)  # fmt: skip
def test_a_location_is_a_url_with_a_host_of_a_protocol_on_offer(location: str, fault: str) -> None:
    assert location_fault(station().online().state, location) == fault


def test_what_the_csms_asks_for_is_kept_within_bounds_and_what_it_leaves_open_is_chosen() -> None:
    """Errata 3.50; 6.25."""
    assert [tries_again(retries) for retries in (None, -1, 0, 7)] == [3, 0, 0, 7]
    assert [interval_s(seconds) for seconds in (None, 0, 20, 10**9)] == [60, 1, 20, 604_800]


@pytest.mark.parametrize(("asked_s", "waits_ms"), [(0, 20_000), (21, 21_000), (90_000, 3_600_000)])
def test_a_server_may_ask_for_a_longer_wait_but_not_for_ever(asked_s: int, waits_ms: int) -> None:
    assert wait_ms(20, asked_s) == waits_ms


def test_a_file_name_tells_whose_and_when_and_is_one_of_its_own() -> None:
    found = station().online()
    assert file_name(found.state, 7, found.at_ms, ".zip") == "CB-0001_20260101T000001Z_7.zip"


@pytest.mark.parametrize(
    ("event", "failure", "again"),
    [
        (UPLOADING, TIMEOUT, True),
        (FirmwareStatusQueued(status="Downloading"), TIMEOUT, True),
        (UPLOADING, Failure(kind="error", error_code="InternalError"), False),
        (replace(UPLOADING, triggered=True), TIMEOUT, False),
        (replace(UPLOADING, tries=3), TIMEOUT, False),
        (HEARTBEAT, TIMEOUT, False),
    ],
)
def test_a_status_that_nobody_answered_is_reported_again_a_few_times(
    event: Event, failure: Failure, *, again: bool
) -> None:
    """4.4, 4.5."""
    state = owing(event)
    told = tell_again(state, state.outbox.calls[0], failure, 0)
    assert told == ((replace(event, tries=2),) if again else ())


def test_a_status_that_a_later_one_of_its_kind_has_overtaken_is_not_reported_again() -> None:
    state = owing(UPLOADING, FirmwareStatusQueued(status="Downloading"))
    first: Owed = state.outbox.calls[0]
    assert tell_again(state, first, TIMEOUT, 0)
    state = owing(UPLOADING, replace(UPLOADING, status="Uploaded"))
    assert tell_again(state, state.outbox.calls[0], TIMEOUT, 0) == ()
