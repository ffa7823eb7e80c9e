"""Power cuts in the midst of a signed update (security white paper, L01): every directory that one may leave holds the image whole or
not at all, and the daemon that is started on it brings the update to an end that is true, each status once."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from eventstore.catalogue.maintenance import (
    FirmwareStepDecided,
    FirmwareUpdateRequested,
    SignedFirmwareStatusQueued,
    SignedUpdateOffered,
)
from eventstore.codec import decode
from eventstore.database import DATABASE_NAME
from eventstore.event import Event
from station import VERSION
from tests.csms.faulty import FaultyCsms
from tests.csms.frames import instant_of
from tests.daemon import Daemon
from tests.file_servers import bench_image
from tests.integration.stations import delivered, settings_for, until
from tests.reliability.disk import Effort, Tree, write_tree
from tests.reliability.engine import Recording, Scenario, crash_cuts, record, rows_in
from tests.signed_images import manufacturer, signing_certificate
from tests.unit.station.runtime.transfer_servers import HttpFiles, http_files

ROOT = manufacturer()
SIGNER = signing_certificate(ROOT)
IMAGE = bench_image(model="Bench", version="9.9.9", content=bytes(range(256)) * 1200)  # more than one buffer
WHOLE_WAY = ["Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"]
DRAWN, STARTED = 40, 4
FIRMWARE, NOTHING = "firmware/", "no update"
IMAGE_NAME = f"{FIRMWARE}1-image.fwi"


def settings_of(url: str, root: Path) -> dict[str, dict[str, Any]]:
    return settings_for(url, security={"manufacturer_root_file": str(root)})


@pytest.fixture
def maker(base: Path) -> Path:
    """The file of the maker's root."""
    file = base / "maker.pem"
    file.write_text(ROOT.pem)
    return file


@pytest.fixture
def files() -> Iterator[HttpFiles]:
    with http_files(IMAGE) as served:
        yield served


def recorded(library: Path, base: Path, maker: Path, files: HttpFiles) -> Recording:
    """A signed update from the offer to the boot of the new version."""

    async def update(root: Path, environment: dict[str, str]) -> None:
        async with FaultyCsms() as csms, Daemon(root.parent, settings_of(csms.url, maker), environment) as daemon:
            await until(daemon, delivered, "registration")
            firmware = {
                "location": files.url("new.fwi"),
                "retrieveDateTime": instant_of(datetime(2026, 1, 1, tzinfo=UTC)),
                "signingCertificate": SIGNER.pem,
                "signature": SIGNER.sign(IMAGE),
            }
            answer = await csms.request("SignedUpdateFirmware", request_id=123, firmware=firmware)
            assert answer.payload == {"status": "Accepted"}
            await csms.expect("SignedFirmwareStatusNotification", status="Installed", within_s=60)
            await until(daemon, delivered, "all to be delivered")
            await daemon.kill()

    scenario = Scenario(name="a signed update", run=lambda root, environment: asyncio.run(update(root, environment)))
    return record(scenario, library, base)


def told(tree: Tree) -> list[Event]:
    """What the log in the directory says of the update."""
    kinds = (SignedUpdateOffered, FirmwareUpdateRequested, FirmwareStepDecided, SignedFirmwareStatusQueued)
    names = {kind.NAME for kind in kinds}
    return [decode(row.type, row.version, row.payload) for row in rows_in(tree) if row.type in names]


def place(tree: Tree, events: list[Event]) -> tuple[str, ...]:
    """How far the update is: what is tried once for each."""
    steps = [event.step for event in events if isinstance(event, FirmwareStepDecided)]
    kept = [name.removeprefix(FIRMWARE) for name in tree if name.startswith(FIRMWARE) and name != FIRMWARE]
    return (str(len(events)), *steps[-1:], *sorted(kept), *(name for name in tree if name == "firmware.json"))


async def statuses_of(daemon: Daemon) -> list[str]:
    """The statuses of the update, from its beginning; none while the process is being replaced."""
    with contextlib.suppress(httpx2.TransportError):
        events, state = await daemon.api.events(), await daemon.api.state()
        if state["registration"]["status"] == "Accepted" and delivered(state):
            name = SignedFirmwareStatusQueued.NAME
            return [event["payload"]["status"] for event in events if event["type"] == name] or [NOTHING]
    return []


async def lived_on(directory: Path, tree: Tree, maker: Path, *, accepted: bool) -> list[str]:
    """The statuses of the update once the daemon that was started on the directory is at rest."""
    write_tree(tree, directory / "storage")
    last, version = ("Installed", "9.9.9") if accepted else (NOTHING, VERSION)
    async with FaultyCsms() as csms, Daemon(directory, settings_of(csms.url, maker)) as daemon:
        async with asyncio.timeout(60):
            while True:
                statuses = await statuses_of(daemon)
                if statuses[-1:] == [last]:
                    break
                await asyncio.sleep(0.05)
        assert (await daemon.api.state())["station"]["firmware_version"] == version
    return statuses


def has_lost_the_image(tree: Tree) -> bool:
    """Whether the log says that the image was downloaded, and it is not there, though the update goes on."""
    steps = [name.encode() for name in ('"step":"signature"', '"step":"done"')]
    log = b"".join(content for name, content in tree.items() if name.startswith(DATABASE_NAME))
    if IMAGE_NAME in tree or steps[0] not in log or steps[1] in log:  # quickly
        return False
    decided = [event.step for event in told(tree) if isinstance(event, FirmwareStepDecided)]
    return decided[-1:] not in ([], ["download"])


def sampled(recording: Recording, effort: Effort, count: int) -> list[Tree]:
    """Directories that a cut may leave, drawn from all since the image began to come; each is held to what holds of all."""
    chance = random.Random("signed firmware")
    drawn: list[Tree] = []
    seen = 0
    for _, disk, cut in crash_cuts(recording, effort):
        tree = disk.tree(cut)
        if not any(name.startswith(FIRMWARE) and name != FIRMWARE for name in tree) and not drawn:
            continue
        assert tree.get(IMAGE_NAME, IMAGE) == IMAGE, "it is there, and not whole"
        assert not has_lost_the_image(tree), "it is gone, and was recorded as there"
        seen += 1
        if len(drawn) < count:
            drawn.append(tree)
        elif (at := chance.randrange(seen)) < count:
            drawn[at] = tree
    assert seen > count, "the image never came"
    return drawn


def judge(recording: Recording, base: Path, maker: Path, effort: Effort, *, drawn: int, started: int) -> None:
    by_place: dict[tuple[str, ...], tuple[Tree, bool]] = {}
    for tree in sampled(recording, effort, drawn):
        events = told(tree)
        by_place[place(tree, events)] = tree, any(isinstance(event, FirmwareUpdateRequested) for event in events)
    places = random.Random("started").sample(sorted(by_place), min(started, len(by_place)))
    for number, where in enumerate(places):
        tree, accepted = by_place[where]
        statuses = asyncio.run(lived_on(base / f"life {number}", tree, maker, accepted=accepted))
        assert statuses == (WHOLE_WAY if accepted else [NOTHING]), where


def test_a_power_cut_in_a_signed_update_leaves_no_half_an_image_and_the_update_ends_as_it_says(
    library: Path, base: Path, maker: Path, files: HttpFiles
) -> None:
    judge(recorded(library, base, maker, files), base, maker, Effort(), drawn=DRAWN, started=STARTED)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_power_cut_anywhere_in_a_signed_update_ends_it_as_it_says(
    library: Path, base: Path, maker: Path, files: HttpFiles
) -> None:
    recording = recorded(library, base, maker, files)
    judge(recording, base, maker, Effort(subsets=12, tears=5), drawn=600, started=60)
