"""The features of the station. `ALL` is the only list: a feature is one slice and one line here; order is meaning.

Observers are asked in this order, and rules in each round of the kernel's fixed point: what ends a transaction comes
before what starts one, and statuses are derived and reported after both.
"""

from collections.abc import Iterable, Sequence

from projections.security import EXTENSION
from station.core.feature import Feature, Registry
from station.features import (
    asking_again,
    authorization,
    availability,
    cardless,
    certificates,
    commissioning,
    configuration,
    data_transfer,
    derating,
    letting_go,
    link,
    local_auth_list,
    maintenance,
    meter_doubt,
    metering,
    outside_limits,
    registration,
    remote_control,
    remote_trigger,
    reservation,
    salvage,
    security,
    status,
    transactions,
    waking,
)
from station.features.maintenance import reset, signed_firmware
from station.features.smart_charging import decide as smart_charging
from station.features.smart_charging import offering

ALL: tuple[Feature, ...] = (
    registration.FEATURE,
    link.FEATURE,
    authorization.FEATURE,
    asking_again.FEATURE,
    cardless.FEATURE,
    salvage.FEATURE,
    meter_doubt.FEATURE,
    transactions.FEATURE,
    reservation.FEATURE,
    outside_limits.FEATURE,
    derating.FEATURE,
    offering.FEATURE,
    letting_go.FEATURE,
    waking.FEATURE,
    metering.FEATURE,
    remote_control.FEATURE,
    reset.FEATURE,
    availability.FEATURE,
    status.FEATURE,
    local_auth_list.FEATURE,
    smart_charging.FEATURE,
    maintenance.FEATURE,
    signed_firmware.FEATURE,
    remote_trigger.FEATURE,
    security.FEATURE,
    certificates.FEATURE,
    commissioning.FEATURE,
)


def registry_for(profiles_off: Iterable[str] = (), vendors: Sequence[data_transfer.Vendor] = ()) -> Registry:
    """The registry of a station: all features but those of the profiles that the settings switch off.

    `vendors` are the makers' DataTransfer handlers. Raises ValueError if two features claim the same thing.
    """
    off = frozenset(profiles_off)
    features = (*ALL, data_transfer.feature(vendors))
    present = [feature for feature in features if feature.ocpp_profile not in off]
    keys = tuple({key.name: key for feature in present for key in feature.config_keys}.values())
    profiles = tuple(dict.fromkeys(each.ocpp_profile for each in present if each.ocpp_profile != EXTENSION))
    return Registry((*features, configuration.feature(keys, profiles)), off)
