"""The vehicle at the end of the cable, as the station's wires see it. Pure."""

from devices.bench.world import ConnectorWorld
from devices.iec61851 import ma_from_duty_permille
from devices.readings import DUTY_FAULT_PERMILLE, ConnectorOutputs


def pilot_state(connector: ConnectorWorld, duty_permille: int) -> str:
    """The control pilot state: F while the station drives -12 V, else what cable and car make of it.

    Both ends plugged and the car ready: C; not ready, or asleep: B; anything less: A.
    """
    if duty_permille == DUTY_FAULT_PERMILLE:
        return "F"
    if not (connector.ev_plugged and connector.station_plugged):
        return "A"
    return "C" if connector.vehicle_ready and not connector.vehicle_asleep else "B"


def draw_ma(
    connector: ConnectorWorld,
    outputs: ConnectorOutputs,
    *,
    energized: bool,
    board_phases: int,
    board_max_current_ma: int,
) -> tuple[int, ...]:
    """The current on each of the board's phases, L1 first.

    A car draws while energized, in pilot state C and offered a current: the least of what it can, what the duty offers and what
    the board carries, on as many phases as car, outputs and board have.
    """
    offered_ma = min(ma_from_duty_permille(outputs.duty_permille), board_max_current_ma)
    if not energized or pilot_state(connector, outputs.duty_permille) != "C":
        offered_ma = 0
    phases = min(connector.vehicle_phases, outputs.phases, board_phases)
    current_ma = min(offered_ma, connector.vehicle_max_current_ma)
    return tuple(current_ma if phase < phases else 0 for phase in range(board_phases))
