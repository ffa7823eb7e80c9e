"""The Local Authorization List counts only while it is on (3.5.2, 9.2.1)."""

import pytest

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.persistent import Map
from eventstore.value import replace
from projections.authorization import Authorization
from projections.configuration import Configuration
from projections.station import StationState
from station.rules.local_list import is_enabled, listed
from tests.given import DESCRIPTION

LISTED = IdTagInfo(status="Accepted", parent_id_tag="GROUP")
STATE = StationState(
    description=DESCRIPTION, authorization=Authorization(local_list=Map({"tag": LISTED}), list_version=1)
)


def configured(state: StationState, value: str) -> StationState:
    return replace(state, configuration=Configuration(overrides=Map({"LocalAuthListEnabled": value})))


@pytest.mark.parametrize("id_tag", ["tag", "TAG", "Tag"])
def test_a_listed_tag_is_found_however_it_is_spelt(id_tag: str) -> None:
    assert is_enabled(STATE)
    assert listed(STATE, id_tag) == LISTED


def test_a_tag_that_is_not_listed_is_unknown_to_the_list() -> None:
    assert listed(STATE, "OTHER") is None


def test_a_list_that_is_switched_off_says_nothing() -> None:
    state = configured(STATE, "false")
    assert not is_enabled(state)
    assert listed(state, "TAG") is None
    assert listed(configured(STATE, "true"), "TAG") == LISTED


def test_a_list_whose_profile_is_off_says_nothing() -> None:
    state = replace(STATE, description=replace(DESCRIPTION, profiles_off=("LocalAuthListManagement",)))
    assert listed(state, "TAG") is None
