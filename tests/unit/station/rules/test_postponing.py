"""Whether ConcurrentTx is a refusal yet."""

import pytest

from eventstore.catalogue.authorization import AuthorizationPostponed, AuthorizeQueued, IdTagInfo
from station.rules.postponing import is_waiting, owes_stop, postponed, waiting_at
from tests.given import OTHER_TAG, TAG, StationUnderTest, answering, charging

ASKED = AuthorizeQueued(id_tag=TAG.lower(), connector_id=1, purpose="start", remote=True)
CONCURRENT = IdTagInfo(status="ConcurrentTx")


@pytest.fixture
def owing() -> StationUnderTest:
    """TAG of a family has stopped, and nobody has answered for it yet."""
    found = charging()
    found.csms = answering(StopTransaction=None)
    info = {"status": "Accepted", "parentIdTag": "FAMILY"}
    entries = [{"idTag": TAG, "idTagInfo": info}]
    found.ask("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries})
    found.swipe(TAG, 1)
    return found


def test_a_stop_is_owed_from_its_event_to_its_answer(owing: StationUnderTest) -> None:
    assert not owes_stop(charging().state, TAG, None)
    assert owes_stop(owing.state, TAG.lower(), None)
    assert owes_stop(owing.state, OTHER_TAG, "family")
    assert not owes_stop(owing.state, OTHER_TAG, None)
    assert not owes_stop(owing.state, OTHER_TAG, "")
    owing.answer({})
    assert not owes_stop(owing.state, TAG, None)


def test_the_question_is_put_off_until_connection_time_out(owing: StationUnderTest) -> None:
    assert postponed(owing.state, ASKED, CONCURRENT, 5_000) == AuthorizationPostponed(
        id_tag=TAG.lower(),
        connector_id=1,
        purpose="start",
        parent_id_tag="FAMILY",
        due_ms=65_000,
        remote=True,
    )
    owing.configure(ConnectionTimeOut=0)
    later = postponed(owing.state, ASKED, CONCURRENT, 5_000)
    assert later is not None
    assert later.due_ms is None


@pytest.mark.parametrize("status", ["Accepted", "Blocked", "Expired", "Invalid"])
def test_every_other_answer_stands(owing: StationUnderTest, status: str) -> None:
    assert postponed(owing.state, ASKED, IdTagInfo(status=status), 0) is None


def test_who_waits_is_found_by_connector_and_tag(owing: StationUnderTest) -> None:
    later = postponed(owing.state, ASKED, CONCURRENT, 0)
    assert later is not None
    state = owing.observe_decision(later).state
    assert list(waiting_at(state, 1)) == [later]
    assert list(waiting_at(state, None)) == []
    assert is_waiting(state, 1, TAG)
    assert not is_waiting(state, 1, OTHER_TAG)
