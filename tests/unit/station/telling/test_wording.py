"""Events in words: what depends on more than their kind."""

from eventstore.catalogue.link import CallAnswered
from station.telling.wording import words

ODD = "limit has more than one digit after the point: taken as 6.9"


def test_an_answer_says_what_was_tolerated_in_the_call() -> None:
    answer = CallAnswered(connection=1, message_id="m", action="SetChargingProfile", payload="{}")
    assert "deviates" not in words(answer)
    odd = CallAnswered(connection=1, message_id="m", action="SetChargingProfile", payload="{}", deviations=(ODD,))
    assert words(odd) == f"{words(answer)}; the call deviates: {ODD}"
    refused = CallAnswered(
        connection=1, message_id="m", action="Reset", payload="", error_code="InternalError", deviations=(ODD,)
    )
    assert words(refused) == f"Answer to Reset: CALLERROR InternalError; the call deviates: {ODD}"
