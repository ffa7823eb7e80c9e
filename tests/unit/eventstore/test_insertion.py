"""Batches as the parameters of one statement."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore.chain import EMPTY, Row, verify
from eventstore.codec import encode
from eventstore.database import migrate
from eventstore.event import Decision, Recorded
from eventstore.insertion import INSERT_EVENTS, Group, encode_batch
from eventstore.structure import StructureError
from tests.logs import DoorMoved, door, pair


class NameThatOutgrows(Decision, frozen=True, kw_only=True):
    NAME = "N" * 65


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = sqlite3.connect(":memory:", isolation_level=None)
    migrate(made)
    yield made
    made.close()


def stored(connection: sqlite3.Connection) -> list[Row]:
    return [Row._make(row) for row in connection.execute("SELECT * FROM event ORDER BY seq")]


integers = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5),
    st.none() | st.integers(-(2**31), 2**31),
    integers,
    integers,
)
def test_every_byte_is_stored_as_it_was(texts: list[str], connector_id: int | None, at_ms: int, utc_ms: int) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    batch = [
        Recorded(seq=seq, cause=1, at_ms=at_ms, utc_ms=utc_ms, event=DoorMoved(connector_id=connector_id, text=text))
        for seq, text in enumerate(texts, 1)
    ]
    group = Group(EMPTY)
    group.add(batch)
    connection.execute(INSERT_EVENTS, group.parameters())
    rows = stored(connection)
    assert [row.payload for row in rows] == [encode(recorded.event) for recorded in batch]
    assert {(row.cause, row.at_ms, row.utc_ms, row.connector_id) for row in rows} == {(1, at_ms, utc_ms, connector_id)}
    assert verify(EMPTY, rows) == group.head
    connection.close()


def test_batches_become_one_statement_in_their_order(connection: sqlite3.Connection) -> None:
    group = Group(EMPTY)
    group.add(pair(1))
    group.add([door(3)])
    assert len(group) == 3
    connection.execute(INSERT_EVENTS, group.parameters())
    assert [(row.seq, row.cause, row.type, row.connector_id) for row in stored(connection)] == [
        (1, 1, "DoorMoved", 2),
        (2, 1, "BellRung", None),
        (3, 3, "DoorMoved", 2),
    ]
    assert verify(EMPTY, stored(connection)) == group.head


def test_what_was_encoded_beforehand_makes_the_same_group() -> None:
    groups = Group(EMPTY), Group(EMPTY)
    batch = [*pair(1), door(3)]
    groups[0].add(batch)
    groups[1].add(batch, encode_batch(batch))
    assert groups[0].parameters() == groups[1].parameters()
    assert groups[0].head == groups[1].head


def test_a_batch_that_does_not_continue_the_head_is_refused() -> None:
    with pytest.raises(AssertionError, match="event 2 does not continue the log at 0"):
        Group(EMPTY).add([door(2)])


def test_an_event_that_json_cannot_hold_is_refused_and_leaves_the_group_as_it_was() -> None:
    group = Group(EMPTY)
    group.add([door(1)])
    before = (group.head, group.parameters())
    with pytest.raises(StructureError):
        group.add([door(2), door(3, "\ud800")])
    assert (group.head, group.parameters()) == before


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(AssertionError, match="outgrew"):
        Group(EMPTY).add([Recorded(seq=1, cause=1, at_ms=0, utc_ms=0, event=NameThatOutgrows())])
