"""Configuration: GetConfiguration (5.8), ChangeConfiguration (5.3), and the keys that belong to no other slice.

Both answers follow from the declarations of the keys alone: an unknown key is NotSupported, a read-only one or a value
that does not fit is Rejected, a key that needs a reboot says so, all else is Accepted and acts at once. Key names
compare case-insensitively (CiString) and are reported as the standard spells them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from eventstore.catalogue.configuration import ConfigurationChanged
from eventstore.catalogue.link import LinkCloseDecided
from projections.credentials import FINGERPRINT
from projections.security_profile import BASIC
from projections.station import StationState
from station.core.config_keys import Access, ConfigKey, Csl, Integer, KeyChange
from station.core.feature import Answer, Feature, Refusal, Reply
from station.wire.enums import ConfigurationStatus
from station.wire.frames import ErrorCode
from station.wire.messages.core import (
    ChangeConfiguration,
    ChangeConfigurationResponse,
    GetConfiguration,
    GetConfigurationResponse,
)
from station.wire.messages.types import KeyValue

ROTATIONS = ("NotApplicable", "Unknown", "RST", "RTS", "SRT", "STR", "TRS", "TSR")
KEY_NAME = "AuthorizationKey"


class SecretFingerprint:
    """A secret as the log knows it: by its fingerprint; anything else is a value that cannot be used."""

    name = "hexadecimal"

    def parse(self, text: str) -> str:
        """Raises ValueError unless it is a fingerprint."""
        if text and not text.startswith(FINGERPRINT):
            raise ValueError("not 16 to 20 bytes as hexadecimal digits")
        return text

    def canonical(self, value: str) -> str:
        """Nothing: it is never readable."""
        return ""


def _is_rotation(item: str) -> bool:
    number, _, rotation = item.partition(".")
    return number.isascii() and number.isdigit() and rotation in ROTATIONS


def _rotations(state: StationState) -> tuple[str, ...]:
    """What the wiring says; a single phase does not rotate, and how three do is not guessed (9.1.7)."""
    said = {item.partition(".")[0]: item for item in state.described.phase_rotations}
    rotation = "NotApplicable" if state.described.phases == 1 else "Unknown"
    numbers = (str(number) for number in range(state.described.connectors + 1))
    return tuple(said.get(number, f"{number}.{rotation}") for number in numbers)


def _number(
    name: str, clause: str, doc: str, default: Any, *, required: bool = False, can_be_lowered: bool = False
) -> ConfigKey[int]:
    """A limit, or what the station is: that no factory value changes."""
    return ConfigKey(
        name=name,
        kind=Integer(minimum=1, maximum=default if can_be_lowered else 65_535),
        access=Access.READ_ONLY,
        default=default,
        required=required,
        clause=clause,
        doc=doc,
        settable_in_factory=can_be_lowered,
    )


GET_CONFIGURATION_MAX_KEYS = _number(
    "GetConfigurationMaxKeys",
    "9.1.9",
    "How many keys one GetConfiguration may ask for.",
    100,
    required=True,
    can_be_lowered=True,
)
CONNECTOR_PHASE_ROTATION = ConfigKey(
    name="ConnectorPhaseRotation",
    kind=Csl(allowed=_is_rotation, items_max=65),
    access=Access.READ_WRITE,
    default=_rotations,
    required=True,
    clause="9.1.7",
    doc="Phase rotation per connector with respect to its meter, e.g. 0.RST,1.RTS.",
)
BLINK_REPEAT = ConfigKey(
    name="BlinkRepeat",
    kind=Integer(maximum=100),
    access=Access.READ_WRITE,
    default=3,
    unit="times",
    clause="9.1.4",
    doc="How often the light blinks when it signals.",
)
LIGHT_INTENSITY = ConfigKey(
    name="LightIntensity",
    kind=Integer(maximum=100),
    access=Access.READ_WRITE,
    default=100,
    unit="%",
    clause="9.1.11",
    doc="Brightness of the light.",
)


def _change_secret(state: StationState, fingerprint: str, at_ms: int) -> KeyChange:
    """In effect on the reconnection that follows the answer, where Basic authentication is used (OCPP-J 6.2.2)."""
    if not fingerprint:
        return ConfigurationStatus.REJECTED, ()
    changed = ConfigurationChanged(key=KEY_NAME, value=fingerprint)
    if state.security_profile.in_force not in BASIC:
        return ConfigurationStatus.ACCEPTED, (changed,)
    closed = LinkCloseDecided(connection=state.link.connection, reason="a new AuthorizationKey")
    return ConfigurationStatus.ACCEPTED, (changed, closed)


AUTHORIZATION_KEY: ConfigKey[str] = ConfigKey(
    name=KEY_NAME,
    kind=SecretFingerprint(),
    access=Access.WRITE_ONLY,
    default="",
    clause="OCPP-J errata 3.10",
    doc="Password for Basic authentication, hexadecimal; in effect on the reconnection that follows the answer.",
    settable_in_factory=False,
    change=_change_secret,
)


def feature(others: Sequence[ConfigKey[Any]], profiles: Sequence[str]) -> Feature:
    """The slice, knowing the keys of all other features and the feature profiles that are on."""
    own: tuple[ConfigKey[Any], ...] = (
        GET_CONFIGURATION_MAX_KEYS,
        CONNECTOR_PHASE_ROTATION,
        _number("ConnectorPhaseRotationMaxLength", "9.1.8", "How many items ConnectorPhaseRotation may hold.", 65),
        _number(
            "NumberOfConnectors",
            "9.1.21",
            "The connectors of the station.",
            lambda state: state.described.connectors,
            required=True,
        ),
        ConfigKey(
            name="SupportedFeatureProfiles",
            kind=Csl(allowed=lambda item: True, items_max=16),
            access=Access.READ_ONLY,
            default=tuple(profiles),
            required=True,
            clause="9.1.29",
            doc="The feature profiles that are on.",
            settable_in_factory=False,
        ),
        _number("SupportedFeatureProfilesMaxLength", "9.1.30", "How many items SupportedFeatureProfiles may hold.", 6),
        BLINK_REPEAT,
        LIGHT_INTENSITY,
        AUTHORIZATION_KEY,
    )
    keys = {key.name.casefold(): key for key in sorted((*own, *others), key=lambda key: key.name)}

    def get(state: StationState, request: GetConfiguration, at_ms: int) -> Reply:
        return _get(keys, state, request)

    def change(state: StationState, request: ChangeConfiguration, at_ms: int) -> Reply:
        return _change(keys, state, request, at_ms)

    return Feature(
        name="configuration",
        ocpp_profile="Core",
        answers=(
            Answer(action="GetConfiguration", decide=get),
            Answer(action="ChangeConfiguration", decide=change),
        ),
        config_keys=own,
    )


def _get(keys: Mapping[str, ConfigKey[Any]], state: StationState, request: GetConfiguration) -> Reply:
    asked = request.key or ()
    limit = GET_CONFIGURATION_MAX_KEYS.of(state)
    if len(asked) > limit:
        description = f"key: {len(asked)} keys, at most {limit} (GetConfigurationMaxKeys)"
        return Reply(Refusal(error_code=ErrorCode.OCCURRENCE_CONSTRAINT_VIOLATION, description=description))
    if not asked:
        found = [key for key in keys.values() if key.is_present(state)]
        return Reply(GetConfigurationResponse(configuration_key=tuple(_value(state, key) for key in found)))
    found, unknown = [], []
    for name in dict.fromkeys(asked):
        key = keys.get(name.casefold())
        if key is not None and key.is_present(state):
            found.append(key)
        else:
            unknown.append(name)
    return Reply(
        GetConfigurationResponse(
            configuration_key=tuple(_value(state, key) for key in found), unknown_key=tuple(unknown)
        )
    )


def _value(state: StationState, key: ConfigKey[Any]) -> KeyValue:
    """A write-only key shows that it exists and nothing else (OCPP-J 6.2.2)."""
    access = key.access_in(state)
    if access is Access.WRITE_ONLY:
        return KeyValue(key=key.name, readonly=False, value=None)
    return KeyValue(key=key.name, readonly=access is Access.READ_ONLY, value=key.text_of(state)[:500])


def _change(keys: Mapping[str, ConfigKey[Any]], state: StationState, request: ChangeConfiguration, at_ms: int) -> Reply:
    key = keys.get(request.key.casefold())
    if key is None or not key.is_present(state):
        return Reply(ChangeConfigurationResponse(status=ConfigurationStatus.NOT_SUPPORTED))
    rejected = Reply(ChangeConfigurationResponse(status=ConfigurationStatus.REJECTED))
    if key.access_in(state) is Access.READ_ONLY:
        return _set_as_it_is(state, key, request.value)
    try:
        value = key.kind.parse(request.value)
    except ValueError:
        return rejected
    if key.change is not None:
        status, events = key.change(state, value, at_ms)
        return Reply(ChangeConfigurationResponse(status=status), events)
    status = ConfigurationStatus.REBOOT_REQUIRED if key.reboot_required else ConfigurationStatus.ACCEPTED
    text = key.kind.canonical(value)
    events = () if text == state.configuration.overrides.get(key.name) else (_changed(key, text),)
    return Reply(ChangeConfigurationResponse(status=status), events)


def _set_as_it_is(state: StationState, key: ConfigKey[Any], text: str) -> Reply:
    """A read-only key is Rejected, but for one that other stations may write and that has this very value already:
    UnlockConnectorOnEVSideDisconnect is false with a fixed cable, and asking for that asks for nothing (errata 3.83)."""
    same = key.access is not Access.READ_ONLY and text.strip().casefold() == key.text_of(state).casefold()
    status = ConfigurationStatus.ACCEPTED if same else ConfigurationStatus.REJECTED
    return Reply(ChangeConfigurationResponse(status=status))


def _changed(key: ConfigKey[Any], text: str) -> ConfigurationChanged:
    return ConfigurationChanged(key=key.name, value=text)
