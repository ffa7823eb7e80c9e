"""What maintenance under way means for the connectors; its steps are taken by `station.features.maintenance`."""

from projections.station import StationState

_WAITING_TO_INSTALL = frozenset({"idle", "install", "activate", "settle", "restart", "reboot"})


def is_waiting_to_install(state: StationState) -> bool:
    """Whether new firmware waits for the last transaction to end, is being installed or about to be started.

    Connectors not in use are Unavailable meanwhile, and no transaction starts (errata 3.49).
    """
    job = state.maintenance.firmware
    return job is not None and job.step in _WAITING_TO_INSTALL
