"""Which AuthorizationKey goes next: trial, refusal, proof, and what the files were found to be."""

import itertools
from typing import Any

import pytest

from eventstore.catalogue.configuration import (
    AuthorizationKeyProven,
    AuthorizationKeyRefused,
    AuthorizationKeysFound,
    ConfigurationChanged,
)
from eventstore.catalogue.lifecycle import LogSalvaged
from eventstore.event import Event, Recorded
from projections.credentials import Credentials
from projections.digest import LAYOUT_STEPS
from projections.station import INITIAL, evolve

OLD, NEW, NEWER, OWN = "fp:0", "fp:1", "fp:2", "fp:f"


def fold(*events: Event) -> Credentials:
    state = INITIAL
    seq = itertools.count(1)
    for event in events:
        state = evolve(state, Recorded(seq=next(seq), cause=1, at_ms=0, utc_ms=1_000, event=event))
    return state.credentials


def told(key: str) -> ConfigurationChanged:
    return ConfigurationChanged(key="AuthorizationKey", value=key)


def refused(key: str, source: str = "csms", status: int = 401) -> AuthorizationKeyRefused:
    return AuthorizationKeyRefused(key=key, source=source, status=status)


def proven(key: str, source: str = "csms") -> AuthorizationKeyProven:
    return AuthorizationKeyProven(key=key, source=source)


OWNED = AuthorizationKeysFound(settings=OWN)
PROVEN_OWN = (OWNED, proven(OWN, "settings"))


def test_a_new_key_goes_first_on_trial_and_the_one_before_is_kept() -> None:
    found = fold(told(OLD), proven(OLD), told(NEW))
    assert (found.first, found.on_trial, found.spares, found.proven) == (NEW, True, (OLD,), OLD)
    assert found.stored == (NEW, OLD)
    assert found.next_key({NEW, OLD, ""}) == NEW


def test_the_first_connection_proves_a_key_and_ends_those_before_it() -> None:
    found = fold(told(OLD), proven(OLD), told(NEW), proven(NEW))
    assert (found.first, found.on_trial, found.stored, found.since_utc_ms) == (NEW, False, (NEW,), 1_000)


def test_a_refused_key_falls_back_and_stays_a_spare_once_the_old_one_opened() -> None:
    on_trial = fold(told(OLD), proven(OLD), told(NEW), refused(NEW))
    assert on_trial.next_key({NEW, OLD, ""}) == OLD
    found = fold(told(OLD), proven(OLD), told(NEW), refused(NEW), proven(OLD))
    assert (found.first, found.on_trial, found.spares) == (OLD, False, (NEW,))
    assert found.next_key({NEW, OLD, ""}) == OLD


def test_a_fall_back_to_the_key_of_the_settings() -> None:
    found = fold(*PROVEN_OWN, told(NEW), refused(NEW))
    assert found.next_key({NEW, ""}) == ""
    found = fold(*PROVEN_OWN, told(NEW), refused(NEW), proven(OWN, "settings"))
    assert (found.first, found.spares, found.proven) == ("", (NEW,), OWN)


def test_keys_that_are_all_refused_take_turns() -> None:
    events: list[Event] = [*PROVEN_OWN, told(OLD), proven(OLD), told(NEW)]
    order = []
    for _ in range(7):
        name = fold(*events).next_key({NEW, OLD, ""})
        assert name is not None
        order.append(name)
        events.append(refused(name or OWN, "csms" if name else "settings"))
    assert order == [NEW, OLD, "", NEW, OLD, "", NEW]


def test_a_key_that_cannot_be_used_is_passed_over() -> None:
    found = fold(told(OLD), proven(OLD), told(NEW))
    assert found.next_key({OLD, ""}) == OLD
    assert found.next_key({""}) == ""
    assert found.next_key(()) is None


def test_two_keys_quickly_one_after_the_other_keep_the_one_that_was_proven() -> None:
    found = fold(told(OLD), proven(OLD), told(NEW), told(NEWER))
    assert (found.first, found.spares) == (NEWER, (OLD, NEW))
    many = fold(told(OLD), proven(OLD), *(told(f"fp:a{number}") for number in range(20)))
    assert many.spares[0] == OLD
    assert len(many.spares) == 3
    assert many.spares[-1] == "fp:a18"


def test_the_same_key_again_changes_nothing_and_back_to_the_proven_one_is_no_trial() -> None:
    assert fold(told(OLD), proven(OLD), told(OLD)) == fold(told(OLD), proven(OLD))
    again = fold(told(OLD), proven(OLD), told(NEW), told(NEW))
    assert (again.first, again.on_trial, again.spares) == (NEW, True, (OLD,))
    back = fold(told(OLD), proven(OLD), told(NEW), told(OLD))
    assert (back.first, back.on_trial, back.spares) == (OLD, False, (NEW,))


def test_a_key_of_the_settings_that_has_changed_goes_first_on_trial() -> None:
    found = fold(*PROVEN_OWN, told(NEW), proven(NEW), AuthorizationKeysFound(settings="fp:e"))
    assert (found.first, found.on_trial, found.spares) == ("", True, (NEW,))
    fallen = fold(
        *PROVEN_OWN,
        told(NEW),
        proven(NEW),
        AuthorizationKeysFound(settings="fp:e"),
        refused("fp:e", "settings"),
        proven(NEW),
    )
    assert (fallen.first, fallen.on_trial) == (NEW, False)


@pytest.mark.parametrize("settings", [OWN, ""])
def test_a_key_of_the_settings_that_is_as_before_or_gone_for_now_changes_nothing(settings: str) -> None:
    found = fold(*PROVEN_OWN, told(NEW), proven(NEW), AuthorizationKeysFound(settings=settings))
    assert (found.first, found.settings) == (NEW, OWN)


def test_a_lost_key_is_noted_and_given_up_once_another_one_opens() -> None:
    lost = AuthorizationKeysFound(settings=OWN, damaged=(NEW,))
    found = fold(*PROVEN_OWN, told(NEW), proven(NEW), lost)
    assert (found.first, found.unusable) == (NEW, (NEW,))
    found = fold(*PROVEN_OWN, told(NEW), proven(NEW), lost, proven(OWN, "settings"))
    assert (found.first, found.stored, found.unusable) == ("", (), ())


def test_a_key_that_the_csms_sets_anew_is_usable_again() -> None:
    lost = AuthorizationKeysFound(settings=OWN, missing=(NEW,))
    assert fold(*PROVEN_OWN, told(NEW), proven(NEW), lost, told(NEW)).unusable == ()


def test_a_salvaged_log_takes_a_key_back_that_it_does_not_name_any_more() -> None:
    salvaged = LogSalvaged(old_head_seq=9, old_head_digest="", kept_seq=3, quarantine="", findings=())
    assert fold(salvaged).salvaged
    found = fold(salvaged, AuthorizationKeysFound(settings=OWN, unnamed=(NEW,)))
    assert (found.first, found.spares, found.salvaged) == ("", (NEW,), False)


def test_a_state_of_the_version_before_has_its_key_first() -> None:
    old: dict[str, Any] = {
        "connectors": {"by_id": []},
        "description": None,
        "configuration": {"overrides": {"AuthorizationKey": NEW}},
    }
    assert LAYOUT_STEPS[1](old)["credentials"] == {"first": NEW, "on_trial": True}
    none: dict[str, Any] = {"connectors": {"by_id": []}, "description": None, "configuration": {"overrides": {}}}
    assert "credentials" not in LAYOUT_STEPS[1](none)
