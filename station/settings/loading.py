"""The provisioning file of a station: TOML, read once at start, checked wholly before anything is opened.

Each key is declared once, in `station.settings.sections`, with its kind, default and meaning; the reader, the messages
and docs/settings.md follow from the declarations. A file with mistakes is refused with all of them, each with its line, table and key.
What depends on more than the file (a key kept in storage, the registry of configuration keys, the wiring of a board)
is judged by whoever knows it, with errors made by `Settings.error`.
"""

import ipaddress
import stat
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from devices.kinds import Problem, Problems, Text, read_table, similar
from eventstore.value import Value, replace
from station.settings.board_kinds import BoardKind, kind_named
from station.settings.by_connector import by_connector
from station.settings.kinds import read_config_value
from station.settings.limit_sections import LimitSettings, site_contradictions
from station.settings.lines import TomlPath, find_line, index_lines
from station.settings.mqtt_section import MqttSettings, mqtt_contradictions
from station.settings.sections import (
    SECTIONS,
    SERIAL_LENGTH_MAX,
    AuthorizationSettings,
    BoardSettings,
    CsmsSettings,
    DaemonSettings,
    DiagnosticsSettings,
    FeatureSettings,
    FirmwareSettings,
    LoggingSettings,
    SecuritySettings,
    ServiceSettings,
    SmartChargingSettings,
    StationSettings,
    StorageSettings,
    TransferSettings,
)
from station.settings.tables import own_keys, tables
from station.settings.temperature_sections import TemperatureSettings

__all__ = [
    "SECTIONS",
    "AuthorizationSettings",
    "BoardSettings",
    "CsmsSettings",
    "DaemonSettings",
    "DiagnosticsSettings",
    "FeatureSettings",
    "FirmwareSettings",
    "LimitSettings",
    "LoggingSettings",
    "MqttSettings",
    "SecuritySettings",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "SmartChargingSettings",
    "StationSettings",
    "StorageSettings",
    "TransferSettings",
    "authorization_key_of",
    "is_key_length",
    "key_file_doubts",
    "load_settings",
    "parse_settings",
    "read_authorization_key",
    "require_authorization_key",
    "require_private_key",
    "secret_file_findings",
]

FILE_BYTES_MAX = 1 << 20
KEY_FILE_BYTES_MAX = 4096
WITHHELD = "(withheld)"
KEY_BYTES = range(16, 21)
TLS_FROM = 2  # the first security profile that uses it
CONFIG_NAME_LENGTH_MAX = 50  # 7.29: CiString50


class SettingsError(Exception):
    """The settings cannot be used; the text names file, line, table and key of each problem, one to a line."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(Value, frozen=True, kw_only=True):
    """The whole file. `config` maps OCPP configuration keys, as the file spells them, to the text of their values."""

    station: StationSettings
    csms: CsmsSettings
    storage: StorageSettings = StorageSettings()
    service: ServiceSettings = ServiceSettings()
    board: BoardSettings = BoardSettings()
    features: FeatureSettings = FeatureSettings()
    smart_charging: SmartChargingSettings = SmartChargingSettings()
    limits: LimitSettings = LimitSettings()
    temperature: TemperatureSettings = TemperatureSettings()
    firmware: FirmwareSettings = FirmwareSettings()
    diagnostics: DiagnosticsSettings = DiagnosticsSettings()
    transfers: TransferSettings = TransferSettings()
    security: SecuritySettings = SecuritySettings()
    authorization: AuthorizationSettings = AuthorizationSettings()
    mqtt: MqttSettings = MqttSettings()
    logging: LoggingSettings = LoggingSettings()
    daemon: DaemonSettings = DaemonSettings()
    config: Mapping[str, str] = MappingProxyType({})
    source: str = "settings"
    lines: Mapping[TomlPath, int] = MappingProxyType({})
    loopback_stated: bool = False

    @property
    def board_kind(self) -> BoardKind:
        """What `board.kind` names."""
        return kind_named(self.board.kind)

    @property
    def may_loop_back(self) -> bool:
        """Whether files may come from and go to loopback: what the file says, else whether nothing here is real."""
        return self.transfers.allow_loopback if self.loopback_stated else self.board_kind.simulated

    @property
    def connection_url(self) -> str:
        """The URL that the station connects to with the security profile of the settings."""
        return self.connection_url_for(self.csms.security_profile)

    def connection_url_for(self, security_profile: int) -> str:
        """The URL that the station connects to: the endpoint, "/" and the percent-encoded identity (OCPP-J 3.1.1).

        The endpoint's query, where it has one, comes behind the identity. From security profile 2 on ws:// becomes wss://: the same
        host, path and port, and where the URL names no port that of wss, 443.
        """
        endpoint, mark, query = self.csms.url.partition("?")
        scheme, _, place = endpoint.partition(":")
        scheme = "wss" if security_profile >= TLS_FROM else scheme.lower()
        return f"{scheme}:{place.removesuffix('/')}/{quote(self.station.identity, safe='')}{mark}{query}"

    @property
    def shown_url(self) -> str:
        """`csms.url` for people and for the log: its query may hold a token, and is withheld."""
        return self.without_query(self.csms.url)

    @property
    def shown_connection_url(self) -> str:
        """`connection_url` for people, without the query."""
        return self.shown_connection_url_for(self.csms.security_profile)

    def shown_connection_url_for(self, security_profile: int) -> str:
        """`connection_url_for` for people, without the query."""
        return self.without_query(self.connection_url_for(security_profile))

    def without_query(self, text: str) -> str:
        """The text without the query of `csms.url`, wherever it stands in it."""
        query = self.csms.url.partition("?")[2]
        return text.replace(f"?{query}", f"?{WITHHELD}") if query else text

    def error(self, table: str, key: str, problem: str) -> SettingsError:
        """The error for a key that only the caller can judge, with its line where the file has it."""
        return SettingsError((_located(self.source, self.lines, (table, key), problem),))


def load_settings(path: Path | str) -> Settings:
    """The settings in a file. Raises SettingsError if it cannot be read, is not UTF-8 TOML, or says something wrong."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError((f"{path}: cannot be read: {error.strerror}",)) from error
    if len(content) > FILE_BYTES_MAX:
        raise SettingsError((f"{path}: is larger than {FILE_BYTES_MAX} bytes, which no settings file is",))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError((f"{path}:{line}: is not UTF-8 text",)) from error
    return parse_settings(text, str(path))


def parse_settings(text: str, source: str) -> Settings:
    """The settings in a TOML text; `source` is its name in messages.

    Raises SettingsError with every problem found, in the order of the file.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is no TOMLDecodeError
        raise SettingsError((f"{source}: is not valid TOML: {error}",)) from error
    lines = MappingProxyType(index_lines(text.replace("\r\n", "\n")))
    problems = list(_unknown_tables(document))
    tables = {name: _read_table(name, section, document.get(name, {}), problems) for name, section in SECTIONS.items()}
    config = _read_config(document.get("config", {}), problems)
    _raise_if_any(problems, source, lines)
    settings = Settings(
        **tables,
        config=MappingProxyType(config),
        source=source,
        lines=lines,
        loopback_stated="allow_loopback" in document.get("transfers", {}),
    )
    _raise_if_any(list(_contradictions(settings)), source, lines)
    station = settings.station
    serial = station.serial or station.identity[:SERIAL_LENGTH_MAX]
    return replace(settings, station=replace(station, serial=serial))


def _unknown_tables(document: Mapping[str, object]) -> Iterator[Problem]:
    known = (*SECTIONS, "config")
    for name, content in document.items():
        if name in known:
            continue
        if isinstance(content, dict):
            yield Problem(path=(name,), text=f"is no table of the settings{similar(name, known)}")
        else:
            yield Problem(path=(name,), text=f"stands outside of every table{_similar_key(name)}")


def _similar_key(name: str) -> str:
    owners = [table for table, section in tables() if name in own_keys(section)]
    return f"; it belongs into [{owners[0]}]" if len(owners) == 1 else ""


def _read_table(name: str, section: type[Value], content: object, problems: list[Problem]) -> Any:
    """One table; None if something does not fit, which is added to the problems."""
    try:
        return read_table(section, content)
    except Problems as error:
        problems += [problem.within((name,)) for problem in error.found]
        return None


def _read_config(content: object, problems: list[Problem]) -> dict[str, str]:
    if not isinstance(content, dict):
        problems.append(Problem(path=("config",), text="must be a table"))
        return {}
    config: dict[str, str] = {}
    for name, value in content.items():
        try:
            Text(shortest=1, longest=CONFIG_NAME_LENGTH_MAX).read(name)
            config[name] = read_config_value(value)
        except ValueError as error:
            problems.append(Problem(path=("config", name), text=str(error)))
    return config


def _contradictions(settings: Settings) -> Iterator[Problem]:
    """What no key is to blame for alone."""
    csms, service = settings.csms, settings.service
    if csms.security_profile >= TLS_FROM and not csms.url.startswith("wss:"):
        yield Problem(path=("csms", "url"), text=f"must begin with wss:// for security_profile {csms.security_profile}")
    if csms.security_profile in {1, 2} and ":" in settings.station.identity:
        yield Problem(
            path=("station", "identity"), text="must not hold a colon: it is the user name of HTTP Basic (RFC 7617)"
        )
    certificate, key = csms.client_certificate_file, csms.client_key_file
    if (certificate is None) != (key is None):
        missing, given = ("client_key_file", "client_certificate_file")[:: 1 if key is None else -1]
        yield Problem(path=("csms", missing), text=f"is required beside {given}")
    elif csms.security_profile == 3 and certificate is None and not _has_certificate(settings):
        yield Problem(
            path=("csms", "client_certificate_file"),
            text="is required for security_profile 3, and client_key_file with it",
        )
    if settings.security.require_signed_firmware and not settings.features.security:
        yield Problem(path=("features", "security"), text="must be true where [security] require_signed_firmware is")
    yield from by_connector(settings.station.connectors, settings.authorization, settings.temperature)
    if csms.reconnect_min_s > csms.reconnect_max_s:
        yield Problem(
            path=("csms", "reconnect_min_s"), text=f"must not exceed reconnect_max_s ({csms.reconnect_max_s:g})"
        )
    yield from mqtt_contradictions(settings.mqtt)
    yield from site_contradictions(settings.limits)
    if service.address is not None and not _is_loopback(service.address[0]) and service.token_file is None:
        yield Problem(
            path=("service", "token_file"), text=f'is required when listen is "{service.listen}", which is not loopback'
        )
    if service.read_token_file is not None and service.token_file is None:
        yield Problem(
            path=("service", "token_file"), text="is required beside read_token_file: without it everybody may act"
        )


def _has_certificate(settings: Settings) -> bool:
    """Whether the station has, or takes at its next start, a certificate of its own that the settings do not name."""
    try:
        return any(settings.storage.directory.glob("certificates/*station-*.pem"))
    except OSError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _raise_if_any(problems: list[Problem], source: str, lines: Mapping[TomlPath, int]) -> None:
    if problems:
        problems.sort(key=lambda problem: find_line(lines, problem.path) or 0)
        raise SettingsError(tuple(_located(source, lines, problem.path, problem.text) for problem in problems))


def _located(source: str, lines: Mapping[TomlPath, int], path: TomlPath, problem: str) -> str:
    line = find_line(lines, path)
    place = source if line is None else f"{source}:{line}"
    depth = 2 if ".".join(path[:2]) in {name for name, _ in tables()} else 1
    name = f"[{'.'.join(path[:depth])}]" if len(path) > depth or path[0] in SECTIONS else path[0]
    return f"{place}: {' '.join((name, *path[depth:]))}: {problem}"


def is_key_length(length: int, *, any_length: bool) -> bool:
    """Whether a Basic password may have so many bytes: 16 to 20 (white paper A00.FR.205), or any number if the settings say so."""
    return length in KEY_BYTES or (any_length and 1 <= length < KEY_FILE_BYTES_MAX)


def require_authorization_key(settings: Settings, *, kept_in_storage: bool) -> None:
    """Raises SettingsError if the security profile needs a Basic password and there is none anywhere."""
    csms = settings.csms
    if csms.security_profile in {1, 2} and csms.authorization_key_file is None and not kept_in_storage:
        raise settings.error(
            "csms", "authorization_key_file", f"is required for security_profile {csms.security_profile}"
        )


def require_private_key(settings: Settings) -> None:
    """Raises SettingsError unless the settings name a Basic password that can be used and that nobody else may read."""
    require_authorization_key(settings, kept_in_storage=False)
    authorization_key_of(settings)
    doubts = key_file_doubts(settings)
    if doubts:
        raise settings.error("csms", "authorization_key_file", "; ".join(doubts))


def key_file_doubts(settings: Settings) -> tuple[str, ...]:
    """What is wrong with the file of the Basic password, as `secret_file_findings`."""
    file = settings.csms.authorization_key_file
    return () if file is None else secret_file_findings(file)


def read_authorization_key(path: Path | str) -> bytes:
    """The Basic password in a file: its bytes without one trailing newline, or those that "hex:..." spells.

    Raises SettingsError if the file cannot be read, is empty, is too large, or "hex:" is not followed by hexadecimal.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(KEY_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError((f"{path}: [csms] authorization_key_file: cannot be read: {error.strerror}",)) from error
    content = content.removesuffix(b"\n")
    if content.startswith(b"hex:"):
        try:
            content = bytes.fromhex(content.removeprefix(b"hex:").decode("ascii"))
        except ValueError as error:
            raise SettingsError((f"{path}: [csms] authorization_key_file: is not hexadecimal after hex:",)) from error
    if not 1 <= len(content) < KEY_FILE_BYTES_MAX:
        raise SettingsError((f"{path}: [csms] authorization_key_file: must hold a key, not {len(content)} bytes",))
    return content


def authorization_key_of(settings: Settings) -> bytes | None:
    """The Basic password that the settings name; None if they name none.

    Raises SettingsError if it cannot be read, or does not have the length that a key must have.
    """
    file = settings.csms.authorization_key_file
    if file is None:
        return None
    key = read_authorization_key(file)
    if not is_key_length(len(key), any_length=settings.csms.authorization_key_any_length):
        problem = f"must hold a key of 16 to 20 bytes, not {len(key)} bytes (white paper A00.FR.205)"
        advice = "[csms] authorization_key_any_length = true takes any"
        raise SettingsError((f"{file}: [csms] authorization_key_file: {problem}; {advice}",))
    return key


def secret_file_findings(path: Path | str) -> tuple[str, ...]:
    """What is doubtful about a file that keeps a secret, a sentence each; nothing if it is private or absent."""
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:
        return ()
    if mode & 0o077:
        return (f"{path} has mode {mode:04o}; others may read it: chmod 0600 {path}",)
    return ()
