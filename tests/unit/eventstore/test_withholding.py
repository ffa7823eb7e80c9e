"""What leaves with exported rows: all that proves them, and nothing from which what is withheld could be guessed."""

from functools import partial
from typing import Any

import pytest

from eventstore.chain import EMPTY, GENESIS_DIGEST, Row, digest_after, fits
from eventstore.commitments import Commitments, content_of
from eventstore.withholding import Outgoing, Withholding

SECRET = bytes(range(32))


def redact(kind: str, members: dict[str, Any]) -> dict[str, Any]:
    return {name: "?" if content in ("04AB", "free 04AB") else content for name, content in members.items()}


def rows(commitments: Commitments, *payloads: str) -> list[Row]:
    digest, found = EMPTY.digest, []
    for seq, payload in enumerate(payloads, 1):
        row = Row(seq, seq, seq, seq, "E", 1, None, payload, b"")
        digest = digest_after(digest, commitments.content(row))
        found.append(row._replace(digest=digest))
    return found


PLAIN, TAG, FREE = '{"a":1}', '{"a":1,"id_tag":"04AB"}', '{"a":"04AB","reason":"free 04AB"}'


def taken(commitments: Commitments, found: list[Row], *, redacts: bool = True) -> list[Outgoing]:
    leaving = Withholding(commitments.disclosure, redact if redacts else None)
    return [leaving.take(row) for row in found]


def test_without_redaction_all_leaves() -> None:
    commitments = Commitments(secrets=((2, SECRET),))
    found = rows(commitments, TAG, TAG)
    out = taken(commitments, found, redacts=False)
    assert [(each.payload, each.digest) for each in out] == [(row.payload, row.digest.hex()) for row in found]
    assert [each.proof for each in out] == [None, commitments.disclosure(found[1])]


def test_of_events_with_commitments_only_personal_members_are_replaced_and_all_is_still_proven() -> None:
    commitments = Commitments(secrets=((1, SECRET),))
    found = rows(commitments, PLAIN, TAG, FREE, PLAIN)
    before = GENESIS_DIGEST
    for row, out in zip(found, taken(commitments, found), strict=True):
        proof = out.proof
        assert proof is not None
        assert fits(before, row._replace(payload=out.payload), partial(content_of, disclosure=proof))
        before = bytes.fromhex(out.digest)
        assert "free 04AB" not in out.payload
    assert [list(each.proof.commitments) for each in taken(commitments, found) if each.proof] == [
        [],
        ["id_tag"],
        ["reason"],
        [],
    ]


def test_from_the_first_redacted_event_of_the_old_format_on_no_digest_of_it_leaves() -> None:
    none = Commitments()
    found = rows(none, PLAIN, TAG, PLAIN, TAG, PLAIN)
    out = taken(none, found)
    assert [bool(each.digest) for each in out] == [True, False, False, False, False]
    assert all(each.proof is None for each in out)
    leaving = Withholding(none.disclosure, redact)
    assert [(leaving.take(row), leaving.is_guessable)[1] for row in found] == [False, True, True, True, True]


def test_behind_it_the_first_event_with_commitments_keeps_its_salt_and_all_further_ones_are_proven() -> None:
    commitments = Commitments(secrets=((3, SECRET),))
    found = rows(commitments, TAG, PLAIN, PLAIN, TAG)
    out = taken(commitments, found)
    assert [bool(each.digest) for each in out] == [False, False, True, True]
    assert [None if each.proof is None else bool(each.proof.salt) for each in out] == [None, None, False, True]
    proof = out[3].proof
    assert proof is not None
    redacted = found[3]._replace(payload=out[3].payload)
    assert fits(bytes.fromhex(out[2].digest), redacted, partial(content_of, disclosure=proof))


@pytest.mark.parametrize("payload", ["{", "[1]", "7"])
def test_a_damaged_payload_does_not_leave_when_something_is_withheld(payload: str) -> None:
    row = Row(1, 1, 1, 1, "E", 1, None, payload, bytes(31) + b"\1")
    commitments = Commitments(secrets=((1, SECRET),))
    (out,) = taken(commitments, [row])
    assert (out.payload, out.digest, out.proof) == ("{}", "", None)
    (out,) = taken(commitments, [row], redacts=False)
    assert out.payload == payload
