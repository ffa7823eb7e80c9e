"""A power cut while certificates come and go, on the real daemon over TLS: the station gets in afterwards, with the old or with the new.

The process is killed at one of its operations on the disk, at a sample of them by default and at every one with -m long.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.csms.independent import Csms
from tests.csms.odd_certificates import certificate, pem
from tests.daemon import Daemon
from tests.integration.test_station_certificate import Authority, connected, shown
from tests.reliability.disk import Tree, read_tree, write_tree
from tests.reliability.interposer import Action, Control, environment

CSMS_ROOT = "CentralSystemRootCertificate"
SAMPLE = 5
AFTER_MS = 20_000


class Visit:
    """What the CSMS does with the certificates of one station, and what was answered before the power went."""

    def __init__(self, csms: Csms, authority: Authority, csr: str) -> None:
        self.csms = csms
        self.first, self.second = certificate("first"), certificate("second")
        self.new = authority.sign(csr)
        self.answered: dict[str, str] = {}

    async def run(self) -> None:
        """Two roots come, one goes, and the station gets its certificate."""
        await self._ask("first", "InstallCertificate", certificate_type=CSMS_ROOT, certificate=pem(self.first))
        await self._ask("second", "InstallCertificate", certificate_type=CSMS_ROOT, certificate=pem(self.second))
        [first] = [each for each in await self.ids() if int(each["serialNumber"], 16) == self.first.serial_number]
        await self._ask("gone", "DeleteCertificate", certificate_hash_data=first)
        links = len(self.csms.links)
        await self._ask("new", "CertificateSigned", certificate_chain=pem(self.new))
        await connected(self.csms, links)

    async def _ask(self, name: str, action: str, **members: Any) -> None:
        self.answered[name] = (await self.csms.request(action, **members))["status"]

    async def ids(self) -> list[Any]:
        """The roots that the station has."""
        found: list[Any] = (await self.csms.request("GetInstalledCertificateIds", certificate_type=CSMS_ROOT)).get(
            "certificateHashData", []
        )
        return found

    async def check(self, old: int) -> None:
        """After the cut: what was answered holds, and what was not may be the old or the new."""
        serials = {int(each["serialNumber"], 16) for each in await self.ids()}
        if self.answered.get("second") == "Accepted":
            assert self.second.serial_number in serials
        if self.answered.get("gone") == "Accepted":
            assert self.first.serial_number not in serials
        elif self.answered.get("first") == "Accepted" and "second" not in self.answered:
            assert self.first.serial_number in serials
        assert shown(self.csms) in (
            {self.new.serial_number} if "new" in self.answered else {old, self.new.serial_number}
        )
        assert set(self.answered.values()) <= {"Accepted"}


async def prepared(directory: Path, csms: Csms, authority: Authority) -> tuple[Tree, str]:
    """The disk of a station that has asked for a certificate, and its request."""
    async with Daemon(directory, authority.settings(csms)) as daemon:
        csr = str((await csms.expect("SignCertificate")).payload["csr"])
        await daemon.stop()
    return read_tree(directory / "storage"), csr


async def lived(daemon: Daemon, story: Awaitable[None]) -> None:
    """The story, until it ends or the process does."""
    telling = asyncio.ensure_future(story)
    dying = asyncio.ensure_future(daemon.exited(within_s=60))
    await asyncio.wait({telling, dying}, return_when=asyncio.FIRST_COMPLETED)
    for task in (telling, dying):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, TimeoutError, AssertionError):
            await task


async def cut_at(choose: Callable[[int], list[int]], library: Path, base: Path) -> None:
    """The visit is counted once, and then cut at these of its operations."""
    for name in ("authority", "first"):
        (base / name).mkdir()
    authority = Authority(base / "authority")
    old = authority.maker.certificate.serial_number
    async with Csms(tls=authority.tls()) as csms:
        csms.always("SignCertificate", {"status": "Accepted"})
        tree, csr = await prepared(base / "first", csms, authority)

        async def life(number: int, nth: int) -> int:
            directory = base / f"life-{number}"
            storage = directory / "storage"
            storage.mkdir(parents=True)
            write_tree(tree, storage)
            with Control(base / "control") as control:
                watched = environment(library, storage, control=control.path)
                links = len(csms.links)
                async with Daemon(directory, authority.settings(csms), watched) as daemon:
                    await connected(csms, links)
                    visit = Visit(csms, authority, csr)
                    control.arm(nth, Action.KILL if nth else Action.NONE)
                    await lived(daemon, visit.run())
                    counted = control.get("counted")
                    await daemon.kill()
                    control.disarm()
                links = len(csms.links)
                async with Daemon(directory, authority.settings(csms)):
                    await connected(csms, links)
                    await visit.check(old)
            if not nth:
                assert set(visit.answered) == {"first", "second", "gone", "new"}
            return counted

        total = await life(0, 0)
        assert total > 10
        for number, nth in enumerate(choose(total), start=1):
            print(f"cut at operation {nth} of {total}")
            await life(number, nth)


@pytest.mark.asyncio
async def test_after_a_power_cut_the_station_gets_in_with_the_old_certificates_or_the_new_ones(
    library: Path, base: Path
) -> None:
    await cut_at(lambda total: [total * (2 * number + 1) // (2 * SAMPLE) for number in range(SAMPLE)], library, base)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.asyncio
async def test_after_a_power_cut_anywhere_the_station_gets_in(library: Path, base: Path) -> None:
    await cut_at(lambda total: list(range(1, total + 1)), library, base)
