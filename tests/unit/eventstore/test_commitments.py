"""Commitments: what is withheld cannot be guessed, and all else is still proven."""

import hashlib
import json
from collections.abc import Iterator
from itertools import islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.catalogue import ALL
from eventstore.chain import EMPTY, Row, digest_after, fits, verify
from eventstore.commitments import (
    PERSONAL,
    Commitments,
    Disclosure,
    commitment,
    content_of,
    personal_names,
    whole_row,
    withholding,
)
from eventstore.event import Event
from eventstore.structure import to_json, to_plain

SECRET = bytes(range(32))
WITH = Commitments(secrets=((1, SECRET),))
TAG = "04AB"
STARTED = (
    '{"authorized_by":"CSMS","connector_id":1,"id_tag":"04AB","meter_start_wh":2000,"number":1,"parent_id_tag":null}'
)

NOT_PERSONAL = frozenset(
    "ahead action authorized_by autocharge_prefix availability board boot_id contact_dims_when connectors context current_ma error_code fault firmware_version "
    "fingerprint found gaps installation key kind lane level measurands missing damaged unnamed settings name origin outcome phase_rotations pilot_state own_ma site_phases "
    "ahead action found curves sensor authorized_by autocharge_prefix availability board boot_id context current_ma error_code fault firmware_version fingerprint "
    "gaps installation key kind lane level measurands missing damaged unnamed settings name origin outcome phase_rotations pilot_state "
    "power_loss_policy profile profiles_off purpose quarantine reported read occurred sample software_version source start status "
    "log use signed_by public_key certificate fallback root roots security_events settings_digest sha256 signing_certificate signature subject "
    "step steps stop type vendor model version voltage_mv why taken".split()
)
"""Texts and objects in events that are words of the standard, of this software, or readings."""


def row(seq: int, payload: str = STARTED, name: str = "TransactionStarted") -> Row:
    return Row(seq, seq, 10 * seq, 1_767_225_600_000 + seq, name, 1, 1, payload, b"")


def chained(rows: list[Row], commitments: Commitments) -> list[Row]:
    digest, found = EMPTY.digest, []
    for each in rows:
        digest = digest_after(digest, commitments.content(each))
        found.append(each._replace(digest=digest))
    return found


def test_the_content_is_what_the_page_says() -> None:
    """Spelled out with nothing but SHA-256 and JSON, as a third party would."""
    found = WITH.disclosure(row(7))
    assert found is not None
    members = json.loads(STARTED)
    for name in ("id_tag", "parent_id_tag"):
        value = json.dumps(members[name], separators=(",", ":"))
        salt = bytes.fromhex(found.salts[name])
        members[name] = hashlib.sha256(salt + name.encode() + b":" + value.encode()).hexdigest()
    payload = json.dumps(members, separators=(",", ":"), ensure_ascii=False)
    covered = json.dumps([1, *row(7)[:7], payload], separators=(",", ":"), ensure_ascii=False)
    assert WITH.content(row(7)) == hashlib.sha256(bytes.fromhex(found.salt) + covered.encode()).digest()


def test_before_the_first_secret_digests_cover_the_whole_row_and_the_chain_goes_through() -> None:
    commitments = Commitments(secrets=((4, SECRET), (6, SECRET[::-1])))
    rows = chained([row(seq) for seq in range(1, 9)], commitments)
    assert commitments.content(rows[2]) == whole_row(rows[2])
    assert commitments.disclosure(rows[2]) is None
    assert [commitments.holds(seq) for seq in (3, 4, 8)] == [False, True, True]
    assert verify(EMPTY, rows, commitments.content).seq == 8
    assert not fits(rows[4].digest, rows[5], Commitments(secrets=commitments.secrets[:1]).content)


def test_with_all_salts_or_with_commitments_in_their_place_the_content_is_the_same() -> None:
    whole = WITH.disclosure(row(7))
    assert whole is not None
    assert content_of(row(7), whole) == WITH.content(row(7))
    part = withholding(row(7), whole, ["id_tag"])
    redacted = row(7, STARTED.replace(TAG, "tag-1"))
    assert content_of(redacted, part) == WITH.content(row(7))
    assert content_of(redacted, whole) != WITH.content(row(7))
    assert content_of(redacted._replace(payload=redacted.payload.replace("2000", "2001")), part) != WITH.content(row(7))


def test_a_disclosure_that_does_not_belong_to_the_row_is_refused() -> None:
    whole = WITH.disclosure(row(7))
    assert whole is not None
    for wrong in (
        Disclosure(salt=""),
        Disclosure(salt=whole.salt),
        Disclosure(salt=whole.salt, salts={**whole.salts, "number": "00" * 16}),
        Disclosure(salt=whole.salt, salts={"id_tag": whole.salts["id_tag"]}, commitments={"parent_id_tag": "XY" * 32}),
        Disclosure(salt=whole.salt, salts={"id_tag": "00"}, commitments={"parent_id_tag": "00" * 32}),
    ):
        with pytest.raises(ValueError, match=r"other members|no salt|no commitment|hexadecimal"):
            content_of(row(7), wrong)


def test_a_payload_that_is_not_written_as_a_station_writes_it_has_no_content() -> None:
    for payload in (STARTED.replace(":1,", ": 1,", 1), '{"id_tag":"x",' + STARTED[1:], "[]", "{", ""):
        with pytest.raises(ValueError, match=r"not written|Expected|truncated"):
            WITH.content(row(7, payload))
        assert not fits(EMPTY.digest, row(7, payload), WITH.content)


def test_salts_differ_between_events_members_and_secrets_and_are_long() -> None:
    many = '{"data":1,"detail":2,"error":3,"file":4,"finding":5,"head":6,"id_tag":7,"info":8}'
    found = [
        salt
        for secret in (SECRET, bytes(32))
        for seq in (1, 2, 12)
        for told in [Commitments(secrets=((1, secret),)).disclosure(row(seq, many))]
        if told is not None
        for salt in (told.salt, *told.salts.values())
    ]
    assert len(set(found)) == len(found) == 2 * 3 * 9
    assert {len(salt) for salt in found} == {32}


def tags() -> Iterator[str]:
    """Every tag of four characters, and so of two bytes in hexadecimal; four bytes would be the same, 65,536 times."""
    return ("".join(each) for each in product("0123456789ABCDEF", repeat=4))


def test_all_tags_are_tried_and_none_is_found_in_what_a_redacted_file_has_and_all_are_found_in_the_old_format() -> None:
    """What a redacted file has: digests, the event's salt, the commitment, the other members' salts, and the row but for the tag."""
    before, after = chained([row(6, "{}", "Other"), row(7)], Commitments(secrets=((6, SECRET),)))
    whole = WITH.disclosure(row(7))
    assert whole is not None
    told = withholding(row(7), whole, ["id_tag"])
    known = [told.salt, *told.salts.values(), told.commitments["id_tag"], before.digest.hex(), after.digest.hex(), ""]
    for tag in tags():
        value = f'"{tag}"'.encode()
        for salt in known:
            assert commitment(bytes.fromhex(salt), "id_tag", value) != told.commitments["id_tag"]
        guessed = row(7, STARTED.replace(TAG, tag))
        assert digest_after(before.digest, whole_row(guessed)) != after.digest
    old = digest_after(before.digest, whole_row(row(7)))
    guesses = (t for t in tags() if digest_after(before.digest, whole_row(row(7, STARTED.replace(TAG, t)))) == old)
    assert list(islice(guesses, 2)) == [TAG], "which is why that digest does not leave with the row"


def test_a_secret_shows_in_no_representation() -> None:
    assert SECRET.hex() not in repr(WITH)
    assert repr(SECRET) not in repr(WITH)


def test_secrets_of_several_segments_are_joined_and_cut() -> None:
    first, second = Commitments(secrets=((1, SECRET),)), Commitments(secrets=((9, SECRET[::-1]),))
    joined = Commitments().joined([second, first])
    assert joined.secrets == (*first.secrets, *second.secrets)
    assert joined.up_to(7) == first
    assert joined.up_to(8) == joined
    assert Commitments().first_seq is None
    assert joined.first_seq == 1


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(PERSONAL | {"a", "number"})), st.text() | st.integers(0, 9) | st.none()))
def test_whatever_the_members_are_each_way_gives_the_same_content(members: dict[str, object]) -> None:
    payload = to_json(members).decode()
    whole = WITH.disclosure(row(3, payload))
    assert whole is not None
    assert list(whole.salts) == personal_names(payload)
    for names in ([], list(whole.salts), list(whole.salts)[:1]):
        part = withholding(row(3, payload), whole, names)
        other = to_json({name: "?" if name in names else value for name, value in members.items()}).decode()
        assert content_of(row(3, other), part) == WITH.content(row(3, payload))
        assert to_plain(part).keys() == {"salt", "salts", "commitments"}


def texts_of(kind: type[Event]) -> Iterator[str]:
    """The members of an event that are more than a number or a truth."""
    plain = {"int", "bool", "None", "NoneType", "UnsetType"}
    for name in kind.__struct_fields__:
        hint = kind.__annotations__.get(name)
        words = {part.strip() for part in str(getattr(hint, "__name__", hint)).split("|")}
        if not words <= plain:
            yield name


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.NAME)
def test_each_text_of_an_event_is_personal_or_known_not_to_be(kind: type[Event]) -> None:
    """Whoever adds a member decides; a new personal name is another format of what digests cover."""
    assert set(texts_of(kind)) - PERSONAL - NOT_PERSONAL == set()
