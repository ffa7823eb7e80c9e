"""Rules name what they read: neither less, or a change would pass them by, nor more, or they would be asked in vain.

`tests/watched.py` holds them to it while they run, in every scenario; here their sources are, on every branch.
"""

import pytest

from eventstore.catalogue.registration import HeartbeatQueued
from eventstore.value import replace
from projections.station import StationState
from station.core.config_keys import Access, Boolean, ConfigKey
from station.core.feature import TIME, Events, Feature, Registry, Rule
from station.features import registry_for
from tests.architecture.reads import OURS, reads
from tests.given import StationUnderTest, charging
from tests.watched import Unnamed, watched

DUE_MS = 1_000

KEY = ConfigKey(
    name="Key",
    kind=Boolean(),
    access=Access.READ_WRITE,
    default=lambda state: state.described.backup_power_s > 0,
    clause="",
    doc="",
)


@pytest.mark.parametrize("rule", registry_for().rules, ids=lambda rule: rule.decide.__name__.strip("_"))
def test_a_rule_names_what_it_can_read_and_nothing_else(rule: Rule) -> None:
    found = reads(rule.decide)
    assert {name: way for name, way in found.items() if name not in rule.reads} == {}, "it reads this, by this way"
    assert [name for name in rule.reads if name not in found] == [], "it reads nothing of this"


def _by_property(state: StationState, at_ms: int) -> Events:
    return () if state.online else _by_key(state, at_ms)


def _by_key(state: StationState, at_ms: int) -> Events:
    return () if KEY.of(state) else _TABLE["ok"](state, at_ms)


def _by_time(state: StationState, at_ms: int) -> Events:
    return (HeartbeatQueued(triggered=False),) if state.clock.utc_ms(at_ms) > DUE_MS else ()


_TABLE = {"ok": _by_time}


def test_what_is_read_is_found_behind_properties_keys_and_tables() -> None:
    assert set(reads(_by_property, ("tests.", *OURS))) == {
        *("link", "registration"),
        *("configuration", "description"),
        *("clock", TIME),
    }
    assert set(reads(_by_time, ("tests.", *OURS))) == {"clock", TIME}


def test_a_watched_rule_may_look_at_what_it_names_only() -> None:
    found = charging()
    named = Rule(decide=_by_property, reads=("link", "registration", "configuration", "description", "clock", TIME))
    assert asked(named, found) == (HeartbeatQueued(triggered=False),)
    for name in named.reads:
        forgotten = replace(named, reads=tuple(each for each in named.reads if each != name))
        with pytest.raises(Unnamed, match=f"_by_property reads {name}"):
            asked(forgotten, found)


def asked(rule: Rule, found: StationUnderTest) -> Events:
    """What the rule says of a station that is connected and not accepted: then every branch is come to."""
    state = replace(found.state, registration=replace(found.state.registration, status="Pending"))
    one = watched(Registry((Feature(name="x", ocpp_profile="Core", rules=(rule,)),))).rules[0]
    return one.decide(state, found.at_ms)
