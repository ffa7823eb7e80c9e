"""A station of which no program runs: what its log says of it, read without writing."""

from pathlib import Path

from eventstore.database import DATABASE_NAME
from projections.station import StationState
from station.core.config_keys import Access
from station.daemon.bootstrap import profiles_off
from station.features import registry_for
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.settings.loading import Settings


def has_log(storage: Path) -> bool:
    """Whether the directory holds a log."""
    return (storage / DATABASE_NAME).exists()


def writable_of(state: StationState, settings: Settings) -> dict[str, str]:
    """The configuration keys that a CSMS may write and read, with the values in force."""
    keys = registry_for(profiles_off(settings)).config_keys
    return {
        name: key.text_of(state)
        for name, key in keys.items()
        if key.is_present(state) and key.access_in(state) is Access.READ_WRITE
    }


def state_of(storage: Path) -> StationState:
    """The state at the end of the log. Raises ReplayError if it cannot be read."""
    with open_log(storage) as reader:
        return state_at(reader, reader.head.seq).state
