"""The certification cases: what each is called, what it needs of a station, and the function that plays it.

A case is a plain async function in a module of `station.certify.cases`, with one line above it:

    @case("TC_012_CS", "Remote stop", REMOTE, clause="5.11")
    async def remote_stop(rig: Rig) -> None:
        \"\"\"Remote stop: Accepted, StopTransaction with reason Remote, Finishing.\"\"\"

The first line of the docstring says what it shows. `variants` are the readings of a case: each has a label, needs and arguments of
its own. Raising CaseFailed fails it; what it does to the station is put back by whoever runs it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from eventstore.value import Value
from station.certify.functionalities import Functionality
from station.certify.needs import Need, OcppProfileOn

Play = Callable[..., Awaitable[None]]


class Case(Value, frozen=True, kw_only=True):
    """One variant of a case, ready to be played: `await case.play(rig)`."""

    case_id: str
    name: str
    functionality: Functionality
    clause: str
    shows: str
    variant: str
    needs: tuple[Need, ...]
    function: Play
    arguments: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The id, and the variant in brackets: unique."""
        return f"{self.case_id} ({self.variant})" if self.variant else self.case_id

    async def play(self, rig: Any) -> None:
        """Plays it on a rig in the start state. Raises CaseFailed, or CannotBeDone."""
        await self.function(rig, **self.arguments)


class Variant(Value, frozen=True, kw_only=True):
    """A reading of a case."""

    label: str
    needs: tuple[Need, ...]
    arguments: Mapping[str, Any]


PLAIN = Variant(label="", needs=(), arguments={})
_CASES: list[Case] = []


def variant(label: str, *needs: Need, **arguments: Any) -> Variant:
    """A reading of a case, with the arguments that its function gets."""
    return Variant(label=label, needs=needs, arguments=arguments)


def case(
    case_id: str,
    name: str,
    functionality: Functionality,
    *needs: Need,
    clause: str,
    variants: tuple[Variant, ...] = (PLAIN,),
) -> Callable[[Play], Play]:
    """Registers the function below as this case. `clause`: where the standard asks for it."""

    def register(function: Play) -> Play:
        shows = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")
        for each in variants:
            wanted = (*needs, *each.needs)
            if not any(need.name == "OCPP profile" for need in wanted):
                wanted = (OcppProfileOn(functionality.ocpp_profile), *wanted)
            made = Case(
                case_id=case_id,
                name=name,
                functionality=functionality,
                clause=clause,
                shows=shows,
                variant=each.label,
                needs=wanted,
                function=function,
                arguments=each.arguments,
            )
            assert made.label not in {known.label for known in _CASES}, f"{made.label} is there twice"
            _CASES.append(made)
        return function

    return register


def registered() -> tuple[Case, ...]:
    """The cases of every module that has been imported, as they stand there."""
    return tuple(_CASES)
