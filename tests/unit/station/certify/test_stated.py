"""What a maker states of the response times."""

import pytest

from station.certify.results import ResponseTimes
from station.certify.stated import read_stated, with_stated


def test_each_of_the_three_is_stated_by_its_name() -> None:
    assert read_stated(["triggered=2", "response=0.5", "remote-start=10"]) == {
        "triggered function": 2.0,
        "response": 0.5,
        "RemoteStartTransaction": 10.0,
    }
    assert read_stated([]) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("reset=1", "must be triggered, response, remote-start"),
        ("response", "each with =SECONDS"),
        ("response=soon", "'soon' is no number of seconds"),
        ("response=0", "'0' is no number of seconds above 0"),
        ("response=nan", "'nan' is no number"),
        ("response=inf", "'inf' is no number"),
    ],
)
def test_what_cannot_be_stated_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_stated([text])


def test_a_run_that_goes_on_keeps_what_was_stated_before() -> None:
    times = (
        ResponseTimes(kind="response", values_s=(0.1,), stated_s=1.0),
        ResponseTimes(kind="triggered function", values_s=()),
    )
    assert [each.stated_s for each in with_stated(times, {"triggered function": 2.0})] == [1.0, 2.0]
    assert [each.stated_s for each in with_stated(times, {"response": 0.5})] == [0.5, None]
