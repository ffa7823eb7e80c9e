"""What is reported: each level once, in order."""

from devices.gpio.reporter import Reporter
from devices.readings import FaultReading, LockReading, MainsReading, PilotReading, Reading, TagReading


def pilot(state: str, connector_id: int = 1) -> PilotReading:
    return PilotReading(connector_id=connector_id, pilot_state=state)


def test_a_level_is_reported_when_it_differs_from_the_last() -> None:
    reported: list[Reading] = []
    reporter = Reporter(reported.append)
    for reading in (pilot("A"), pilot("A"), pilot("A", 2), pilot("B"), pilot("A"), MainsReading(present=True)):
        reporter.emit(reading)
    assert reported == [pilot("A"), pilot("A", 2), pilot("B"), pilot("A"), MainsReading(present=True)]


def test_tags_and_answers_of_locks_are_always_reported() -> None:
    reported: list[Reading] = []
    reporter = Reporter(reported.append)
    tag = TagReading(id_tag="AA", connector_id=None)
    lock = LockReading(connector_id=1, locked=True, jammed=False)
    for reading in (tag, tag, lock, lock):
        reporter.emit(reading)
    assert reported == [tag, tag, lock, lock]


def test_what_a_report_causes_comes_after_what_is_waiting() -> None:
    reported: list[Reading] = []

    def report(reading: Reading) -> None:
        reported.append(reading)
        if reading == pilot("A"):
            reporter.emit(pilot("B"))
            reporter.emit(pilot("C"))
            reported.append(pilot("seen"))

    reporter = Reporter(report)
    reporter.emit(pilot("A"))
    assert reported == [pilot("A"), pilot("seen"), pilot("B"), pilot("C")]


def fault(*, active: bool, vendor: str = "", info: str = "x") -> FaultReading:
    return FaultReading(connector_id=1, error_code="InternalError", info=info, vendor_error_code=vendor, active=active)


def test_a_fault_begins_once_and_ends_once() -> None:
    reported: list[Reading] = []
    reporter = Reporter(reported.append)
    for active in (False, True, True, False, False):
        reporter.emit_fault(1, "InternalError", "", "x" * 99, active=active)
    assert reported == [fault(active=True, info="x" * 50), fault(active=False, info="x" * 50)]


def test_the_end_of_one_of_two_faults_says_that_the_other_goes_on() -> None:
    reported: list[Reading] = []
    reporter = Reporter(reported.append)
    reporter.emit_fault(1, "InternalError", "pilot", "x", active=True)
    reporter.emit_fault(1, "InternalError", "output", "x", active=True)
    reporter.emit_fault(1, "InternalError", "output", "", active=False)
    assert reported[2:] == [fault(active=False, vendor="output"), fault(active=True, vendor="pilot")]


def test_a_closed_reporter_is_silent() -> None:
    reported: list[Reading] = []
    reporter = Reporter(reported.append)
    reporter.close()
    reporter.emit(pilot("A"))
    assert reported == []
