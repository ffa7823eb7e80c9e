"""A report of a run as the papers get one, small and always the same."""

from typing import Any

from eventstore.value import replace
from station.certify.results import (
    CaseResult,
    ConfiguredKey,
    LogHead,
    LogSpan,
    ResponseTimes,
    RunReport,
    StationFacts,
    TranscriptFrame,
)

FACTS = StationFacts(
    vendor="Example",
    model="Twin",
    serial="T-7",
    identity="CB-0001",
    firmware_version="1.2.3",
    software_version="0.2.0",
    board="bench",
    connectors=2,
    fixed_cable=False,
    has_lock=True,
    has_reader=True,
    phases=3,
    voltage_v=230,
    max_current_a=32,
    backup_power_s=5,
    security_profile=0,
    ocpp_profiles=("Core",),
)


def frame(second: float, sender: Any, kind: str, action: str, text: str, connection: int = 1) -> TranscriptFrame:
    """A frame at a second of the run."""
    at = f"2026-01-01T00:00:{second:06.3f}Z"
    return TranscriptFrame(
        at=at, connection=connection, sender=sender, kind=kind, action=action, message_id="m", text=text
    )


def case(case_id: str, **more: Any) -> CaseResult:
    """A case that passed, but for what is said."""
    made = CaseResult(
        case_id=case_id,
        name=f"Name of {case_id}",
        functionality="Cold boot",
        ocpp_profile="Core",
        shows=f"What {case_id} shows",
        clause="4.2",
        result="pass",
        duration_s=1.25,
    )
    return replace(made, **more)


BOOT = (
    frame(1.0, "station", "call", "BootNotification", '[2,"m","BootNotification",{"chargePointModel":"Twin"}]'),
    frame(1.25, "CSMS", "result", "BootNotification", '[3,"m",{"status":"Accepted"}]'),
    frame(2.0, "CSMS", "call", "Reset", '[2,"m","Reset",{"type":"Hard"}]'),
    frame(2.5, "station", "error", "Reset", '[4,"m","NotSupported","",{}]'),
    frame(3.0, "station", "call", "BootNotification", "[2]", connection=2),
)
FAILED = case(
    "TC_013_CS",
    functionality="Reset",
    result="fail",
    reason="expected Accepted, seen: NotSupported",
    expected="Accepted",
    seen="NotSupported",
    look_further=("chargebox replay run/log timeline --from 40 --to 60 --all",),
    transcript=BOOT,
    log="run/log",
    first_seq=40,
    last_seq=60,
)
REPORT = RunReport(
    began="2026-01-01T00:00:00.000Z",
    ended="2026-01-01T00:02:03.500Z",
    duration_s=123.5,
    command="chargebox certify --settings cb.toml",
    station=FACTS,
    cases=(
        case("TC_001_CS", transcript=BOOT[:2]),
        FAILED,
        case(
            *("TC_017_1_CS",),
            variant="socket",
            functionality="Unlock",
            result="not_applicable",
            reason="the station has a fixed cable",
        ),
        case("TC_030_CS", functionality="Unlock", result="skipped", reason="nobody can jam the lock here", prompts=2),
    ),
    response_times=(
        ResponseTimes(kind="triggered function", values_s=(0.5, 0.25, 1.5), stated_s=1.0),
        ResponseTimes(kind="response", values_s=(0.125,), stated_s=1.0),
        ResponseTimes(kind="RemoteStartTransaction", values_s=()),
    ),
    configuration=(
        ConfiguredKey(key="HeartbeatInterval", readonly=False, value="900"),
        ConfiguredKey(key="NumberOfConnectors", readonly=True, value="2"),
        ConfiguredKey(key="MakersOwn", readonly=True, value="x"),
    ),
    logs=(
        LogSpan(
            path="run/log",
            used_for="all cases",
            before=LogHead(seq=1, digest="aa" * 32),
            after=LogHead(seq=99, digest="bb" * 32),
        ),
    ),
)
