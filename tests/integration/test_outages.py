"""Sessions through outages: the network goes, the CSMS goes, the process is killed at random moments.

In the end the CSMS's books must show each transaction of the log once: one start, every sample, one stop, under the
right id, in order, with the times of the events.
"""

import asyncio
import contextlib
import itertools
import os
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.csms.frames import utc_of
from tests.csms.independent import Csms
from tests.daemon import Daemon
from tests.integration.ledger import Account, accounts, assert_balanced, assert_same_as_log
from tests.integration.stations import (
    advance,
    delivered,
    end_transaction,
    free_connector,
    settings_for,
    start_transaction,
    until,
)

ROUNDS = 20
SAMPLE_S = 1
GAP_MAX = timedelta(seconds=3.5)  # a machine that stalls for a moment skips samples: they are never invented


class Rounds:
    """Twenty drivers on a bad day. Everything random comes from the seed."""

    def __init__(self, daemon: Daemon, csms: Csms, seed: int) -> None:
        self.daemon = daemon
        self.csms = csms
        self.chance = random.Random(seed)
        self.seen: dict[int, str] = {}

    async def one(self, number: int) -> None:
        """One driver: until he leaves or until the process is killed, whatever is first."""
        killed_after_s = self.chance.uniform(0.02, 2.5)
        driver = asyncio.create_task(self._drive(f"TAG{number:03}"))
        with contextlib.suppress(TimeoutError, httpx2.TransportError):
            async with asyncio.timeout(killed_after_s):
                await driver
        await self.daemon.kill()
        if self.chance.random() < 0.2 and self.csms.gate.port:
            await self.csms.go_down()
            await self.daemon.start()
            await self._watch()
            await self.csms.come_up()
        else:
            await self.daemon.start()
        await free_connector(self.daemon)

    async def _drive(self, id_tag: str) -> None:
        api = self.daemon.api
        if self.chance.random() < 0.4:
            await api.network(False, persist=self.chance.random() < 0.5)
        await api.plug(1)
        await api.swipe(id_tag, 1)
        for _ in range(self.chance.randrange(1, 8)):
            await asyncio.sleep(self.chance.uniform(0.05, 0.4))
            await self._watch()
        if self.chance.random() < 0.6:
            await api.network(True)
        if self.chance.random() < 0.6:
            await api.swipe(id_tag, 1)
            await self._watch()
            await free_connector(self.daemon)

    async def _watch(self) -> None:
        """What the station once showed must reach the CSMS."""
        for transaction in (await self.daemon.api.state())["transactions"]:
            self.seen[transaction["number"]] = transaction["id_tag"]


@pytest.mark.timeout(180)
@pytest.mark.asyncio
async def test_books_balance_after_twenty_kills_at_random_moments(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHARGEBOX_SEED", "0")) or random.randrange(1, 10**9)
    print(f"CHARGEBOX_SEED={seed}")
    async with Csms() as csms:
        settings = settings_for(
            csms.url,
            config={"MeterValueSampleInterval": SAMPLE_S, "AllowOfflineTxForUnknownId": True},
        )
        async with Daemon(tmp_path, settings) as daemon:
            rounds = Rounds(daemon, csms, seed)
            for number in range(ROUNDS):
                await rounds.one(number)
            await daemon.api.network(True)
            await until(daemon, delivered, "the books to balance")
            events = await daemon.api.events()
            books = accounts(csms)
            assert {account.id_tag for account in books} >= set(rounds.seen.values())
            assert len(books) >= ROUNDS // 4, "hardly any driver was served: the rounds prove nothing"
            for account in books:
                assert_balanced(account)
                assert_sampled_without_gap(account)
            assert_same_as_log(books, events)
        csms.assert_conforming()


def assert_sampled_without_gap(account: Account) -> None:
    """A sample for each interval from the start to the stop (to the last proven moment after a kill)."""
    begun = utc_of(account.start.payload["timestamp"])
    ended = utc_of(account.stops[0].payload["timestamp"])
    at = [begun, *(utc_of(time) for time in account.sample_times())]
    for earlier, later in itertools.pairwise(at):
        assert timedelta(seconds=0.2) < later - earlier < GAP_MAX, account.sample_times()
    assert ended - at[-1] < GAP_MAX


def settings_offline(csms: Csms) -> Any:
    """Sessions start although nobody can be asked."""
    return settings_for(csms.url, config={"MeterValueSampleInterval": 60, "AllowOfflineTxForUnknownId": True})


async def assert_books(daemon: Daemon, csms: Csms, count: int) -> list[Account]:
    """Everything is delivered; the books balance and agree with the log."""
    await until(daemon, delivered, "the books to balance")
    books = accounts(csms)
    assert len(books) == count
    for account in books:
        assert_balanced(account)
    assert_same_as_log(books, await daemon.api.events())
    csms.assert_conforming()
    return books


def assert_near(instant: str, wanted: datetime) -> None:
    assert abs((utc_of(instant) - wanted).total_seconds()) < 10


@pytest.mark.asyncio
async def test_offline_sessions_are_delivered_in_order_with_their_own_times(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_offline(csms)) as daemon:
        await until(daemon, delivered, "the boot")
        await daemon.api.network(False)
        times = []
        for id_tag in ("A", "B", "C"):
            begun = csms.utc()
            await start_transaction(daemon, id_tag)
            await advance(daemon, csms, 300)
            times.append((begun, csms.utc()))
            await end_transaction(daemon, id_tag)
            await advance(daemon, csms, 600)
        await daemon.api.network(True)
        books = await assert_books(daemon, csms, 3)
        for account, (begun, ended) in zip(books, times, strict=True):
            assert_near(account.start.payload["timestamp"], begun)
            assert_near(account.stops[0].payload["timestamp"], ended)
            assert len(account.samples) == 5
        assert len(csms.calls("BootNotification")) == 1


@pytest.mark.asyncio
async def test_offline_session_and_a_kill_while_still_offline(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_offline(csms)) as daemon:
        await until(daemon, delivered, "the boot")
        await daemon.api.network(False, persist=True)
        await start_transaction(daemon, "A")
        await end_transaction(daemon, "A")
        await daemon.kill()
        await daemon.start()
        state = await daemon.api.state()
        assert not state["link"]["up"]
        await start_transaction(daemon, "B")
        await end_transaction(daemon, "B")
        await daemon.api.network(True)
        books = await assert_books(daemon, csms, 2)
        assert [account.id_tag for account in books] == ["A", "B"]


@pytest.mark.parametrize("policy", ["stop", "resume"])
@pytest.mark.asyncio
async def test_kill_while_charging_keeps_to_the_power_loss_policy(tmp_path: Path, policy: str) -> None:
    async with Csms() as csms:
        settings = settings_for(
            csms.url, config={"MeterValueSampleInterval": SAMPLE_S}, daemon={"power_loss_policy": policy}
        )
        async with Daemon(tmp_path, settings) as daemon:
            await start_transaction(daemon, "A")
            await csms.expect("MeterValues")
            await daemon.kill()
            last = accounts(csms)[0].sample_times()[-1]
            await daemon.start()
            if policy == "resume":
                await csms.expect("StatusNotification", where=lambda one: one["status"] == "Charging")
                await csms.expect("MeterValues", where=lambda one: one["meterValue"][0]["timestamp"] > last)
                await end_transaction(daemon, "A")
            (account,) = await assert_books(daemon, csms, 1)
            stop = account.stops[0].payload
            assert stop["reason"] == ("PowerLoss" if policy == "stop" else "Local")
            if policy == "stop":  # the last moment that the log proves
                assert utc_of(stop["timestamp"]) - utc_of(last) < timedelta(seconds=2 * SAMPLE_S)


@pytest.mark.asyncio
async def test_resume_needs_the_cable_still_plugged(tmp_path: Path) -> None:
    async with Csms() as csms:
        settings = settings_for(
            csms.url,
            daemon={"power_loss_policy": "resume"},
            board={"fixed_cable": True},
            config={"StopTransactionOnEVSideDisconnect": False},
        )
        async with Daemon(tmp_path, settings) as daemon:
            await start_transaction(daemon, "A")
            await csms.expect("StartTransaction")
            await daemon.api.unplug(1)
            await daemon.kill()
            await daemon.start()
            (account,) = await assert_books(daemon, csms, 1)
            assert account.stops[0].payload["reason"] == "PowerLoss"


@pytest.mark.asyncio
async def test_answer_lost_after_the_csms_processed_the_start_is_recognisable(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_offline(csms)) as daemon:
        await until(daemon, delivered, "the boot")
        gone = asyncio.Event()

        async def die(_: Any) -> Any:
            gone.set()
            await asyncio.Event().wait()

        csms.answer("StartTransaction", die)
        await daemon.api.plug(1)
        await daemon.api.swipe("A", 1)
        await asyncio.wait_for(gone.wait(), 60)
        await csms.hang_up()
        starts = [await csms.expect("StartTransaction") for _ in range(2)]
        assert starts[0].payload_text == starts[1].payload_text
        await until(daemon, lambda state: state["transactions"][0]["transaction_id"], "the id")
        await end_transaction(daemon, "A")
        await assert_books(daemon, csms, 1)


@pytest.mark.asyncio
async def test_csms_away_for_a_while_and_back_on_its_port(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_offline(csms)) as daemon:
        await until(daemon, delivered, "the boot")
        await start_transaction(daemon, "A")
        await csms.expect("StartTransaction")
        await csms.go_down()
        await end_transaction(daemon, "A")
        await start_transaction(daemon, "B")
        await csms.come_up()
        await end_transaction(daemon, "B")
        await assert_books(daemon, csms, 2)


@pytest.mark.asyncio
async def test_refused_upgrades_are_tried_again(tmp_path: Path) -> None:
    async with Csms() as csms:
        csms.gate.refuse_with = 503
        async with Daemon(tmp_path, settings_for(csms.url)) as daemon:
            await csms.until(lambda: len(csms.gate.handshakes) >= 2, "a second attempt", within_s=60)
            csms.gate.refuse_with = None
            await csms.expect("BootNotification", within_s=60)
            await until(daemon, delivered, "the boot")


@pytest.mark.asyncio
async def test_silent_network_is_found_by_the_ping_and_nothing_is_lost(tmp_path: Path) -> None:
    async with Csms() as csms:
        settings = settings_for(csms.url, config={"WebSocketPingInterval": 5, "AllowOfflineTxForUnknownId": True})
        async with Daemon(tmp_path, settings) as daemon:
            await until(daemon, delivered, "the boot")
            await daemon.api.network(False, silent=True)
            for _ in range(10):
                await advance(daemon, csms, 5, step_s=5)
            await until(daemon, lambda state: not state["link"]["up"], "the dead link to be found")
            await start_transaction(daemon, "A")
            await end_transaction(daemon, "A")
            await daemon.api.network(True)
            await assert_books(daemon, csms, 1)


@pytest.mark.asyncio
async def test_sigterm_ends_a_transaction_with_reboot_and_exits_cleanly(tmp_path: Path) -> None:
    async with Csms() as csms, Daemon(tmp_path, settings_for(csms.url)) as daemon:
        await start_transaction(daemon, "A")
        await csms.expect("StartTransaction")
        assert await daemon.stop() == 0
        await daemon.start()
        (account,) = await assert_books(daemon, csms, 1)
        assert account.stops[0].payload["reason"] == "Reboot"
