"""The Local Authorization List as the station uses it (3.5.2): only while its profile and LocalAuthListEnabled are on."""

from eventstore.catalogue.authorization import IdTagInfo
from projections.station import StationState
from station.core.config_keys import Access, Boolean, ConfigKey

PROFILE = "LocalAuthListManagement"

LOCAL_AUTH_LIST_ENABLED = ConfigKey(
    name="LocalAuthListEnabled",
    kind=Boolean(),
    access=Access.READ_WRITE,
    default=True,
    required=True,
    clause="9.2.1",
    doc="Whether the Local Authorization List is used; switched off, it is kept.",
)


def is_enabled(state: StationState) -> bool:
    """Whether the list counts: the settings do not switch its profile off, nor the CSMS the list itself."""
    off = state.description is not None and PROFILE in state.description.profiles_off
    return not off and LOCAL_AUTH_LIST_ENABLED.of(state)


def listed(state: StationState, id_tag: str) -> IdTagInfo | None:
    """The list's entry for a tag; None if it has none or is not used."""
    return state.authorization.listed(id_tag) if is_enabled(state) else None
