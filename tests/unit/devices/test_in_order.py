"""Readings in the order in which they came about."""

from devices.in_order import InOrder
from devices.readings import MainsReading, Reading, TamperReading

FIRST, SECOND, CAUSED = MainsReading(present=True), MainsReading(present=False), TamperReading(open=True)


def test_what_a_report_causes_comes_after_what_is_already_waiting() -> None:
    told: list[Reading] = []

    def report(reading: Reading) -> None:
        told.append(reading)
        if reading == FIRST:
            out.emit((CAUSED,))

    out = InOrder(report)
    out.emit((FIRST, SECOND))
    assert told == [FIRST, SECOND, CAUSED]


def test_nothing_is_reported_after_the_end() -> None:
    told: list[Reading] = []
    out = InOrder(told.append)
    out.close()
    out.emit((FIRST,))
    assert told == []
