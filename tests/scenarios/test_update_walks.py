"""Random lives of firmware updates, of both kinds, through reports, cuts, boots and whims of the CSMS (white paper, L01).

Whatever happens: an image that must be signed is installed only after its signature was verified; the statuses of a request come in an
order that can be; and every request is answered once, unless its connection is gone.
"""

import random
from collections.abc import Mapping

import pytest

from eventstore.catalogue.link import CallAnswered, LinkClosed
from eventstore.catalogue.maintenance import (
    FirmwareProgressed,
    FirmwareStepDecided,
    FirmwareUpdateRequested,
    SignedFirmwareStatusQueued,
    SignedUpdateAnswered,
    SignedUpdateOffered,
)
from tests.scenarios.conftest import World
from tests.scenarios.test_firmware import NEW, OLD, reboot, report
from tests.scenarios.test_signed_firmware import check, payload, secured

SEEDS = range(24)
STEPS = 80
ENDS = {"DownloadFailed", "InvalidSignature", "InstallVerificationFailed", "InstallationFailed", "Installed"}
FOLLOWS: Mapping[str, set[str]] = {
    "": {"DownloadScheduled", "Downloading", "DownloadFailed"},
    "DownloadScheduled": {"Downloading"},
    "Downloading": {"DownloadPaused", "DownloadFailed", "Downloaded"},
    "DownloadPaused": {"Downloading"},
    "Downloaded": {"SignatureVerified", "InvalidSignature", "InstallVerificationFailed"},
    "SignatureVerified": {"InstallScheduled", "Installing"},
    "InstallScheduled": {"Installing"},
    "Installing": {"InstallRebooting", "InstallVerificationFailed", "InstallationFailed", "Installed"},
    "InstallRebooting": {"InstallationFailed", "Installed"},
}
REPORTS: Mapping[str, tuple[str, ...]] = {
    "download": ("Downloaded", "Downloaded", "DownloadFailed"),
    "signature": ("SignatureVerified", "SignatureVerified", "InvalidSignature", "InstallVerificationFailed"),
    "install": ("Installed", "Rebooting", "InstallationFailed", "InstallVerificationFailed"),
    "activate": ("Activated", "Activated", "ActivationFailed"),
}


class Walk:
    """One life, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.station: World = secured()
        self.requests = 0
        self.version = OLD

    def step(self) -> None:
        seldom = (self.offer, self.update, self.boot, self.link, self.wait, self.drive)
        self.chance.choice((*seldom, *(3 * (self.check, self.report))))()

    def offer(self) -> None:
        """A signed update: now or later, installed now or later, with retries or not."""
        job = self.station.state.maintenance.firmware
        if not self.station.state.link.up or (job is not None and self.chance.random() < 0.7):
            return
        if not self.chance.randrange(4):
            self.requests -= 1  # the same again
        self.requests += 1
        dates = {"retrieveDateTime": self.station.utc(self.chance.choice((-5, -5, 300)))}
        if self.chance.random() < 0.3:
            dates["installDateTime"] = self.station.utc(600)
        location = self.chance.choice(("https://files.example/new.fwi",) * 5 + ("nowhere",))
        members = {"requestId": self.requests, "location": location, "retries": self.chance.randrange(2), **dates}
        frame = [2, f"offer-{self.station.mark}", "SignedUpdateFirmware", payload(self.station, **members)]
        self.station.station.receive(frame)

    def check(self) -> None:
        """The runner has looked at the certificate."""
        if self.station.state.maintenance.offered is not None:
            revoked = self.chance.random() < 0.1
            check(self.station, self.chance.choice(("",) * 8 + ("no root",)), revoked=revoked)

    def update(self) -> None:
        """UpdateFirmware, without a signature."""
        if self.station.state.link.up and self.chance.random() < 0.3:
            self.station.request(
                "UpdateFirmware", location="ftp://files.example/old.fwi", retrieveDate=self.station.utc(-5)
            )

    def report(self) -> None:
        """The runner has done the step."""
        job = self.station.state.maintenance.firmware
        if job is not None and job.step in REPORTS and not job.report:
            choices = [each for each in REPORTS[job.step] if job.signed or each != "InstallVerificationFailed"]
            version = NEW if self.chance.random() < 0.8 else ""
            report(self.station, self.chance.choice(choices), version=version if job.step == "install" else "")

    def boot(self) -> None:
        """The process ends and the same or another firmware boots."""
        job = self.station.state.maintenance.firmware
        is_new = job is not None and job.step in ("restart", "reboot", "settle", "install")
        if not is_new and self.chance.random() < 0.7:
            return
        self.version = self.chance.choice((NEW, NEW, OLD)) if is_new else self.version
        reboot(self.station, self.version, connected=self.chance.random() < 0.8)

    def link(self) -> None:
        """The link goes, or comes."""
        if not self.station.state.link.up:
            self.station.connect()
        elif self.chance.random() < 0.3:
            self.station.disconnect()

    def wait(self) -> None:
        """Time passes."""
        self.station.wait(self.chance.choice((1, 30, 61, 400)))

    def drive(self) -> None:
        """Somebody charges, or has done so."""
        if self.station.state.transactions.running():
            self.station.unplug(1)
        elif self.station.status(1) == "Available":
            self.station.swipe("TAG", 1)
            self.station.plug(1)
            if not self.station.state.transactions.running():
                self.station.unplug(1)


def statuses_can_be(station: World) -> None:
    """Of one job; a request that comes again after its end begins anew."""
    job, requests = 0, dict[int, int]()
    last = dict[int, str]()
    for recorded in station.log:
        event = recorded.event
        match event:
            case SignedUpdateOffered():
                requests[event.job] = event.request_id
            case FirmwareUpdateRequested():
                job = event.job
            case SignedFirmwareStatusQueued(triggered=False, tries=1):
                assert event.request_id == requests[job]
                before = last.get(job, "")
                assert before not in ENDS, f"{event.status} after the end {before}"
                assert event.status in FOLLOWS[before], f"{event.status} after {before}"
                last[job] = event.status


def nothing_unverified_is_installed(station: World) -> None:
    signed, verified = set[int](), set[int]()
    for recorded in station.log:
        event = recorded.event
        match event:
            case SignedUpdateOffered():
                signed.add(event.job)
            case FirmwareProgressed(status="SignatureVerified"):
                verified.add(event.job)
            case FirmwareStepDecided(step="install"):
                assert event.job not in signed or event.job in verified


def every_request_is_answered_once(station: World) -> None:
    waiting: set[str] = set()
    offers = sum(isinstance(recorded.event, SignedUpdateOffered) for recorded in station.log)
    decided = len(station.found(SignedUpdateAnswered))
    for recorded in station.log:
        event = recorded.event
        if isinstance(event, CallAnswered) and event.action == "SignedUpdateFirmware":
            assert event.message_id not in waiting, "answered twice"
            waiting.add(event.message_id)
            assert not event.error_code
    cuts = len(station.found(LinkClosed))
    open_now = station.state.maintenance.offered is not None
    assert offers - decided - open_now <= cuts, "an offer was forgotten"


@pytest.mark.parametrize("seed", SEEDS)
def test_updates_come_to_an_end_that_is_true_whatever_happens(seed: int) -> None:
    walk = Walk(seed)
    for _ in range(STEPS):
        walk.step()
        maintenance = walk.station.state.maintenance
        waits = [call for call in walk.station.state.link.open_calls if call.action == "SignedUpdateFirmware"]
        assert len(waits) == (maintenance.offered is not None)
    statuses_can_be(walk.station)
    nothing_unverified_is_installed(walk.station)
    every_request_is_answered_once(walk.station)
