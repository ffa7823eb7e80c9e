"""What passes over a link, as a CSMS sees it: OCPP-J frames, recorded and held to the published schemas.

The schemas are those that the Open Charge Alliance publishes, as the `ocpp` package carries them. Numbers with a
decimal point are read as Decimal, since the schemas ask for multiples of 0.1, which binary floats never are.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jsonschema import Draft4Validator

Kind = Literal["call", "result", "error", "other"]
Payload = dict[str, Any]

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_INSTANT_MEMBERS = frozenset({"timestamp", "scheduleStart", "startSchedule"})
_KINDS: Mapping[int, Kind] = {2: "call", 3: "result", 4: "error"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame on a link, in the order in which the CSMS saw it.

    `order` counts over all links and both directions; `at_s` is the CSMS's monotonic arrival or departure time and
    `utc_ms` its calendar time. A result or error carries the action of the call that it answers, "" if there is none.
    """

    order: int
    at_s: float
    utc_ms: int
    connection: int
    outbound: bool
    kind: Kind
    message_id: str
    action: str
    payload: Payload
    text: str
    error_code: str = ""

    @property
    def payload_text(self) -> str:
        """The payload's own characters: what a retry must repeat byte for byte."""
        return payload_text(self.text)

    def __str__(self) -> str:
        arrow = "→" if self.outbound else "←"
        what = self.error_code if self.kind == "error" else json.dumps(self.payload, default=str)
        return f"{self.order:4} #{self.connection} {arrow} {self.kind} {self.action} {what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The parts of one frame's text; `kind` is "other" for whatever is not a frame of OCPP-J 4.2."""

    kind: Kind
    message_id: str = ""
    action: str = ""
    payload: Payload
    error_code: str = ""


def loads(text: str) -> Any:
    """JSON with every fraction as Decimal."""
    return json.loads(text, parse_float=Decimal)


def parse(text: str) -> Parsed:
    """The parts of a frame; never raises."""
    try:
        parts = loads(text)
    except (ValueError, RecursionError):
        return Parsed(kind="other", payload={})
    match parts:
        case [2, str() as message_id, str() as action, dict() as payload]:
            return Parsed(kind="call", message_id=message_id, action=action, payload=payload)
        case [3, str() as message_id, dict() as payload]:
            return Parsed(kind="result", message_id=message_id, payload=payload)
        case [4, str() as message_id, str() as code, str(), dict() as details]:
            return Parsed(kind="error", message_id=message_id, error_code=code, payload=details)
    return Parsed(kind="other", payload={})


def payload_text(text: str) -> str:
    """The characters of a call's or result's payload: from the first brace to the closing bracket of the frame."""
    start = text.find("{")
    return text[start : text.rfind("]")].strip() if start >= 0 else ""


@cache
def _validator(name: str) -> Draft4Validator:
    schema = files("ocpp.v16").joinpath("schemas", f"{name}.json").read_text(encoding="utf-8-sig")
    return Draft4Validator(loads(schema))


def violations(action: str, kind: Kind, payload: Payload) -> list[str]:
    """What is wrong with a payload: against the published schema, and against ISO 8601 with a zone (3.14)."""
    name = action if kind == "call" else f"{action}Response"
    try:
        validator = _validator(name)
    except FileNotFoundError:
        return [f"{action}: no such action in OCPP 1.6"]
    found = [
        f"{name}: {'/'.join(map(str, error.absolute_path)) or 'payload'}: {error.message}"
        for error in validator.iter_errors(payload)
    ]
    return found + [f"{name}: {path}: {value!r} is no instant with a zone" for path, value in _bad_instants(payload)]


def _bad_instants(value: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(value, list):
        return [bad for index, item in enumerate(value) for bad in _bad_instants(item, f"{path}/{index}")]
    if not isinstance(value, dict):
        return []
    found = []
    for name, member in value.items():
        if name in _INSTANT_MEMBERS and isinstance(member, str) and not _INSTANT.fullmatch(member):
            found.append((f"{path}/{name}", member))
        found.extend(_bad_instants(member, f"{path}/{name}"))
    return found


def camel_case(name: str) -> str:
    """The standard's name of a member from the Python one: `connector_id` → `connectorId`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def utc_of(instant: str) -> datetime:
    """The calendar time that a payload's instant names."""
    return datetime.fromisoformat(instant)


def instant_of(utc: datetime) -> str:
    """Calendar time as a CSMS writes it: milliseconds and Z."""
    return utc.strftime("%Y-%m-%dT%H:%M:%S.") + f"{utc.microsecond // 1000:03}Z"


def matches(payload: Payload, members: Mapping[str, Any]) -> bool:
    """Whether a payload has these members (Python or standard names) with these values; None means absent."""
    return all(payload.get(camel_case(name)) == wanted for name, wanted in members.items())
