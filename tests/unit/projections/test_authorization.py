"""The cache and the Local Authorization List (3.5)."""

import pytest

from eventstore.catalogue.authorization import (
    CacheCleared,
    IdTagInfo,
    IdTagInfoReceived,
    LocalListAmended,
    LocalListEntry,
    LocalListReplaced,
    LocalListStoreFailed,
)
from eventstore.catalogue.hardware import LocalListStoreFailing
from eventstore.event import Event, Recorded
from projections.authorization import CACHE_MAX, FOLDS, Authorization
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
