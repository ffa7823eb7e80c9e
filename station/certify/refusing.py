"""What speaks against a run on a real board: a station that works, a car that charges, messages that wait for its own CSMS."""

import asyncio
import contextlib
from typing import Any

from projections.outbox import NOTICE, SECURITY, TRANSACTION
from station.certify.at_rest import has_log, state_of
from station.demo.bench_service import BenchService, DemoError
from station.replay.opening.errors import ReplayError
from station.settings.loading import Settings

KEPT_LANES = (TRANSACTION, NOTICE, SECURITY)
"""Those whose messages outlive the connection."""


class RunRefused(Exception):  # noqa: N818  # it says what is the case
    """The run is not begun; the text says why, and what to do."""


async def running_station(settings: Settings) -> None:
    """Raises RunRefused if a station runs with these settings, and says whether it charges where it can be asked."""
    if settings.service.address is None:
        return
    host, port = settings.service.address
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # where it listens, not where we do
    try:
        _, writer = await asyncio.open_connection(here, port)
    except OSError:
        return
    writer.close()
    service = BenchService(f"http://{f'[{here}]' if ':' in here else here}:{port}")
    charging = ""
    with contextlib.suppress(DemoError, ValueError):  # one that wants a token runs as well
        charging = _charging(await service.state())
    await service.close()
    if charging:
        raise RunRefused(f"the station is charging a car ({charging}): end that first")
    raise RunRefused("the station runs with these settings: end it first (systemctl stop chargebox)")


def _charging(state: Any) -> str:
    running = [each for each in state.get("transactions", ()) if each["stopped_at"] is None]
    return ", ".join(f"transaction {each['number']} on connector {each['connector_id']}" for each in running)


def log_at_rest(settings: Settings, *, even_if_charging: bool) -> None:
    """Raises RunRefused if the log says that a car was charging, or that messages wait for the CSMS of the settings."""
    storage = settings.storage.directory
    if not has_log(storage):
        return
    try:
        state = state_of(storage)
    except ReplayError as error:
        raise RunRefused(f"{storage}: {error}") from error
    running = [each for each in state.transactions.by_number.values() if each.stopped is None]
    if running and not even_if_charging:
        numbers = ", ".join(str(each.number) for each in running)
        raise RunRefused(
            f"the log has a car that is charging (transaction {numbers}): end that first, or say --even-if-charging; the rest of "
            "that transaction is then sent to the laboratory's CSMS and not to yours"
        )
    waiting = len(state.outbox.window) + state.outbox.beyond
    waiting += sum(each.lane in KEPT_LANES for each in state.outbox.calls)
    if waiting and not running:
        raise RunRefused(
            f"{waiting} messages wait for your CSMS, and the laboratory's would receive them in its place: "
            "let the station deliver them first"
        )
