"""Upcasters: every old version of every event has a way up, and none leads astray."""

from typing import Any

from eventstore.catalogue import BY_NAME
from eventstore.catalogue.link import CallAnswered
from eventstore.codec import Codec
from migrations.upcasters import UPCASTERS, chain_faults


def same(old: dict[str, Any]) -> dict[str, Any]:
    return old


def test_every_old_event_of_the_catalogue_has_a_way_up() -> None:
    assert chain_faults({name: cls.VERSION for name, cls in BY_NAME.items()}, UPCASTERS) == ()


def test_a_whole_chain_has_no_faults() -> None:
    assert chain_faults({"A": 3, "B": 1}, {("A", 1): same, ("A", 2): same}) == ()


def test_a_gap_is_named() -> None:
    assert chain_faults({"A": 3}, {("A", 2): same}) == ("no upcaster for A version 1",)


def test_what_leads_nowhere_is_named() -> None:
    upcasters = {("A", 1): same, ("A", 2): same, ("B", 1): same, ("A", 0): same}
    assert chain_faults({"A": 2}, upcasters) == (
        "the upcaster for A version 2 leads nowhere",
        "the upcaster for B version 1 leads nowhere",
        "the upcaster for A version 0 leads nowhere",
    )


def test_an_answer_of_the_first_version_tolerated_nothing_in_its_call() -> None:
    old = '{"action":"Reset","connection":1,"description":"","error_code":"","message_id":"m","payload":"{}"}'
    event = Codec(BY_NAME).decode("CallAnswered", 1, old)
    assert event == CallAnswered(connection=1, message_id="m", action="Reset", payload="{}")


def test_a_board_of_an_old_log_kept_its_power_if_it_was_one_of_pins() -> None:
    for board, keeps_power in (("bench", False), ("gpio", True)):
        payload = UPCASTERS["StationDescribed", 2]({"board": board, "profiles_off": []})
        assert payload["keeps_power"] is keeps_power
