"""How cases are registered, and what all of them keep to."""

from itertools import pairwise

import pytest

from station.certify import registry
from station.certify.catalogue import MODULES, all_cases
from station.certify.functionalities import FUNCTIONALITIES, Functionality
from station.certify.needs import READER, SOCKET, OcppProfileOff
from station.certify.registry import Case, case, variant

RESERVING = Functionality(name="Reserving", ocpp_profile="Reservation")


@pytest.fixture(autouse=True)
def _undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten."""
    monkeypatch.setattr(registry, "_CASES", list(registry.registered()))


def needs_of(registered: Case) -> list[str]:
    return [need.name for need in registered.needs]


@pytest.mark.asyncio
async def test_a_case_is_a_function_with_a_line_above_it() -> None:
    played: list[object] = []

    @case(
        "TC_900_CS",
        "A case",
        RESERVING,
        READER,
        clause="5.13",
        variants=(variant("far", SOCKET, miles=3), variant("near")),
    )
    async def a_case(rig: str, miles: int = 0) -> None:
        """What it shows.

        And more.
        """
        played.append((rig, miles))

    far, near = registry.registered()[-2:]
    assert (far.label, near.label, far.shows) == ("TC_900_CS (far)", "TC_900_CS (near)", "What it shows")
    assert needs_of(far) == ["OCPP profile", "reader", "socket"]
    assert needs_of(near) == ["OCPP profile", "reader"]
    await far.play("rig")
    await near.play("rig")
    assert played == [("rig", 3), ("rig", 0)]


def test_a_case_of_a_profile_that_is_off_does_not_need_it_on() -> None:
    @case("TC_901_CS", "Refused", RESERVING, OcppProfileOff("Reservation"), clause="5.13")
    async def refused(rig: object) -> None:
        """It is refused."""

    assert needs_of(registry.registered()[-1]) == ["OCPP profile"]


def test_a_label_that_is_there_twice_is_refused() -> None:
    async def twice(rig: object) -> None:
        """Twice."""

    register = case("TC_902_CS", "Twice", RESERVING, clause="5.13")
    register(twice)
    with pytest.raises(AssertionError, match="TC_902_CS is there twice"):
        register(twice)


def test_every_functionality_has_cases_and_they_stand_together() -> None:
    order = [FUNCTIONALITIES.index(each.functionality) for each in all_cases()]
    assert set(order) == set(range(len(FUNCTIONALITIES)))
    assert all(one <= other for one, other in pairwise(order))


def test_one_id_has_one_name() -> None:
    names = {(each.case_id, each.name) for each in all_cases()}
    assert len(names) == len({case_id for case_id, _ in names})


def test_every_case_says_what_it_shows_and_where_the_standard_asks_for_it() -> None:
    assert [each.label for each in all_cases() if len(each.shows) < 10 or not each.clause] == []


def test_the_catalogue_has_every_module_of_cases() -> None:
    from pkgutil import iter_modules

    from station.certify import cases

    assert {module.__name__ for module in MODULES} == {
        f"{cases.__name__}.{each.name}" for each in iter_modules(cases.__path__)
    }
