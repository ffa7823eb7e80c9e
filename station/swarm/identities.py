"""Who the stations of a swarm are: names made of a pattern, or the rows of a CSV file with what each proves its identity by."""

import csv
import os
from collections import Counter
from pathlib import Path

from eventstore.value import Value
from station.settings.kinds import check_identity
from station.settings.sections import IDENTITY_LENGTH_MAX
from station.settings.writing import toml
from station.swarm.scenario import SwarmScenario

PATTERN = "CB-{number:05}"
COLUMNS = ("identity", "authorization_key_file", "client_certificate_file", "client_key_file")
CSV_BYTES_MAX = 256 << 20


class IdentityError(Exception):
    """The identities cannot be used; the text says which and why."""


class SecurityTerms(Value, frozen=True, kw_only=True):
    """How all of them go to the CSMS: the security profile, the CSMS's roots, and the file of a key that all have in common."""

    profile: int = 0
    ca_file: str = ""
    authorization_key_file: str = ""


NO_SECURITY = SecurityTerms()


class Identity(Value, frozen=True, kw_only=True):
    """One station: its name, and the files that it alone has."""

    name: str
    security: SecurityTerms = NO_SECURITY
    authorization_key_file: str = ""
    client_certificate_file: str = ""
    client_key_file: str = ""

    def settings(self, url: str, directory: Path, scenario: SwarmScenario) -> str:
        """The settings file of the station: TOML."""
        csms: dict[str, object] = {
            "url": url,
            "security_profile": self.security.profile,
            "ca_file": self.security.ca_file,
            "authorization_key_file": self.authorization_key_file or self.security.authorization_key_file,
            "client_certificate_file": self.client_certificate_file,
            "client_key_file": self.client_key_file,
            "call_timeout_s": min(3600, round(30 * scenario.speed)),
            "reconnect_min_s": scenario.reconnect_min_s,
            "reconnect_max_s": scenario.reconnect_max_s,
        }
        return toml(
            {
                "station": {
                    "identity": self.name,
                    "connectors": scenario.connectors,
                    "vendor": "Chargebox",
                    "model": "Swarm",
                },
                "csms": {key: value for key, value in csms.items() if value != ""},
                "storage": {"directory": str(directory)},
                "service": {"listen": ""},
                "board": {"kind": "bench", "phases": 3, "max_current_a": 32},
                "config": scenario.config_texts,
            }
        )


def identities(source: str, count: int, security: SecurityTerms = NO_SECURITY) -> tuple[Identity, ...]:
    """`count` stations of a pattern, or the first `count` of a CSV file. Raises IdentityError."""
    found = _of_file(Path(source), count, security) if source.endswith(".csv") else _of_pattern(source, count, security)
    for each in found:
        try:
            check_identity(each.name)
        except ValueError as error:
            raise IdentityError(f"{each.name!r} is no identity: {error}") from error
        if not 1 <= len(each.name) <= IDENTITY_LENGTH_MAX:
            raise IdentityError(f"{each.name!r} has not 1 to {IDENTITY_LENGTH_MAX} characters")
    twice = [name for name, times in Counter(each.name for each in found).items() if times > 1]
    if twice:
        raise IdentityError(f"{source}: {twice[0]!r} occurs more than once")
    return found


def _of_pattern(pattern: str, count: int, security: SecurityTerms) -> tuple[Identity, ...]:
    try:
        return tuple(Identity(name=pattern.format(number=number), security=security) for number in range(1, count + 1))
    except (KeyError, IndexError, ValueError) as error:
        raise IdentityError(f"{pattern!r} makes no identities of {{number}}: {error!r}") from error


def _of_file(file: Path, count: int, security: SecurityTerms) -> tuple[Identity, ...]:
    try:
        if file.stat().st_size > CSV_BYTES_MAX:
            raise IdentityError(f"{file}: is larger than {CSV_BYTES_MAX} bytes")
        with file.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            unknown = sorted(set(rows.fieldnames or ()) - set(COLUMNS))
            if "identity" not in (rows.fieldnames or ()) or unknown:
                raise IdentityError(
                    f"{file}: its columns must be among {', '.join(COLUMNS)}, with identity; not {unknown}"
                )
            found = [_row(file, rows.line_num, row, security) for row, _ in zip(rows, range(count), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise IdentityError(f"{file}: cannot be read: {error}") from error
    if len(found) < count:
        raise IdentityError(f"{file}: has {len(found)} stations, not {count}")
    return tuple(found)


def _row(file: Path, line: int, row: dict[str | None, str | None], security: SecurityTerms) -> Identity:
    if not row.get("identity"):
        raise IdentityError(f"{file}:{line}: identity: is required")
    named = {name: row.get(name) or "" for name in COLUMNS[1:]}
    for name, value in named.items():
        if value and not os.access(file.parent / value, os.R_OK):
            raise IdentityError(f"{file}:{line}: {name}: {value} cannot be read")
    files = {name: str((file.parent / value).absolute()) if value else "" for name, value in named.items()}
    return Identity(name=row["identity"] or "", security=security, **files)
