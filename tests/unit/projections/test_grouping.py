"""Whoever names the group of a tag: it holds from then on (3.10)."""

import pytest

from eventstore.catalogue.authorization import (
    IdTagInfo,
    IdTagInfoReceived,
    LocalListAmended,
    LocalListEntry,
    LocalListReplaced,
)
from eventstore.catalogue.transactions import HeldFor
from eventstore.event import Recorded
from projections.clock import Clock
from projections.connector import Connector, Connectors, Grant
from projections.grouping import Told, on_told, parents_named, parents_told, regrouped

MINE = HeldFor(id_tag="Tag", parent_id_tag=None)


def info(parent_id_tag: str | None, status: str = "Accepted") -> IdTagInfo:
    return IdTagInfo(status=status, parent_id_tag=parent_id_tag)


@pytest.mark.parametrize(
    "event",
    [
        IdTagInfoReceived(id_tag="TAG", info=info("G"), cache=False),
        LocalListReplaced(version=1, entries=(LocalListEntry(id_tag="TAG", info=info("G")),)),
        LocalListAmended(version=1, entries=(LocalListEntry(id_tag="TAG", info=info("G", "Blocked")),)),
    ],
)
def test_every_word_on_a_tag_may_name_its_group(event: Told) -> None:
    assert parents_told(event) == {"tag": "G"}
    assert regrouped(MINE, parents_told(event)) == HeldFor(id_tag="Tag", parent_id_tag="G")


@pytest.mark.parametrize("word", [None, info(None), info(""), info(" ")])
def test_a_word_that_names_none_takes_none_away(word: IdTagInfo | None) -> None:
    assert parents_named([("tag", word)]) == {}
    held = HeldFor(id_tag="Tag", parent_id_tag="G")
    assert regrouped(held, parents_named([("tag", word)])) is held


def test_a_word_on_another_tag_says_nothing_of_this_one() -> None:
    assert regrouped(MINE, {"other": "G"}) is MINE


def test_who_waits_who_is_authorized_and_for_whom_a_cable_is_held_all_hear_it() -> None:
    grant = Grant(id_tag="tag", parent_id_tag="OLD", source="CSMS", since_ms=0)
    connectors = Connectors(
        by_id=(
            Connector(connector_id=0),
            Connector(connector_id=1, grant=grant),
            Connector(connector_id=2, held_for=MINE),
        ),
        waiting=grant,
    )
    event = IdTagInfoReceived(id_tag="TAG", info=info("G"), cache=False)
    after = on_told(connectors, event, Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=event), Clock())
    users = (after.waiting, after[1].grant, after[2].held_for)
    assert [user and user.parent_id_tag for user in users] == ["G", "G", "G"]
