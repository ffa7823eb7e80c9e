"""What the files and the settings of a station say at a boot, and what of it is to be put on record because it is new."""

import logging

from eventstore.catalogue.configuration import AuthorizationKeysFound
from eventstore.event import Observation
from projections.credentials import keys_found
from projections.security_profile import BASIC
from projections.station import StationState
from station.daemon.limits import describe_limits
from station.daemon.temperatures import describe_temperatures
from station.runtime.keyring import look
from station.runtime.maker_roots import MakerRoots
from station.runtime.own_identity import OwnIdentity
from station.runtime.secrets import Secrets
from station.runtime.trust import Trust
from station.settings.loading import Settings, key_file_doubts, require_private_key

LOGGER = logging.getLogger(__name__)


def keys_to_record(
    settings: Settings, secrets: Secrets, state: StationState, *, salvaged: bool
) -> AuthorizationKeysFound | None:
    """What is to be put on record about the AuthorizationKeys, if anything is new: also where no profile uses them, but one may.

    Raises SettingsError if Basic authentication needs a key that the settings do not give, and none was ever set by the CSMS. A
    station that had one and lost it goes on: a restart would not bring it back, and drivers are served offline.
    """
    credentials, profile = state.credentials, settings.csms.security_profile
    unnamed = tuple(name for name in secrets.stored() if name not in credentials.stored) if salvaged else ()
    is_basic = state.security_profile.in_force_under(profile, fixed=settings.csms.security_profile_fixed) in BASIC
    if not is_basic and not unnamed and not credentials.stored and settings.csms.authorization_key_file is None:
        return None
    keys = look(settings, secrets, credentials, unnamed=unnamed)
    if profile in BASIC and not credentials.stored and not salvaged:
        require_private_key(settings)
    if is_basic and not keys.usable:
        LOGGER.error("%s; the station works offline", keys.reason())
    for doubt in (*keys.lost(), *((keys.problem,) if keys.problem else ()), *key_file_doubts(settings)):
        LOGGER.error("AuthorizationKey: %s", doubt)
    return keys.found if keys_found(credentials, keys.found) != credentials else None


def news(
    settings: Settings, state: StationState, connectors: int, keys: AuthorizationKeysFound | None, *, salvaged: bool
) -> tuple[Observation, ...]:
    """What the files and the settings say that is not on record yet, for a station with so many connectors; `keys` as found."""
    trust = Trust(settings)
    limits = describe_limits(settings)
    temperatures = describe_temperatures(settings, connectors)
    found = (
        keys,
        trust.look(state.certificates, salvaged=salvaged, takes=True),
        MakerRoots(settings.security.manufacturer_root_file, trust.files).look(state.certificates),
        OwnIdentity(settings).look(state.own_certificates, salvaged=salvaged, takes=True),
        limits if limits != state.outside_limits.rules else None,
        temperatures if temperatures != state.temperatures.described else None,
    )
    return tuple(each for each in found if each is not None)
