"""The chain of digests."""

import json
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.chain import EMPTY, ChainBrokenError, Head, Row, fits, verify
from eventstore.codec import encode
from eventstore.commitments import whole_row
from eventstore.insertion import Group
from tests.logs import door


def rows(count: int) -> list[Row]:
    made, head = [], EMPTY
    for seq in range(1, count + 1):
        recorded = door(seq)
        group = Group(head)
        group.add([recorded])
        payload = encode(recorded.event)
        head = group.head
        shown = (seq, seq, recorded.at_ms, recorded.utc_ms, "DoorMoved", 1, 1 + seq % 2, payload)
        made.append(Row._make((*shown, head.digest)))
    return made


def test_a_whole_chain_is_verified_to_its_head() -> None:
    chain = rows(20)
    assert verify(EMPTY, chain) == Head(seq=20, digest=chain[-1].digest)
    assert verify(Head(seq=5, digest=chain[4].digest), chain[5:]).seq == 20
    assert verify(EMPTY, []) == EMPTY


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row._replace(payload=row.payload.replace("door", "gate")),
        lambda row: row._replace(at_ms=row.at_ms + 1),
        lambda row: row._replace(utc_ms=row.utc_ms + 1),
        lambda row: row._replace(cause=row.cause - 1),
        lambda row: row._replace(type="DoorStayed"),
        lambda row: row._replace(version=2),
        lambda row: row._replace(connector_id=None),
        lambda row: row._replace(digest=bytes(32)),
    ],
)
def test_a_change_anywhere_breaks_the_chain_there(change: Callable[[Row], Row]) -> None:
    chain = rows(10)
    chain[6] = change(chain[6])
    with pytest.raises(ChainBrokenError, match="event 7") as broken:
        verify(EMPTY, chain)
    assert broken.value.head == Head(seq=6, digest=chain[5].digest)


def test_a_missing_and_a_swapped_event_break_the_chain() -> None:
    chain = rows(10)
    with pytest.raises(ChainBrokenError, match="event 4 is missing, 5 follows 3"):
        verify(EMPTY, chain[:3] + chain[4:])
    with pytest.raises(ChainBrokenError, match="event 4 is missing"):
        verify(EMPTY, [*chain[:3], chain[4], chain[3]])


def test_a_row_of_wrong_types_breaks_the_chain() -> None:
    chain = rows(3)
    chain[1] = chain[1]._replace(payload=b"\xff")  # type: ignore[arg-type]  # a damaged page holds anything
    with pytest.raises(ChainBrokenError, match="event 2"):
        verify(EMPTY, chain)


def test_a_row_can_be_judged_by_its_neighbour_alone() -> None:
    chain = rows(5)
    assert fits(chain[2].digest, chain[3])
    assert not fits(chain[1].digest, chain[3])


@settings(max_examples=80)
@given(st.text(st.characters(exclude_categories=["Cs"])), st.none() | st.integers(0, 9))
def test_the_canonical_bytes_are_those_of_any_plain_json_writer(payload: str, connector_id: int | None) -> None:
    fields = (1, 2, 3, 4, "Name", 1, connector_id, payload)
    plain = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    assert whole_row(fields) == plain


def test_the_digest_is_sha_256_of_the_one_before_and_the_bytes() -> None:
    first, second = rows(2)
    assert second.digest == sha256(first.digest + whole_row(second)).digest()
