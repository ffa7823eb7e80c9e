"""docs/security.md says of every security event when it is raised, or why it is not, and shows the security log as it is."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTION_8 = (
    "FirmwareUpdated",
    "FailedToAuthenticateAtCentralSystem",
    "CentralSystemFailedToAuthenticate",
    "SettingSystemTime",
    "StartupOfTheDevice",
    "ResetOrReboot",
    "SecurityLogWasCleared",
    "ReconfigurationOfSecurityParameters",
    "MemoryExhaustion",
    "InvalidMessages",
    "AttemptedReplayAttacks",
    "TamperDetectionActivated",
    "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate",
    "InvalidCentralSystemCertificate",
    "InvalidChargePointCertificate",
    "InvalidTLSVersion",
    "InvalidTLSCipherSuite",
)
"""Of the white paper, edition 3."""
EVENTS = TEXT.partition("## Security events")[2].partition("\n## ")[0]
RAISED = set(re.findall(r"\w+", " ".join(re.findall(r"^\| ([\w, ]+) \|", EVENTS, flags=re.MULTILINE)))) - {"type"}
NOT_RAISED = set(re.findall(r"\b[A-Z]\w*[a-z][A-Z]\w*\b", EVENTS.partition("\nNot raised: ")[2]))


def test_every_type_of_the_white_paper_is_raised_or_it_is_said_why_not() -> None:
    assert set(SECTION_8) <= RAISED | NOT_RAISED
    assert sorted(RAISED & NOT_RAISED) == []


def test_what_is_said_to_be_raised_is_a_type_in_the_code_and_what_is_not_is_none() -> None:
    modules = [*(ROOT / "projections").glob("*.py"), *(ROOT / "station" / "runtime").glob("*.py")]
    code = "".join(module.read_text(encoding="utf-8") for module in modules)
    assert [name for name in sorted(RAISED) if f'"{name}"' not in code] == []
    assert [name for name in sorted(NOT_RAISED) if f'"{name}"' in code] == []
