"""No way to the CSMS at all: a name that nobody knows, a port that refuses. What else the network may do is in
tests/integration/test_faulty_links.py and test_outages.py."""

import itertools
from pathlib import Path

import pytest

from tests.daemon import Daemon, free_port
from tests.integration.stations import settings_for, until

RECONNECT_MIN_S, RECONNECT_MAX_S = 4, 60
ATTEMPTS = 5


@pytest.mark.parametrize(
    "where", ["ws://nobody-knows-this.invalid/ocpp", "ws://127.0.0.1:{port}/ocpp"], ids=["name", "port"]
)
@pytest.mark.asyncio
async def test_a_csms_that_cannot_be_reached_is_tried_for_ever_and_ever_more_slowly(where: str, tmp_path: Path) -> None:
    settings = settings_for(
        where.format(port=free_port()),
        csms={"reconnect_min_s": RECONNECT_MIN_S, "reconnect_max_s": RECONNECT_MAX_S},
    )
    async with Daemon(tmp_path, settings) as daemon:
        failures: list[int] = []
        while len(failures) < ATTEMPTS:
            await daemon.api.clock(advance_s=RECONNECT_MAX_S)
            await until(daemon, lambda state: state["link"]["up"] is False, "an answer")
            events = await daemon.api.events()
            failures = [event["at_ms"] for event in events if event["type"] == "ConnectFailed"]
            assert not any(event["type"] == "LinkOpened" for event in events)
        planned = [event for event in events if event["type"] == "DeadlineReached"]
        reached = [event["payload"]["due_ms"] for event in planned if event["payload"]["name"] == "reconnect"]
        waits = [due_ms - failed_ms for failed_ms, due_ms in zip(failures, reached, strict=False)]
        for number, wait_ms in enumerate(waits):
            ceiling_ms = min(RECONNECT_MAX_S, RECONNECT_MIN_S << number) * 1000
            assert ceiling_ms // 2 <= wait_ms <= ceiling_ms, f"{waits}: half of it is jitter, and it doubles"
        assert all(earlier <= later for earlier, later in itertools.pairwise(failures))
        assert await daemon.api.healthy()
        assert await daemon.stop() == 0
