"""Old shapes of events made new, one version at a time, when they are read. Stored bytes are never rewritten.

An upcaster is a pure function from the payload of version n to that of version n + 1, kept under (event name, n). It outlives
the class it was written for.
"""

from collections.abc import Callable, Mapping
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


def _read_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0: before it every board read its contactors and locks by contacts of their own."""
    return {**payload, "inferred": False}


def _call_answered_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0: before it nothing was tolerated in a CALL."""
    return {**payload, "deviations": []}


def _unasked(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0 keeps how long a server asked to be left alone; before, nobody looked."""
    return payload | {"retry_after_s": 0}


def _diagnostics_requested_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0: before it there was GetDiagnostics alone."""
    return {**payload, "log": "", "request_id": None}


def _id_tag_presented_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0 takes tags from software, too; before, each came from a reader."""
    return {**payload, "origin": "reader"}


def _owed_events_lost_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0 says up to where; before, all that lay behind the window was meant."""
    return {**payload, "to_seq": 0}


def _station_described_2(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0: before it the register alone was reported by default, whatever the board measured."""
    return {**payload, "measurands": ["Energy.Active.Import.Register"], "phase_rotations": []}


def _station_described_3(payload: dict[str, Any]) -> dict[str, Any]:
    """Version 0.2.0: before it there was no security extension, and the board's name alone said whether it keeps its power."""
    added = {"security_events": "never", "security_profile_fixed": False, "keeps_power": payload["board"] == "gpio"}
    return {**payload, "profiles_off": [*payload["profiles_off"], "Security"], **added}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    ("CallAnswered", 1): _call_answered_2,
    ("ConnectFailed", 1): _unasked,
    ("ContactorObserved", 1): _read_2,
    ("DiagnosticsProgressed", 1): _unasked,
    ("DiagnosticsRequested", 1): _diagnostics_requested_2,
    ("FirmwareProgressed", 1): _unasked,
    ("IdTagPresented", 1): _id_tag_presented_2,
    ("LockObserved", 1): _read_2,
    ("OwedEventsLost", 1): _owed_events_lost_2,
    ("StationDescribed", 1): _station_described_2,
    ("StationDescribed", 2): _station_described_3,
}


def chain_faults(versions: Mapping[str, int], upcasters: Mapping[tuple[str, int], Upcaster]) -> tuple[str, ...]:
    """What is wrong with the upcasters for events of these current versions: empty when every old version has a way up."""
    missing = [
        f"no upcaster for {name} version {step}"
        for name, version in versions.items()
        for step in range(1, version)
        if (name, step) not in upcasters
    ]
    astray = [
        f"the upcaster for {name} version {step} leads nowhere"
        for name, step in upcasters
        if not 1 <= step < versions.get(name, 0)
    ]
    return tuple(missing + astray)
