"""The functionalities of the laboratory's summary: what the cases are grouped by."""

from eventstore.value import Value


class Functionality(Value, frozen=True, kw_only=True):
    """A line of the summary, and the feature profile that it belongs to ("Security" for the extension)."""

    name: str
    ocpp_profile: str


def _core(name: str) -> Functionality:
    return Functionality(name=name, ocpp_profile="Core")


COLD_BOOT = _core("Cold boot")
START = _core("Start session")
STOP = _core("Stop session")
CACHE = _core("Authorization cache")
REMOTE = _core("Remote actions")
RESET = _core("Reset")
UNLOCK = _core("Unlock")
CONFIGURATION = _core("Configuration")
METER_VALUES = _core("Meter values")
START_REFUSED = _core("Start session, non-happy flow")
REMOTE_REFUSED = _core("Remote actions, non-happy flow")
UNLOCK_REFUSED = _core("Unlock, non-happy flow")
POWER_FAILURE = _core("Power failure")
OFFLINE = _core("Offline behaviour")
KEYS_REFUSED = _core("Configuration keys, non-happy flow")
DATA_TRANSFER = _core("Data transfer")
LOCAL_LIST = Functionality(name="Local authorization list", ocpp_profile="LocalAuthListManagement")
FIRMWARE = Functionality(name="Firmware", ocpp_profile="FirmwareManagement")
DIAGNOSTICS = Functionality(name="Diagnostics", ocpp_profile="FirmwareManagement")
RESERVATION = Functionality(name="Reservation", ocpp_profile="Reservation")
REMOTE_TRIGGER = Functionality(name="Remote trigger", ocpp_profile="RemoteTrigger")
SMART_CHARGING = Functionality(name="Smart charging", ocpp_profile="SmartCharging")
SECURITY = Functionality(name="Security profiles", ocpp_profile="Security")
CERTIFICATES = Functionality(name="Certificates", ocpp_profile="Security")
SECURITY_LOG = Functionality(name="Security log", ocpp_profile="Security")
SIGNED_FIRMWARE = Functionality(name="Secure firmware update", ocpp_profile="Security")

FUNCTIONALITIES = (
    COLD_BOOT,
    START,
    STOP,
    CACHE,
    REMOTE,
    RESET,
    UNLOCK,
    CONFIGURATION,
    METER_VALUES,
    START_REFUSED,
    REMOTE_REFUSED,
    UNLOCK_REFUSED,
    POWER_FAILURE,
    OFFLINE,
    KEYS_REFUSED,
    DATA_TRANSFER,
    LOCAL_LIST,
    FIRMWARE,
    DIAGNOSTICS,
    RESERVATION,
    REMOTE_TRIGGER,
    SMART_CHARGING,
    SECURITY,
    CERTIFICATES,
    SECURITY_LOG,
    SIGNED_FIRMWARE,
)
"""In the order of the laboratory's list."""
