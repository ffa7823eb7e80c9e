"""Payloads to messages, in one walk over what their classes declare: strict for CALLs, lenient for CALLRESULTs.

A strict reader raises the first violation that it meets; `faults` says which of all is the worst. What `Scalar.is_tolerated` names
it takes all the same, and tells. A lenient one takes whatever can be used and tells how it deviates; only a required member
that is missing or unusable makes a message malformed.
"""

from typing import Any, Final

from eventstore.value import Value
from station.wire.frames import ErrorCode
from station.wire.members import UNUSABLE, Kind, Listed, Member, Nested, Scalar, Violation, members_of

__all__ = ["MISSING", "NO_LIST", "NO_OBJECT", "NULL", "UNKNOWN", "Reader", "Steps", "check_list", "path_text"]

Steps = tuple[str | int, ...]

#: Characters of a member's name that are repeated in a description.
NAME_LENGTH_MAX: Final = 50

MISSING: Final = (ErrorCode.PROTOCOL_ERROR, "is missing")
UNKNOWN: Final = (ErrorCode.FORMATION_VIOLATION, "is unknown")
NO_OBJECT: Final = (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "must be an object")
NO_LIST: Final = (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "must be a list")
NULL: Final = (ErrorCode.TYPE_CONSTRAINT_VIOLATION, "must not be null")

_ABSENT: Final = object()


def path_text(steps: Steps) -> str:
    """Where something is, as "idTagInfo.status" or "meterValue[0].timestamp"."""
    names = (f"[{step}]" if isinstance(step, int) else f".{step[:NAME_LENGTH_MAX]}" for step in steps)
    return "".join(names).removeprefix(".")


def check_list(listed: Listed, value: Any) -> None:
    """Raises Violation for what is no list, or too short a one."""
    if not isinstance(value, list):
        raise Violation(*NO_LIST)
    if len(value) < listed.at_least:
        raise Violation(ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, f"has fewer than {listed.at_least} items")


class Reader:
    """Reads one payload; `deviations` is what it took although the standard does not know or allow it."""

    __slots__ = ("_is_lenient", "deviations")

    def __init__(self, *, is_lenient: bool) -> None:
        self.deviations: list[str] = []
        self._is_lenient = is_lenient

    def members(
        self, message_class: type[Value], payload: dict[str, Any], steps: Steps = ()
    ) -> tuple[dict[str, Any], Violation | None]:
        """The readable members of an object by attribute, and the first reason why it is malformed, if it is.

        A strict reader raises that reason.
        """
        values: dict[str, Any] = {}
        failure: Violation | None = None
        left = len(payload)
        for member in members_of(message_class):
            value = payload.get(member.key, _ABSENT)
            try:
                if value is not _ABSENT:
                    left -= 1
                    self._member(member, value, steps, values)
                elif member.is_required:
                    raise Violation(*MISSING)
            except Violation as violation:
                if not self._is_lenient:
                    raise violation.within(member.key) from None
                if member.is_required:
                    failure = failure or violation.within(member.key)
                else:
                    self._tell((*steps, member.key, *violation.path), violation.text)
        if left:
            self._unknown(message_class, payload, steps)
        return values, failure

    def _unknown(self, message_class: type[Value], payload: dict[str, Any], steps: Steps) -> None:
        known = {member.key for member in members_of(message_class)}
        for key in payload:
            if key in known:
                continue
            if not self._is_lenient:
                raise Violation(*UNKNOWN).within(key)
            self._tell((*steps, key), UNKNOWN[1])

    def _member(self, member: Member, value: Any, steps: Steps, values: dict[str, Any]) -> None:
        """Adds the member to the values, unless it says nothing."""
        is_empty = member.is_left_empty(value)
        if is_empty and not self._is_lenient:
            return
        if value is None and not member.is_required:
            if not self._is_lenient:
                raise Violation(*NULL)
            self._tell((*steps, member.key), "is null")
            return
        read = self._value(member.kind, value, steps, member.key)
        if is_empty:
            self._tell((*steps, member.key), "is empty")
        else:
            values[member.attribute] = read

    def _value(self, kind: Kind, value: Any, steps: Steps, step: str | int) -> Any:
        if type(kind) is Scalar:
            try:
                return kind.read(value)
            except Violation as violation:
                return self._instead(kind, violation, (*steps, step))
        if type(kind) is Nested:
            if not isinstance(value, dict):
                raise Violation(*NO_OBJECT)
            values, failure = self.members(kind.message_class, value, (*steps, step))
            if failure is not None:
                raise failure
            return kind.message_class(**values)
        assert type(kind) is Listed
        check_list(kind, value)
        return self._items(kind, value, (*steps, step))

    def _items(self, kind: Listed, value: list[Any], steps: Steps) -> tuple[Any, ...]:
        items: list[Any] = []
        try:
            for index, item in enumerate(value):
                items.append(self._value(kind.item, item, steps, index))  # its length tells where it failed
        except Violation as violation:
            raise violation.within(len(items)) from None
        return tuple(items)

    def _instead(self, scalar: Scalar, violation: Violation, steps: Steps) -> Any:
        """What is taken instead of a value that breaks its declaration. Raises the violation if that is nothing."""
        taken = violation.lenient_value
        if taken is UNUSABLE or not (self._is_lenient or scalar.is_tolerated):
            raise violation
        self._tell(steps, violation.text if self._is_lenient else f"{violation.text}: taken as {taken}")
        return taken

    def _tell(self, steps: Steps, text: str) -> None:
        self.deviations.append(f"{path_text(steps)} {text}")
