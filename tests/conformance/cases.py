"""The index of the conformance suite: what the lab calls each case, and what a run of the suite amounts to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pytest

CASES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "TC_001_CS": ("Cold boot", "Core"),
        "TC_002_CS": ("Cold boot – Pending", "Core"),
        "TC_003_CS": ("Regular session – plug-in first", "Core"),
        "TC_004_1_CS": ("Regular session – identification first", "Core"),
        "TC_004_2_CS": ("Identification first – ConnectionTimeOut", "Core"),
        "TC_005_1_CS": ("EV-side disconnect, stop=true unlock=true", "Core"),
        "TC_005_2_CS": ("EV-side disconnect, stop=true unlock=false", "Core"),
        "TC_068_CS": ("Stop with same idTag", "Core"),
        "TC_069_CS": ("Stop with another idTag of the same parentIdTag", "Core"),
        "TC_007_1_CS": ("Local start – cached id", "Core"),
        "TC_007_2_CS": ("Remote start – cached id", "Core"),
        "TC_061_1_CS": ("Clear authorization cache – local", "Core"),
        "TC_061_2_CS": ("Clear authorization cache – remote", "Core"),
        "TC_010_CS": ("Remote start – cable first", "Core"),
        "TC_011_1_CS": ("Remote start – remote start first", "Core"),
        "TC_011_2_CS": ("Remote start – time out", "Core"),
        "TC_012_CS": ("Remote stop", "Core"),
        "TC_013_CS": ("Hard reset, no transaction", "Core"),
        "TC_014_CS": ("Soft reset, no transaction", "Core"),
        "TC_015_CS": ("Hard reset, transaction", "Core"),
        "TC_017_1_CS": ("Unlock, no session, socket", "Core"),
        "TC_017_2_CS": ("Unlock, no session, fixed cable", "Core"),
        "TC_018_1_CS": ("Unlock, session, socket", "Core"),
        "TC_018_2_CS": ("Unlock, session, fixed cable", "Core"),
        "TC_019_CS": ("Retrieve configuration", "Core"),
        "TC_021_CS": ("Change configuration", "Core"),
        "TC_070_CS": ("Sampled meter values", "Core"),
        "TC_023_4_CS": ("Local start – authorize invalid", "Core"),
        "TC_023_5_CS": ("Remote start – authorize invalid", "Core"),
        "TC_024_CS": ("Start – lock failure", "Core"),
        "TC_026_CS": ("Remote start – rejected", "Core"),
        "TC_027_CS": ("Remote start – connectorId 0", "Core"),
        "TC_028_CS": ("Remote stop – rejected", "Core"),
        "TC_031_CS": ("Unlock – unknown connector", "Core"),
        "TC_032_1_CS": ("Power failure, stop before going down", "Core"),
        "TC_032_2_CS": ("Power failure, stop after boot", "Core"),
        "TC_036_CS": ("Connection loss during transaction", "Core"),
        "TC_037_1_CS": ("Offline start – valid idTag", "Core"),
        "TC_037_3_CS": ("Offline start – invalid, StopTransactionOnInvalidId=true", "Core"),
        "TC_038_CS": ("Offline stop", "Core"),
        "TC_039_CS": ("Offline transaction", "Core"),
        "TC_040_1_CS": ("Configuration key – NotSupported", "Core"),
        "TC_040_2_CS": ("Configuration key – invalid value", "Core"),
        "TC_062_CS": ("DataTransfer to the station", "Core"),
        "TC_042_1_CS": ("Local list version – not supported", "LocalAuthListManagement"),
        "TC_042_2_CS": ("Local list version – empty", "LocalAuthListManagement"),
        "TC_043_CS": ("Send local list", "LocalAuthListManagement"),
        "TC_043_1_CS": ("Send local list – NotSupported", "LocalAuthListManagement"),
        "TC_043_3_CS": ("Send local list – Failed", "LocalAuthListManagement"),
        "TC_008_1_CS": ("Local start – id in local list", "LocalAuthListManagement"),
        "TC_044_1_CS": ("Firmware – download and install", "FirmwareManagement"),
        "TC_044_2_CS": ("Firmware – download failed", "FirmwareManagement"),
        "TC_045_1_CS": ("Get diagnostics", "FirmwareManagement"),
        "TC_046_1_CS": ("Reserve connector – local start", "Reservation"),
        "TC_047_CS": ("Reserve connector – expire", "Reservation"),
        "TC_048_1_CS": ("Reserve connector – Faulted", "Reservation"),
        "TC_048_3_CS": ("Reserve connector – Unavailable", "Reservation"),
        "TC_048_4_CS": ("Reserve connector – Rejected", "Reservation"),
        "TC_050_1_CS": ("Reserve station – Faulted", "Reservation"),
        "TC_050_2_CS": ("Reserve station – Occupied", "Reservation"),
        "TC_050_3_CS": ("Reserve station – Unavailable", "Reservation"),
        "TC_050_4_CS": ("Reserve station – Rejected", "Reservation"),
        "TC_051_CS": ("Cancel reservation", "Reservation"),
        "TC_052_CS": ("Cancel reservation – rejected", "Reservation"),
        "TC_053_1_CS": ("Reserved connector, parentIdTag – local", "Reservation"),
        "TC_053_2_CS": ("Reserved connector, parentIdTag – remote", "Reservation"),
        "TC_054_CS": ("Trigger message", "RemoteTrigger"),
        "TC_056_CS": ("TxDefaultProfile", "SmartCharging"),
        "TC_057_CS": ("TxProfile", "SmartCharging"),
        "TC_058_1_CS": ("TxProfile, no transaction", "SmartCharging"),
        "TC_082_CS": ("TxDefaultProfile during transaction", "SmartCharging"),
        "TC_066_CS": ("Composite schedule (3 purposes)", "SmartCharging"),
        "TC_059_CS": ("Remote start with profile", "SmartCharging"),
        "TC_060_CS": ("Remote start with profile – rejected", "SmartCharging"),
        "TC_073_CS": ("Update Basic password", "Security"),
        "TC_074_CS": ("Update station certificate", "Security"),
        "TC_075_1_CS": ("Install ManufacturerRootCertificate", "Security"),
        "TC_075_2_CS": ("Install CentralSystemRootCertificate", "Security"),
        "TC_076_CS": ("Delete certificate", "Security"),
        "TC_078_CS": ("Invalid CentralSystemCertificate event", "Security"),
        "TC_079_CS": ("Get security log", "Security"),
        "TC_080_CS": ("Secure firmware update", "Security"),
        "TC_083_CS": ("Upgrade security profile", "Security"),
        "TC_085_CS": ("Basic authentication valid", "Security"),
        "TC_086_CS": ("TLS server certificate valid", "Security"),
        "TC_087_CS": ("TLS client certificate valid", "Security"),
    }
)

# What no test shows, and why: the case goes into the table with this reason.
NOT_APPLICABLE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One test of the suite in one run: the case it stands for, what it shows, and whether it passed."""

    case: str
    shows: str
    passed: bool


def case(case_id: str) -> pytest.MarkDecorator:
    """Marks a test as one reading or variant of a case; its docstring's first line says what it shows."""
    assert case_id in CASES, f"no such case: {case_id}"
    return pytest.mark.case(case_id)


def table(run: Iterable[Shown]) -> str:
    """The page `docs/conformance-cases.md` of a run: a row per test, a row with the reason per case without one."""
    rows: dict[str, list[Shown]] = {case_id: [] for case_id in CASES}
    for shown in run:
        rows[shown.case].append(shown)
    lines = [
        "# Conformance cases",
        "",
        "The charge-point cases of the OCPP 1.6 compliance test that the suite in `tests/conformance/` runs over a real",
        "WebSocket against the daemon, with the bench driven through its loopback service alone. Each row is one reading",
        "or variant. This page is written by a run of the suite: `make conformance-table`.",
        "",
        "| case | name | feature profile | what the test shows | result |",
        "|---|---|---|---|---|",
    ]
    for case_id, shown_by in rows.items():
        name, ocpp_profile = CASES[case_id]
        for shown in sorted(shown_by, key=lambda one: one.shows):
            result = "passed" if shown.passed else "**failed**"
            lines.append(f"| {case_id} | {name} | {ocpp_profile} | {shown.shows} | {result} |")
        if not shown_by and case_id in NOT_APPLICABLE:
            lines.append(f"| {case_id} | {name} | {ocpp_profile} | | not applicable: {NOT_APPLICABLE[case_id]} |")
    passed = sum(shown.passed for shown_by in rows.values() for shown in shown_by)
    total = sum(len(shown_by) for shown_by in rows.values())
    cases = sum(bool(shown_by) for shown_by in rows.values())
    return "\n".join([*lines, "", f"{passed} of {total} tests passed, over {cases} cases.", ""])
