"""What maintenance under way, and a full disk, mean for the connectors; its steps are taken by `station.features.maintenance`."""

from projections.station import StationState

_WAITING_TO_INSTALL = frozenset({"idle", "install", "activate", "settle", "restart", "reboot"})


def is_waiting_to_install(state: StationState) -> bool:
    """Whether new firmware waits for the last transaction to end, is being installed or about to be started.

    Connectors not in use are Unavailable meanwhile, and no transaction starts (errata 3.49).
    """
    job = state.maintenance.firmware
    return job is not None and job.step in _WAITING_TO_INSTALL


def is_disk_full(state: StationState) -> bool:
    """Whether so little space is left that it is kept for what runs: a transaction that starts must be able to end."""
    return state.boot.disk == "critical"


def is_out_of_service(state: StationState) -> bool:
    """Whether the station as a whole serves nobody new, so that connectors not in use are Unavailable.

    The standard leaves that status to the station's discretion (4.9, 7.7): who looks for a station is not sent to one that
    will refuse.
    """
    return is_waiting_to_install(state) or is_disk_full(state)
