"""Features and their registry."""

from typing import Any

import pytest

from eventstore.catalogue.hardware import IdTagPresented
from eventstore.catalogue.registration import HeartbeatQueued
from eventstore.value import replace
from station.core.config_keys import Access, ConfigKey, Integer
from station.core.feature import Answer, Call, Deadline, Feature, Registry, Rendered, Reply
from station.features import ALL, registry_for
from station.wire.messages import MESSAGES
from station.wire.messages.core import ClearCacheResponse, Heartbeat
from tests.given import charging, station

KEY: ConfigKey[int] = ConfigKey(name="K", kind=Integer(), access=Access.READ_WRITE, default=1, clause="", doc="")


def answer(action: str) -> Answer:
    return Answer(action=action, decide=lambda state, request, at_ms: Reply(None))


def call() -> Call:
    return Call(event=HeartbeatQueued, render=lambda state, event, at_ms: Rendered(request=Heartbeat()))


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"answers": (answer("Reset"),)}, "action claimed twice: Reset"),
        ({"calls": (call(),)}, "event claimed twice: HeartbeatQueued"),
    ],
)
def test_two_features_cannot_claim_the_same_thing(members: dict[str, Any], why: str) -> None:
    one, other = (Feature(name=name, ocpp_profile="Core", **members) for name in "ab")
    Registry((one,))
    with pytest.raises(ValueError, match=why):
        Registry((one, other))


def test_two_features_may_have_one_key_but_not_two_keys_of_one_name() -> None:
    one, same = (Feature(name=name, ocpp_profile="Core", config_keys=(KEY,)) for name in "ab")
    assert list(Registry((one, same)).config_keys) == ["K"]
    other = Feature(name="c", ocpp_profile="Core", config_keys=(replace(KEY, default=2),))
    with pytest.raises(ValueError, match="configuration key claimed twice: K"):
        Registry((one, other))


@pytest.mark.parametrize("action", ["Authorize", "Frobnicate"])
def test_only_what_the_csms_sends_can_be_answered(action: str) -> None:
    with pytest.raises(ValueError, match=f"no such action of the CSMS: {action}"):
        Registry((Feature(name="x", ocpp_profile="Core", answers=(answer(action),)),))


def test_a_profile_that_is_off_takes_its_features_with_it_and_leaves_its_off_answers() -> None:
    feature = Feature(
        name="x",
        ocpp_profile="Extra",
        answers=(answer("ClearCache"),),
        calls=(call(),),
        config_keys=(KEY,),
        off_answers={"ClearCache": lambda request: ClearCacheResponse},
    )
    on, off = Registry((feature,)), Registry((feature,), ("Extra",))
    assert (set(on.answers), set(on.config_keys), on.off_answers, on.profiles) == (
        {"ClearCache"},
        {"K"},
        {},
        ("Extra",),
    )
    assert (set(off.answers), set(off.config_keys), set(off.off_answers)) == (set(), set(), {"ClearCache"})
    assert off.profiles == ()
    assert set(off.calls) == {HeartbeatQueued}, "what is owed since before is told yet"


def test_observers_are_asked_in_the_order_of_the_features() -> None:
    first, second = (lambda state, event, at_ms, name=name: (name,) for name in "ab")
    features = [
        Feature(name="f", ocpp_profile="Core", observes={IdTagPresented: observe}) for observe in (first, second)
    ]
    assert Registry(features).observers[IdTagPresented] == (first, second)


def test_deadlines_that_fall_together_have_an_order() -> None:
    due = [
        Deadline(due_ms=2, name="a"),
        Deadline(due_ms=1, name="b", key=1),
        Deadline(due_ms=1, name="b"),
        Deadline(due_ms=1, name="a", key=9),
    ]
    assert [(deadline.due_ms, deadline.name, deadline.key) for deadline in sorted(due)] == [
        (1, "a", 9),
        (1, "b", 0),
        (1, "b", 1),
        (2, "a", 0),
    ]
    feature = Feature(name="x", ocpp_profile="Core", deadlines=lambda state: due)
    assert Registry((feature, Feature(name="y", ocpp_profile="Core"))).next_deadline(charging().state) == due[3]


def test_without_a_deadline_nothing_is_due() -> None:
    assert Registry((Feature(name="y", ocpp_profile="Core"),)).next_deadline(station().state) is None


def test_every_action_of_the_csms_is_answered_by_exactly_one_feature() -> None:
    """3.2: all six profiles."""
    asked = {action for action, pair in MESSAGES.items() if pair.is_sent_by_csms}
    assert set(registry_for().answers) == asked


def test_every_action_of_the_station_has_a_call() -> None:
    told = {action for action, pair in MESSAGES.items() if pair.is_sent_by_station}
    from projections.outbox import ACTIONS

    assert {ACTIONS[event][0] for event in registry_for().calls} == told


def test_each_feature_answers_only_actions_of_its_own_profile() -> None:
    for feature in ALL:
        for each in feature.answers:
            assert MESSAGES[each.action].ocpp_profile == feature.ocpp_profile, each.action
