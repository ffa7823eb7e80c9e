"""The authorization rules as a table (3.5, 4.1)."""

import pytest

from eventstore.catalogue.authorization import IdTagInfo
from eventstore.persistent import Map
from eventstore.value import replace
from projections.authorization import Cached
from projections.station import StationState
from station.rules.identification import (
    Ask,
    Denied,
    Granted,
    Inquiry,
    Source,
    Verdict,
    group_inquiry,
    known,
    known_parent,
    look_up,
    start_inquiry,
)
from tests.given import UTC_2026_MS, station

VALID, BLOCKED = IdTagInfo(status="Accepted", parent_id_tag="P"), IdTagInfo(status="Blocked", parent_id_tag="P")
EXPIRED = IdTagInfo(status="Accepted", parent_id_tag="P", expiry_utc_ms=UTC_2026_MS)
CONCURRENT = IdTagInfo(status="ConcurrentTx")
AT_MS = 5_000


def knowing(
    listed: IdTagInfo | None = None, cached: IdTagInfo | None = None, online: bool = True, **keys: str
) -> StationState:
    found = station(factory=keys).online()
    if not online:
        found.disconnect()
    authorization = found.state.authorization
    if listed is not None:
        authorization = replace(authorization, local_list=Map({"tag": listed}), list_version=1)
    if cached is not None:
        entry = Cached(id_tag="TAG", info=cached, seq=1)
        authorization = replace(authorization, cache=Map({"tag": entry}))
    return replace(found.state, authorization=authorization)


def start(state: StationState) -> Verdict:
    return look_up(state, start_inquiry(state), "Tag", AT_MS)


def granted(source: Source) -> Granted:
    return Granted(source=source, parent_id_tag="P")


@pytest.mark.parametrize(
    ("pre_authorize", "listed", "cached", "verdict"),
    [
        ("false", VALID, VALID, Ask()),
        ("true", None, None, Ask()),
        ("true", VALID, None, granted(Source.LOCAL_LIST)),
        ("true", None, VALID, granted(Source.CACHE)),
        ("true", VALID, BLOCKED, granted(Source.LOCAL_LIST)),
        ("true", BLOCKED, VALID, Ask()),
        ("true", None, BLOCKED, Ask()),
        ("true", EXPIRED, None, Ask()),
        ("true", CONCURRENT, None, Granted(source=Source.LOCAL_LIST)),
        ("true", None, CONCURRENT, Ask()),
    ],
)
def test_a_start_online(
    pre_authorize: str, listed: IdTagInfo | None, cached: IdTagInfo | None, verdict: Verdict
) -> None:
    """3.5.1 to 3.5.3, 9.1.13."""
    assert start(knowing(listed, cached, LocalPreAuthorize=pre_authorize)) == verdict


@pytest.mark.parametrize(
    ("offline", "unknown", "listed", "cached", "verdict"),
    [
        ("true", "false", VALID, None, granted(Source.LOCAL_LIST)),
        ("true", "false", None, VALID, granted(Source.CACHE)),
        ("true", "false", None, None, Denied(reason="Offline")),
        ("true", "true", None, None, Granted(source=Source.OFFLINE)),
        ("true", "true", BLOCKED, VALID, Denied(reason="Blocked")),
        ("true", "true", None, BLOCKED, Denied(reason="Blocked")),
        ("true", "true", EXPIRED, None, Denied(reason="Expired")),
        ("true", "false", CONCURRENT, None, Granted(source=Source.LOCAL_LIST)),
        ("false", "false", VALID, VALID, Denied(reason="Offline")),
        ("false", "true", VALID, None, Denied(reason="Offline")),
        ("false", "true", None, None, Granted(source=Source.OFFLINE)),
        ("false", "true", None, BLOCKED, Denied(reason="Blocked")),
    ],
)
def test_a_start_offline(
    offline: str, unknown: str, listed: IdTagInfo | None, cached: IdTagInfo | None, verdict: Verdict
) -> None:
    """3.5.4, 9.1.1, 9.1.12."""
    keys = {"LocalAuthorizeOffline": offline, "AllowOfflineTxForUnknownId": unknown}
    assert start(knowing(listed, cached, online=False, **keys)) == verdict


@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize(("info", "known_there"), [(VALID, True), (BLOCKED, False), (EXPIRED, False), (None, False)])
def test_the_group_of_a_tag(info: IdTagInfo | None, *, known_there: bool, online: bool) -> None:
    """3.10: whatever the keys for starting say."""
    state = knowing(info, online=online, LocalPreAuthorize="false", LocalAuthorizeOffline="false")
    verdict = look_up(state, group_inquiry(state), "TAG", AT_MS)
    if known_there:
        assert verdict == granted(Source.LOCAL_LIST)
    else:
        assert isinstance(verdict, Ask if online else Denied)


def test_what_is_switched_off_is_not_looked_up() -> None:
    """9.1.2, 9.2.1."""
    assert known(knowing(VALID, LocalAuthListEnabled="false"), "TAG", AT_MS) is None
    assert known(knowing(None, VALID, AuthorizationCacheEnabled="false"), "TAG", AT_MS) is None


def test_the_parent_is_known_of_valid_tags_only() -> None:
    assert known_parent(knowing(VALID), "tag", AT_MS) == "P"
    assert known_parent(knowing(BLOCKED), "tag", AT_MS) is None
    assert known_parent(knowing(EXPIRED), "tag", AT_MS) is None
    assert known_parent(knowing(), "tag", AT_MS) is None


def test_a_tag_expires_at_its_moment_not_before() -> None:
    state = knowing(IdTagInfo(status="Accepted", expiry_utc_ms=UTC_2026_MS + AT_MS), LocalPreAuthorize="true")
    assert look_up(state, Inquiry.START_ONLINE, "tag", AT_MS - 1) == Granted(source=Source.LOCAL_LIST)
    assert look_up(state, Inquiry.START_ONLINE, "tag", AT_MS) == Ask()
