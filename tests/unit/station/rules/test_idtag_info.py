"""The CSMS's word on a tag."""

import pytest

from eventstore.catalogue.authorization import IdTagInfo, IdTagInfoReceived, LocalListConflictFound
from eventstore.persistent import Map
from eventstore.value import replace
from projections.station import StationState
from station.rules.idtag_info import info_of, received
from station.wire.enums import AuthorizationStatus
from station.wire.messages import types as wire
from tests.given import station


def listing(status: str | None, **keys: str) -> StationState:
    state = station(factory=keys).online().state
    if status is None:
        return state
    listed = Map({"tag": IdTagInfo(status=status)})
    return replace(state, authorization=replace(state.authorization, local_list=listed, list_version=1))


def test_the_message_becomes_a_fact_as_it_is() -> None:
    message = wire.WireIdTagInfo(status=AuthorizationStatus.BLOCKED, expiry_date=17, parent_id_tag="P")
    assert info_of(message) == IdTagInfo(status="Blocked", parent_id_tag="P", expiry_utc_ms=17)


@pytest.mark.parametrize(
    ("listed", "keys", "cache"),
    [
        (None, {}, True),
        (None, {"AuthorizationCacheEnabled": "false"}, False),
        ("Accepted", {}, False),
        ("Accepted", {"LocalAuthListEnabled": "false"}, True),
    ],
)
def test_the_cache_takes_what_is_not_on_the_list(listed: str | None, keys: dict[str, str], *, cache: bool) -> None:
    """3.5.3, 4.1."""
    word = received(listing(listed, **keys), "TAG", IdTagInfo(status="Accepted"), 5_000)[0]
    assert isinstance(word, IdTagInfoReceived)
    assert word.cache is cache


@pytest.mark.parametrize(
    ("listed", "said", "conflict"),
    [
        ("Accepted", "Accepted", False),
        ("Accepted", "Blocked", True),
        ("Accepted", "ConcurrentTx", False),
        ("ConcurrentTx", "Accepted", False),
        ("Blocked", "Accepted", True),
        ("Blocked", "Invalid", False),
        (None, "Blocked", False),
    ],
)
def test_a_contradiction_between_list_and_csms_is_found(listed: str | None, said: str, *, conflict: bool) -> None:
    """3.5.2."""
    events = received(listing(listed), "TAG", IdTagInfo(status=said), 5_000)
    assert any(isinstance(event, LocalListConflictFound) for event in events) is conflict
