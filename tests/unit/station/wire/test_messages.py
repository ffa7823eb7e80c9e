"""The declared messages against the published JSON schemas of OCPP 1.6 (edition 2019-12) and of the security white paper
(edition 3), as the `ocpp` package carries them.

Generated payloads, good and damaged, are read by both; they must agree on every one. Where we differ on purpose, the published
schema is amended first, and each amendment is a row of KNOWN_DIFFERENCES with its reason and a payload that shows it.
Decimals are compared as decimals: in floats 8.1 is no multiple of 0.1.
"""

import copy
import json
import random
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft4Validator, FormatChecker

from eventstore.value import Value
from station.wire.instants import parse_utc_ms
from station.wire.members import members_of
from station.wire.messages import MESSAGES
from station.wire.primitives import INTEGER_MAX, RATE_MAX, SECONDS_MAX
from station.wire.schema import PayloadError, dump, load_request, load_response

SEED = 16
PAYLOADS_PER_SCHEMA = 200

FORMATS = FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(lambda text: not isinstance(text, str) or parse_utc_ms(text) is not None)

SCHEDULE_UNTIL = {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}]}
STOP = {"transactionId": 1, "timestamp": "2026-01-01T00:00:00Z", "meterStop": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDifference:
    """A payload that the published schema and ours judge differently, and why."""

    name: str
    payload: dict[str, Any]
    published_accepts: bool
    reason: str


KNOWN_DIFFERENCES = (
    KnownDifference(
        name="Heartbeat.conf",
        payload={"currentTime": "yesterday"},
        published_accepts=True,
        reason="draft 4 leaves `format` to the reader: any text passes as date-time; an instant must be one (errata 3.10)",
    ),
    KnownDifference(
        name="GetCompositeSchedule.conf",
        payload={"status": "Accepted", "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": []}},
        published_accepts=True,
        reason="chargingSchedulePeriod is 1..* in 7.13, the schema files know no least number of items there",
    ),
    KnownDifference(
        name="StopTransaction.req",
        payload={**STOP, "transactionData": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": []}]},
        published_accepts=True,
        reason="sampledValue is 1..* in 7.33; the schema file of MeterValues says so, that of StopTransaction does not",
    ),
    KnownDifference(
        name="StopTransaction.req",
        payload={
            **STOP,
            "transactionData": [
                {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "50", "unit": "Hertz"}]}
            ],
        },
        published_accepts=False,
        reason="Hertz is the unit of Frequency (7.31); the schema file of MeterValues has it, that of StopTransaction not",
    ),
    KnownDifference(
        name="RemoteStopTransaction.req",
        payload={"transactionId": 2**63},
        published_accepts=True,
        reason="integers are kept to 64 bits, which readers of JSON and the storage can hold",
    ),
    KnownDifference(
        name="GetCompositeSchedule.req",
        payload={"connectorId": 1, "duration": 10**12 + 1},
        published_accepts=True,
        reason="a number of seconds is kept to 10^12, so that its milliseconds fit in 64 bits",
    ),
    KnownDifference(
        name="GetCompositeSchedule.conf",
        payload={"status": "Accepted", "chargingSchedule": {**SCHEDULE_UNTIL, "minChargingRate": 10**12 + 1}},
        published_accepts=True,
        reason="a rate is kept to 10^12 A or W, so that its thousandths fit in 64 bits",
    ),
    KnownDifference(
        name="GetCompositeSchedule.req",
        payload={"connectorId": 1, "duration": 60, "chargingRateUnit": ""},
        published_accepts=False,
        reason='an optional text that says nothing is absent: many a central system sends "" for what it does not know',
    ),
)  # fmt: skip

# Where an empty text says something: the maker's data, the value of a key, a filter that must not widen by a slip.
VERBATIM = {"data", "value", "chargingProfilePurpose"}
BLANK = {"type": "string", "pattern": r"^\s*$"}
SECONDS = {"duration", "startPeriod", "interval", "retryInterval"}


SCHEMAS = Path(str(files("ocpp") / "v16" / "schemas"))
"""As the Open Charge Alliance publishes them, those of the security white paper included."""


def message_names() -> list[str]:
    return [f"{action}.{half}" for action in MESSAGES for half in ("req", "conf")]


def message_class(name: str) -> type:
    action, half = name.split(".")
    return MESSAGES[action].request if half == "req" else MESSAGES[action].response


@cache
def published(name: str) -> dict[str, Any]:
    action, half = name.split(".")
    file = f"{action}{'' if half == 'req' else 'Response'}.json"
    schema = json.loads((SCHEMAS / file).read_text(encoding="utf-8-sig"), parse_float=Decimal)
    return inlined(schema, schema.pop("definitions", {}))


def inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """The schema with its references followed, as those of the security white paper have them."""
    match schema:
        case {"$ref": reference}:
            return inlined(definitions[reference.removeprefix("#/definitions/")], definitions)
        case dict():
            return {key: inlined(value, definitions) for key, value in schema.items()}
        case list():
            return [inlined(value, definitions) for value in schema]
        case _:
            return schema


def amended(schema: dict[str, Any], key: str = "") -> dict[str, Any]:
    """The published schema with the KNOWN_DIFFERENCES written into it."""
    schema = dict(schema)
    match schema.get("type"):
        case "object":
            required = schema.get("required", [])
            properties = {name: amended(inner, name) for name, inner in schema.get("properties", {}).items()}
            schema["properties"] = {
                name: inner if name in required or name in VERBATIM else or_blank(inner)
                for name, inner in properties.items()
            }
        case "array":
            schema["items"] = amended(schema["items"])
            if key in {"chargingSchedulePeriod", "sampledValue"}:
                schema["minItems"] = 1
        case "integer" | "number" as kind:
            limit = SECONDS_MAX if key in SECONDS else INTEGER_MAX if kind == "integer" else RATE_MAX
            schema.update(minimum=-limit, maximum=limit)
        case "string" if key == "unit":
            schema["enum"] = sorted({*schema["enum"], "Hertz"})
        case _:
            pass
    return schema


def or_blank(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an optional text, or of one that says nothing; `meant` is what it should be."""
    return {"type": "string", "anyOf": [schema, BLANK], "meant": schema} if schema.get("type") == "string" else schema


@cache
def judge(name: str) -> Draft4Validator:
    return Draft4Validator(amended(published(name)), format_checker=FORMATS)


def we_accept(name: str, text: bytes) -> bool:
    try:
        _, deviations = load_request(message_class(name), orjson.loads(text))
    except PayloadError:
        return False
    return not deviations


def they_accept(validator: Draft4Validator, text: bytes) -> bool:
    return bool(validator.is_valid(json.loads(text, parse_float=Decimal)))


TIMES = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123+02:00", "2026-01-01T00:00:00", "1999-12-31 23:59:59Z")
JUNK: tuple[Any, ...] = (
    None, True, False, 0, 3, -1, 3.0, 2.5, 8.1, 8.15, 1e20, 10**15, "", "x", "16", "Accepted", "x" * 26, "é" * 501, TIMES[0],
    "soon", [], {}, [1], ["x"], [{}], {"a": 1},
)  # fmt: skip

NEAR_MISSES: dict[type, tuple[Any, ...]] = {
    int: ("16", 3.0, 8.15, 2**63, -(2**63), True),
    float: ("8.1", 8.15, 0.05, 1e12, 1e13, 16),
    str: ("x" * 21, "x" * 26, "x" * 51, "x" * 256, "x" * 501, "", "accepted", 7),
}


def example(schema: dict[str, Any], chance: random.Random) -> Any:
    """A payload that the schema accepts, in which every optional text says something."""
    says_something = "meant" in schema
    schema = schema.get("meant", schema)
    match schema["type"]:
        case "object":
            required = schema.get("required", [])
            chosen = [key for key in schema.get("properties", {}) if key in required or chance.random() < 0.5]
            return {key: example(schema["properties"][key], chance) for key in chosen}
        case "array":
            return [example(schema["items"], chance) for _ in range(chance.randint(schema.get("minItems", 0), 3))]
        case "string" if "enum" in schema:
            return chance.choice(schema["enum"])
        case "string" if schema.get("format") == "date-time":
            return chance.choice(TIMES)
        case "string":
            longest = schema.get("maxLength", 1000)
            character = chance.choice("aZé" if says_something else "aZ é")
            return character * chance.choice([1 if says_something else 0, 1, longest - 1, longest])
        case "integer":
            return chance.choice([0, 1, -1, 300, 2**31])
        case "number":
            return chance.choice([0, 16, 32.0, chance.randint(-1000, 1000) / 10])
        case "boolean":
            return chance.random() < 0.5
        case other:
            raise AssertionError(f"unexpected type {other}")


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value in a payload, its own included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for step, child in inner for place in places(child, (*path, step)))]


def damage(payload: Any, chance: random.Random) -> Any:
    """The payload with one thing changed somewhere: replaced, removed, or added."""
    *steps, last = chance.choice(places(payload)[1:] or [(0,)])
    if not isinstance(payload, dict) or not payload:
        return chance.choice((*JUNK, {"unknown": 1}))
    holder = payload = copy.deepcopy(payload)
    for step in steps:
        holder = holder[step]
    match chance.randrange(5):
        case 0:
            del holder[last]
        case 1 if isinstance(holder, dict):
            holder[chance.choice(["unknown", str(last).upper(), "status", "type"])] = chance.choice(JUNK)
        case 2:
            holder[last] = chance.choice(JUNK)
        case _:
            holder[last] = chance.choice(NEAR_MISSES.get(type(holder[last]), JUNK))
    return payload


def test_every_action_of_the_standard_is_declared() -> None:
    assert len(MESSAGES) == 28 + 11
    assert {f"{action}{half}.json" for action in MESSAGES for half in ("", "Response")} == {
        file.name for file in SCHEMAS.iterdir()
    }
    for action, pair in MESSAGES.items():
        assert pair.request.__name__ == action
        assert pair.response.__name__ == f"{action}Response"
        assert pair.is_sent_by_csms or pair.is_sent_by_station


def test_only_data_transfer_is_sent_by_both() -> None:
    assert [action for action, pair in MESSAGES.items() if pair.is_sent_by_csms and pair.is_sent_by_station] == [
        "DataTransfer"
    ]
    assert sum(pair.is_sent_by_station for pair in MESSAGES.values()) == 10 + 4


def test_every_action_belongs_to_a_feature_profile() -> None:
    profiles = [pair.ocpp_profile for pair in MESSAGES.values()]
    assert {profile: profiles.count(profile) for profile in profiles} == {
        "Core": 16,
        "FirmwareManagement": 4,
        "LocalAuthListManagement": 2,
        "Reservation": 2,
        "SmartCharging": 3,
        "RemoteTrigger": 1,
        "Security": 11,
    }


@pytest.mark.parametrize("name", message_names())
def test_members_are_those_of_the_published_schema(name: str) -> None:
    schema = published(name)
    members = members_of(message_class(name))
    assert {member.key for member in members} == set(schema.get("properties", {}))
    assert {member.key for member in members if member.is_required} == set(schema.get("required", []))


@pytest.mark.parametrize("name", message_names())
def test_we_accept_exactly_what_the_published_schema_accepts(name: str) -> None:
    chance = random.Random(f"{SEED} {name}")
    print(f"seed {SEED}")
    schema = amended(published(name))
    verdicts = set()
    for number in range(PAYLOADS_PER_SCHEMA):
        payload = example(schema, chance)
        for _ in range(number % 3):
            payload = damage(payload, chance)
        text = orjson.dumps(payload)
        verdict = they_accept(judge(name), text)
        assert isinstance(payload, dict) or not verdict
        assert we_accept(name, text) == verdict, f"{name} {text.decode()}: the published schema says {verdict}"
        verdicts.add(verdict)
    assert verdicts == {True, False}


@pytest.mark.parametrize("name", message_names())
def test_what_we_send_satisfies_the_published_schema(name: str) -> None:
    chance = random.Random(f"{SEED} {name} dump")
    print(f"seed {SEED}")
    schema = amended(published(name))
    for _ in range(15):
        text = orjson.dumps(example(schema, chance))
        message: object
        message, deviations = load_response(message_class(name), orjson.loads(text))
        assert (message, ()) == load_request(message_class(name), orjson.loads(text))
        assert deviations == ()
        payload = dump(message)
        assert they_accept(judge(name), orjson.dumps(payload, default=float))
        assert set(payload) == set(orjson.loads(text))


@pytest.mark.parametrize("difference", KNOWN_DIFFERENCES, ids=lambda difference: difference.reason[:40])
def test_a_known_difference_is_one(difference: KnownDifference) -> None:
    text = orjson.dumps(difference.payload)
    plain = Draft4Validator(published(difference.name))
    assert they_accept(plain, text) == difference.published_accepts
    assert we_accept(difference.name, text) != difference.published_accepts
    assert they_accept(judge(difference.name), text) != difference.published_accepts


def test_both_spellings_of_celsius_are_read_and_the_right_one_is_sent() -> None:
    request = MESSAGES["MeterValues"].request
    for spelling in ("Celsius", "Celcius"):
        sampled = {"timestamp": TIMES[0], "sampledValue": [{"value": "20", "unit": spelling}]}
        read: Value
        read, _ = load_request(request, {"connectorId": 1, "meterValue": [sampled]})
        text = orjson.dumps(dump(read))
        assert b'"Celsius"' in text
