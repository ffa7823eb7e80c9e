"""The cache and the Local Authorization List (3.5)."""

import pytest

from eventstore.catalogue.authorization import (
    AuthorizationDenied,
    AuthorizationGranted,
    AuthorizationPostponed,
    AuthorizeQueued,
    CacheCleared,
    IdTagInfo,
    IdTagInfoReceived,
    LocalListAmended,
    LocalListConflictFound,
    LocalListEntry,
    LocalListReplaced,
    LocalListStoreFailed,
)
from eventstore.catalogue.hardware import LocalListStoreFailing
from eventstore.catalogue.lifecycle import StationBooted
from eventstore.catalogue.transactions import TransactionInvalidated
from eventstore.event import Event, Recorded
from projections.authorization import CACHE_MAX, FOLDS, GO_ON, Authorization
from projections.clock import Clock

VALID, BLOCKED = IdTagInfo(status="Accepted"), IdTagInfo(status="Blocked")


def folded(authorization: Authorization, *events: Event, first_seq: int = 1) -> Authorization:
    for seq, event in enumerate(events, first_seq):
        recorded = Recorded(seq=seq, cause=seq, at_ms=0, utc_ms=0, event=event)
        authorization = FOLDS[type(event)](authorization, event, recorded, Clock())
    return authorization


def word(id_tag: str, info: IdTagInfo = VALID, *, cache: bool = True) -> IdTagInfoReceived:
    return IdTagInfoReceived(id_tag=id_tag, info=info, cache=cache)


def entry(id_tag: str, info: IdTagInfo | None = VALID) -> LocalListEntry:
    return LocalListEntry(id_tag=id_tag, info=info)


def full(*entries: LocalListEntry, version: int = 1) -> LocalListReplaced:
    return LocalListReplaced(version=version, entries=entries)


def test_the_cache_is_found_in_any_case_and_updated() -> None:
    """Errata 3.73, 3.5.1."""
    authorization = folded(Authorization(), word("DeadBeef"), word("DEADBEEF", BLOCKED))
    assert authorization.cached("deadbeef") == BLOCKED
    assert len(authorization.cache) == 1
    assert authorization.cached("other") is None


@pytest.mark.parametrize(("listed", "cache"), [(True, True), (False, False)])
def test_what_is_listed_or_not_to_be_cached_is_not(*, listed: bool, cache: bool) -> None:
    """3.5.3, 9.1.2."""
    authorization = folded(Authorization(), *([full(entry("tag"))] if listed else []), word("TAG", cache=cache))
    assert authorization.cached("tag") is None


def test_a_tag_that_gets_listed_leaves_the_cache() -> None:
    """3.5.3."""
    for event in (full(entry("A")), LocalListAmended(version=1, entries=(entry("A"),))):
        authorization = folded(Authorization(), word("a"), word("b"), event)
        assert (authorization.cached("A"), authorization.cached("B")) == (None, VALID)


def test_a_full_cache_makes_room_by_what_is_not_valid_then_by_age() -> None:
    """3.5.1."""
    words = [word(f"T{number}", BLOCKED if number % 2 else VALID) for number in range(CACHE_MAX)]
    authorization = folded(Authorization(), *words, word("NEW"))
    assert len(authorization.cache) == CACHE_MAX // 2 + 1
    assert authorization.cached("T1") is None
    authorization = folded(Authorization(), *(word(f"T{number}") for number in range(CACHE_MAX)), word("NEW"))
    assert len(authorization.cache) == CACHE_MAX
    assert (authorization.cached("T0"), authorization.cached("T1")) == (None, VALID)


def test_a_full_cache_drops_what_time_has_ended_before_what_is_valid() -> None:
    """3.5.1: what was valid and is over counts as not valid."""
    ended, later = (IdTagInfo(status="Accepted", expiry_utc_ms=when) for when in (-1, 1))
    words = [word("0", later), word("1", ended), *(word(str(number)) for number in range(2, CACHE_MAX))]
    authorization = folded(Authorization(), *words, word("new"))
    assert authorization.cached("1") is None
    assert authorization.cached("0") == later
    assert len(authorization.cache) == CACHE_MAX


def test_a_word_on_a_known_tag_makes_no_room() -> None:
    words = [word(f"T{number}", BLOCKED) for number in range(CACHE_MAX)]
    assert len(folded(Authorization(), *words, word("T7")).cache) == CACHE_MAX


def test_clearing_empties_the_cache_and_not_the_list() -> None:
    """5.4."""
    authorization = folded(Authorization(), full(entry("A")), word("B"), CacheCleared())
    assert (authorization.listed("A"), authorization.cached("B")) == (VALID, None)


def test_a_full_list_replaces_and_a_differential_one_amends() -> None:
    """5.15."""
    authorization = folded(Authorization(), full(entry("A"), entry("B"), version=4))
    assert (authorization.listed("a"), authorization.list_version) == (VALID, 4)
    amended = LocalListAmended(version=7, entries=(entry("a", BLOCKED), entry("b", None), entry("c"), entry("x", None)))
    authorization = folded(authorization, amended)
    assert [authorization.listed(tag) for tag in "ABC"] == [BLOCKED, None, VALID]
    assert authorization.list_version == 7
    authorization = folded(authorization, full(entry("D"), version=9))
    assert [authorization.listed(tag) for tag in "ABCD"] == [None, None, None, VALID]


def test_an_empty_list_has_version_zero() -> None:
    """5.10."""
    assert folded(Authorization(), full(version=5)).list_version == 0
    emptied = LocalListAmended(version=6, entries=(entry("A", None),))
    assert folded(Authorization(), full(entry("A"), version=5), emptied).list_version == 0


def test_a_store_that_fails_fails_once() -> None:
    failing = folded(Authorization(), LocalListStoreFailing(failing=True))
    assert failing.store_failing
    assert not folded(failing, LocalListStoreFailed(version=1)).store_failing
    assert not folded(failing, LocalListStoreFailing(failing=False)).store_failing


def test_a_contradicted_tag_is_told_once_in_whatever_case_it_comes() -> None:
    """Errata 3.73."""
    found = folded(Authorization(), LocalListConflictFound(id_tag="tag"), LocalListConflictFound(id_tag="TAG"))
    assert found.conflicts == ("TAG",)


def later(connector_id: int | None, id_tag: str = "tag", purpose: str = "start") -> AuthorizationPostponed:
    return AuthorizationPostponed(
        id_tag=id_tag, connector_id=connector_id, purpose=purpose, parent_id_tag=None, due_ms=9
    )


def test_one_waits_at_a_connector_to_be_asked_about_again_and_one_for_the_next_cable() -> None:
    found = folded(Authorization(), later(1), later(2, "other"), later(None, "third"), later(1, "last"))
    assert found.postponed == (later(2, "other"), later(None, "third"), later(1, "last"))


def test_who_comes_to_a_connector_no_longer_waits_for_the_next_cable() -> None:
    assert folded(Authorization(), later(None), later(2, "TAG")).postponed == (later(2, "TAG"),)


def test_a_transaction_that_goes_on_waits_beside_who_wants_to_start() -> None:
    found = folded(Authorization(), later(1, purpose=GO_ON), later(1, "other"))
    assert len(found.postponed) == 2


@pytest.mark.parametrize(
    "event",
    [
        AuthorizeQueued(id_tag="TAG", connector_id=1, purpose="start"),
        AuthorizationDenied(connector_id=1, id_tag="TAG", reason="ConcurrentTx"),
        AuthorizationGranted(connector_id=1, id_tag="TAG", parent_id_tag=None, source="CSMS"),
    ],
)
def test_the_wait_of_a_tag_ends_when_it_is_asked_about_or_decided_on(event: Event) -> None:
    others = (later(2), later(1, "other"))
    found = folded(Authorization(), later(2), later(1, "tag"), event)
    assert found.postponed == (later(2),)
    assert folded(Authorization(postponed=others), event).postponed == others


def test_at_a_boot_only_what_a_transaction_waits_for_is_kept_until_it_ends() -> None:
    booted = StationBooted(
        boot=2,
        installation="i",
        software_version="0",
        firmware_version="0",
        offset_ms=0,
        clock_trusted=True,
        orderly=True,
    )
    found = folded(Authorization(), later(1), later(2, purpose=GO_ON), booted)
    assert found.postponed == (later(2, purpose=GO_ON),)
    ended = TransactionInvalidated(connector_id=2, number=1, status="ConcurrentTx", energy_limit_wh=0)
    assert folded(found, ended).postponed == ()
