"""The tables of the settings file and their keys, each declared once: its kind, its meaning, its default."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from devices.kinds import Flag, FreeTable, Number, OneOf, Several, TableKey, Text, Whole
from eventstore.value import Value
from station.settings.board_kinds import BENCH, KINDS
from station.settings.kinds import (
    CONNECTORS_MAX,
    FilePath,
    OneOrEach,
    check_id_tag,
    check_identity,
    check_installer,
    check_listen,
    check_origin,
    check_url,
    split_listen,
)
from station.settings.limit_sections import LimitSettings
from station.settings.mqtt_section import MqttSettings
from station.settings.temperature_sections import TemperatureSettings

IDENTITY_LENGTH_MAX = 48
SERIAL_LENGTH_MAX = 25  # chargePointSerialNumber, 6.3: CiString25


class StationSettings(Value, frozen=True, kw_only=True):
    """What the station says of itself (BootNotification, 6.3)."""

    identity: Annotated[
        str,
        TableKey(
            Text(shortest=1, longest=IDENTITY_LENGTH_MAX, check=check_identity),
            "chargeBoxIdentity: the last segment of the connection URL, percent-encoded (OCPP-J 3.1.1)",
        ),
    ]
    vendor: Annotated[str, TableKey(Text(shortest=1, longest=20), "chargePointVendor")] = "Chargebox"
    model: Annotated[str, TableKey(Text(shortest=1, longest=20), "chargePointModel; firmware images name it")] = "Bench"
    serial: Annotated[
        str,
        TableKey(
            Text(longest=SERIAL_LENGTH_MAX),
            f"chargePointSerialNumber; empty: the identity (its first {SERIAL_LENGTH_MAX} characters)",
        ),
    ] = ""
    connectors: Annotated[
        int, TableKey(Whole(minimum=1, maximum=CONNECTORS_MAX), "how many connectors, numbered from 1")
    ] = 1


class CsmsSettings(Value, frozen=True, kw_only=True):
    """How the CSMS is reached, and how both prove who they are (security white paper, 2)."""

    url: Annotated[
        str,
        TableKey(
            Text(shortest=1, check=check_url),
            "OCPP-J endpoint, ws:// or wss://; the identity is appended to its path, before a query, which is shown nowhere",
        ),
    ]
    security_profile: Annotated[
        int,
        TableKey(
            Whole(minimum=0, maximum=3),
            "0 none, 1 Basic, 2 TLS and Basic, 3 TLS with a client certificate; 2 and 3 need wss://. The CSMS may raise it, and what "
            "a connection has proven so outlives a change here",
        ),
    ] = 0
    security_profile_fixed: Annotated[
        bool,
        TableKey(
            Flag(),
            "true: security_profile is used as it stands here, whatever the CSMS has raised it to, and the CSMS cannot change it: the "
            "only way to a lower one",
        ),
    ] = False
    authorization_key_file: Annotated[
        Path | None,
        TableKey(
            FilePath(may_be_empty=True),
            "file (mode 0600) with the Basic password's bytes, one trailing newline ignored, or `hex:` and hexadecimal; "
            "16 to 20 bytes; one that others may read is refused. A key set by the CSMS is kept in storage and goes before it, until "
            "this one changes; profiles 1 and 2 need the one or the other",
        ),
    ] = None
    authorization_key_any_length: Annotated[
        bool,
        TableKey(Flag(), "true: a key, of the file or set by the CSMS, may be shorter or longer than 16 to 20 bytes"),
    ] = False
    ca_file: Annotated[
        Path | None, TableKey(FilePath(may_be_empty=True), "trust anchors for wss:// (PEM); empty: those of the system")
    ] = None
    client_certificate_file: Annotated[
        Path | None, TableKey(FilePath(may_be_empty=True), "the station's certificate chain (PEM), for profile 3")
    ] = None
    client_key_file: Annotated[
        Path | None, TableKey(FilePath(may_be_empty=True), "its private key (PEM, mode 0600)")
    ] = None
    call_timeout_s: Annotated[
        int,
        TableKey(Whole(minimum=1, maximum=3600), "how long an answer is awaited: the factory value of MessageTimeout"),
    ] = 30
    reconnect_min_s: Annotated[
        float, TableKey(Number(minimum=0.01, maximum=3600, unit="seconds"), "the first wait before connecting again")
    ] = 1
    reconnect_max_s: Annotated[
        float,
        TableKey(
            Number(minimum=0.01, maximum=86400, unit="seconds"),
            "the longest wait between two attempts; a CSMS may ask for more (Retry-After), an hour at most",
        ),
    ] = 300


class StorageSettings(Value, frozen=True, kw_only=True):
    """Where everything is kept."""

    directory: Annotated[
        Path, TableKey(FilePath(may_be_empty=False), "everything that the station keeps: log, archives, secrets")
    ] = Path("/var/lib/chargebox")
    segment_bytes: Annotated[
        int,
        TableKey(
            Whole(minimum=65_536, maximum=1 << 40),
            "when the log's file has this size it is closed and compressed, and a new one begun",
        ),
    ] = 33_554_432
    keep_days: Annotated[
        int,
        TableKey(
            Whole(minimum=0, maximum=36_500),
            "an archive whose last event is older is dropped, whatever it holds; 0: age is no reason",
        ),
    ] = 0
    keep_bytes: Annotated[
        int,
        TableKey(
            Whole(minimum=0, maximum=1 << 50),
            "while all archives together take more, the chatter in them is dropped, and then the oldest; 0: half of the file system",
        ),
    ] = 2_147_483_648
    signing_key_file: Annotated[
        Path | None,
        TableKey(
            FilePath(may_be_empty=True),
            "Ed25519 private key (PEM, mode 0600, no passphrase): the head of the log is signed with it daily and at each "
            "closed segment; empty: nothing is signed",
        ),
    ] = None


class ServiceSettings(Value, frozen=True, kw_only=True):
    """The HTTP service on the station itself."""

    listen: Annotated[
        str,
        TableKey(
            Text(longest=255, check=check_listen),
            "host:port; empty switches it off; anything but loopback needs token_file",
        ),
    ] = "127.0.0.1:8887"
    token_file: Annotated[
        Path | None, TableKey(FilePath(may_be_empty=True), "file with the token that every request must bear")
    ] = None
    read_token_file: Annotated[
        Path | None,
        TableKey(FilePath(may_be_empty=True), "file with a second token, beside token_file, that may only read"),
    ] = None
    allow_origins: Annotated[
        tuple[str, ...],
        TableKey(
            Several(kind=Text(shortest=1, longest=255, check=check_origin), longest=16),
            "origins of web pages that may use the service from a browser",
        ),
    ] = ()

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port to listen on; None if the service is off."""
        return split_listen(self.listen) if self.listen else None


class BoardSettings(Value, frozen=True, kw_only=True):
    """The copper: what the connectors hang on."""

    kind: Annotated[
        str, TableKey(OneOf(words=tuple(kind.name for kind in KINDS)), ", or ".join(kind.doc for kind in KINDS))
    ] = BENCH.name
    fixed_cable: Annotated[bool, TableKey(Flag(), "true: the cable is part of the station; no socket, no lock")] = False
    backup_power_s: Annotated[
        float,
        TableKey(Number(minimum=0, maximum=86400, unit="seconds"), "how long the station lives once mains is gone"),
    ] = 0
    phases: Annotated[int, TableKey(Whole(minimum=1, maximum=3, only=(1, 3)), "phases of the supply")] = 3
    voltage_v: Annotated[int, TableKey(Whole(minimum=100, maximum=480), "nominal voltage from phase to neutral")] = 230
    max_current_a: Annotated[
        int, TableKey(Whole(minimum=6, maximum=80), "what one connector and its wiring bear, per phase")
    ] = 32
    supply_current_a: Annotated[
        int,
        TableKey(
            Whole(minimum=0, maximum=10_000),
            "what the supply bears per phase for all connectors together, which then share it; 0: the sum of theirs",
        ),
    ] = 0
    wiring: Annotated[
        Mapping[str, Any], TableKey(FreeTable(), "`[board.wiring]`: what a board that is not simulated consists of")
    ] = MappingProxyType({})


class FeatureSettings(Value, frozen=True, kw_only=True):
    """OCPP feature profiles; one that is switched off behaves as not supported."""

    local_auth_list: Annotated[bool, TableKey(Flag(), "Local Auth List Management")] = True
    reservation: Annotated[bool, TableKey(Flag(), "Reservation")] = True
    smart_charging: Annotated[bool, TableKey(Flag(), "Smart Charging")] = True
    firmware_management: Annotated[bool, TableKey(Flag(), "Firmware Management")] = True
    remote_trigger: Annotated[bool, TableKey(Flag(), "Remote Trigger")] = True
    security: Annotated[bool, TableKey(Flag(), "the security extension (white paper, edition 3)")] = True


class SmartChargingSettings(Value, frozen=True, kw_only=True):
    """Choices that the standard leaves to the station (3.13.1)."""

    tx_default_after_tx_profile: Annotated[
        bool,
        TableKey(Flag(), "true: TxDefaultProfile comes back when the schedule of a transaction's TxProfile has ended"),
    ] = False


class FirmwareSettings(Value, frozen=True, kw_only=True):
    """How a downloaded image is installed."""

    installer: Annotated[
        str,
        TableKey(
            Text(shortest=1, check=check_installer),
            '"bench", or a command in which {file} stands for the image; its exit status 0 means installed',
        ),
    ] = "bench"
    max_bytes: Annotated[int, TableKey(Whole(minimum=1, maximum=1 << 40), "a larger image is not downloaded")] = (
        268435456
    )


class DiagnosticsSettings(Value, frozen=True, kw_only=True):
    """What a diagnostics file may contain (GetDiagnostics, 5.9)."""

    redact_id_tags: Annotated[
        bool, TableKey(Flag(), "true: diagnostics files name id tags by numbers of their own")
    ] = False


class TransferSettings(Value, frozen=True, kw_only=True):
    """Where firmware may come from, and where diagnostics may go to (8)."""

    allow_loopback: Annotated[
        bool,
        TableKey(
            Flag(),
            "true: also from and to the station itself and link-local addresses; where it is absent, a bench board may, real pins not",
        ),
    ] = False


class SecuritySettings(Value, frozen=True, kw_only=True):
    """The security extension (white paper, edition 3); `[features] security = false` switches all of it off."""

    # A CSMS that has asked for no security profile mostly knows nothing of the extension.
    send_events: Annotated[
        str,
        TableKey(
            OneOf(words=("by profile", "always", "never")),
            "whether security events are sent to the CSMS, and not only kept in the log: by profile, from security_profile 1 on",
        ),
    ] = "by profile"
    require_signed_firmware: Annotated[
        bool,
        TableKey(
            Flag(),
            "true: firmware must be signed; UpdateFirmware, which has no signature, is answered with NotSupported",
        ),
    ] = False
    manufacturer_root_file: Annotated[
        Path | None,
        TableKey(
            FilePath(may_be_empty=True),
            "root certificates (PEM) of whoever signs firmware, installed by the maker; empty: none",
        ),
    ] = None
    firmware_revocation_file: Annotated[
        Path | None,
        TableKey(
            FilePath(may_be_empty=True),
            "revocation lists (PEM or DER) of those roots for signing certificates; empty: none",
        ),
    ] = None
    certificate_key: Annotated[
        str,
        TableKey(
            OneOf(words=("P-256", "RSA-2048", "RSA-3072")),
            "the key pairs that the station makes for its own certificate (SignCertificate)",
        ),
    ] = "P-256"


class AuthorizationSettings(Value, frozen=True, kw_only=True):
    """[Charging without a card](charging-without-a-card.md)."""

    free_id_tag: Annotated[
        str | tuple[str, ...],
        TableKey(
            OneOrEach(kind=Text(longest=20, check=check_id_tag)),
            "with a tag: a plug is its presentation, no card is needed; empty: a card is needed",
        ),
    ] = ""
    autocharge_prefix: Annotated[
        str,
        TableKey(
            Text(longest=8, check=check_id_tag),
            'as in `"VID:"`: where the hardware tells the id of a vehicle (EVCCID), the prefix and it are a tag, which the plug '
            "presents; the id can be forged; empty: off",
        ),
    ] = ""

    def free_id_tags(self, connectors: int) -> tuple[str, ...]:
        """The tag of each connector, or nothing if none has one."""
        tags = (self.free_id_tag,) * connectors if isinstance(self.free_id_tag, str) else self.free_id_tag
        return tags if any(tags) else ()


class LoggingSettings(Value, frozen=True, kw_only=True):
    """What the daemon writes to stderr, which is its journal under systemd."""

    level: Annotated[
        str,
        TableKey(
            OneOf(words=("debug", "info", "warning", "error")),
            "what is logged: the story of the station at info, only what went wrong at warning or error",
        ),
    ] = "info"
    format: Annotated[str, TableKey(OneOf(words=("text", "json")), "lines for people, or one JSON object a line")] = (
        "text"
    )
    # A tag's number is all that most readers of tags look at, and journals are read, copied and sent on by many.
    id_tags: Annotated[
        str,
        TableKey(
            OneOf(words=("short", "full")),
            "id tags there: the end of them, or whole; a whole one is enough to charge at its owner's cost",
        ),
    ] = "short"


class DaemonSettings(Value, frozen=True, kw_only=True):
    """The process."""

    on_reset: Annotated[
        str,
        TableKey(
            OneOf(words=("exec", "exit")),
            "what a Reset does: the process replaces itself, or ends with status 0 for its supervisor to restart",
        ),
    ] = "exec"
    power_loss_policy: Annotated[
        str,
        TableKey(
            OneOf(words=("stop", "resume")),
            "an interrupted transaction is closed at boot, or goes on if its cable is still plugged",
        ),
    ] = "stop"


SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "station": StationSettings,
        "csms": CsmsSettings,
        "storage": StorageSettings,
        "service": ServiceSettings,
        "board": BoardSettings,
        "features": FeatureSettings,
        "smart_charging": SmartChargingSettings,
        "limits": LimitSettings,
        "temperature": TemperatureSettings,
        "firmware": FirmwareSettings,
        "diagnostics": DiagnosticsSettings,
        "transfers": TransferSettings,
        "security": SecuritySettings,
        "authorization": AuthorizationSettings,
        "mqtt": MqttSettings,
        "logging": LoggingSettings,
        "daemon": DaemonSettings,
    }
)
