"""Events to canonical JSON text and back, also from old versions."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore.codec import Codec, catalogue_codec, decode, encode
from eventstore.errors import LogCorrupt, UnknownEventType
from eventstore.event import Decision
from eventstore.structure import StructureError
from tests.logs import CATALOGUE, BellRung, DoorMoved

doors = st.builds(
    DoorMoved,
    connector_id=st.none() | st.integers(0, 100),
    text=st.text(st.characters(exclude_categories=["Cs"])),
    is_open=st.booleans(),
)


class Renamed(Decision, frozen=True, kw_only=True):
    NAME = "Renamed"
    VERSION = 3

    limit_ma: int
    reason: str


def amperes_to_milliamperes(old: dict[str, Any]) -> dict[str, Any]:
    return {"limit_ma": old["limit_a"] * 1000}


def reason_unknown(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, "reason": "unknown"}


UPCASTERS = {("Renamed", 1): amperes_to_milliamperes, ("Renamed", 2): reason_unknown}


@settings(max_examples=60)
@given(doors)
def test_an_event_comes_back_as_it_was(event: DoorMoved) -> None:
    assert Codec(CATALOGUE).decode("DoorMoved", 1, encode(event)) == event


def test_the_text_is_canonical() -> None:
    assert encode(DoorMoved(connector_id=None, text='é"\n')) == '{"connector_id":null,"is_open":false,"text":"é\\"\\n"}'


def test_old_versions_climb_through_every_upcaster() -> None:
    codec = Codec({"Renamed": Renamed}, UPCASTERS)
    assert codec.decode("Renamed", 1, '{"limit_a":16}') == Renamed(limit_ma=16000, reason="unknown")
    assert codec.decode("Renamed", 2, '{"limit_ma":5}') == Renamed(limit_ma=5, reason="unknown")
    assert codec.decode("Renamed", 3, '{"limit_ma":5,"reason":"x"}') == Renamed(limit_ma=5, reason="x")


def test_an_old_payload_that_is_no_object_is_corrupt() -> None:
    with pytest.raises(LogCorrupt, match="Renamed version 1"):
        Codec({"Renamed": Renamed}, UPCASTERS).decode("Renamed", 1, "[]")


def test_a_catalogue_without_its_upcasters_is_refused() -> None:
    with pytest.raises(ValueError, match="no upcaster for Renamed version 1"):
        Codec({"Renamed": Renamed}, {})


def test_a_catalogue_with_a_wrong_name_is_refused() -> None:
    with pytest.raises(ValueError, match="Bell is the class of BellRung"):
        Codec({"Bell": BellRung}, {})


@pytest.mark.parametrize(("name", "version"), [("Unheard", 1), ("BellRung", 2), ("BellRung", 0)])
def test_an_event_that_is_not_in_the_catalogue_is_unknown(name: str, version: int) -> None:
    with pytest.raises(UnknownEventType, match=f"{name} version {version}"):
        Codec(CATALOGUE).decode(name, version, "{}")


@pytest.mark.parametrize("payload", ["", "{", "[]", '{"times":"1"}', "{}", '{"times":1,"more":2}'])
def test_a_payload_that_does_not_fit_is_corrupt(payload: str) -> None:
    with pytest.raises(LogCorrupt, match="BellRung version 1"):
        Codec(CATALOGUE).decode("BellRung", 1, payload)


def test_an_event_that_json_cannot_hold_is_refused() -> None:
    with pytest.raises(StructureError, match="DoorMoved"):
        encode(DoorMoved(connector_id=1, text="\ud800"))


def test_every_event_of_the_products_catalogue_has_a_decoder() -> None:
    codec = catalogue_codec()
    with pytest.raises(UnknownEventType):
        decode("Unheard", 1, "{}")
    for name, cls in codec.catalogue.items():
        with pytest.raises(LogCorrupt):
            codec.decode(name, cls.VERSION, "[]")
