"""Signed firmware with a CSMS and file servers that do it badly (security white paper, L01): each request gets the answer that the paper
names, the log says why, and what was not verified is never installed."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eventstore.catalogue.maintenance import SignedUpdateAnswered
from station import VERSION
from tests.csms.faulty import FaultyCsms
from tests.csms.frames import instant_of
from tests.daemon import Daemon
from tests.file_servers import bench_image
from tests.integration.stations import delivered, settings_for, until
from tests.reliability.disk import read_tree
from tests.signed_images import manufacturer, revocation_list, signing_certificate
from tests.unit.station.runtime.transfer_servers import http_files

pytestmark = pytest.mark.asyncio

ROOT = manufacturer()
SIGNER, REVOKED = signing_certificate(ROOT), signing_certificate(ROOT, name="revoked")
EXPIRED = signing_certificate(ROOT, end=datetime(2021, 1, 1, tzinfo=UTC))
STRANGERS = [signing_certificate(manufacturer(f"maker {number}")) for number in range(10)]
IMAGE = bench_image(model="Bench", version="9.9.9", content=bytes(range(256)) * 1200)
NOWHERE = "http://127.0.0.1:9/image"
STATUS = "SignedFirmwareStatusNotification"


class Pair:
    """A station that knows the maker's root and one revoked certificate, and its CSMS."""

    def __init__(self, daemon: Daemon, csms: FaultyCsms) -> None:
        self.daemon = daemon
        self.csms = csms
        self._requests = 0

    async def offer(self, certificate: str, signature: str = "", location: str = NOWHERE, **more: Any) -> str:
        """The status or the error code that a request is answered with; each has an id of its own, counted from 1."""
        self._requests += 1
        firmware = {
            "location": location,
            "retrieveDateTime": instant_of(datetime(2026, 1, 1, tzinfo=UTC)),
            "signingCertificate": certificate,
            "signature": signature,
        }
        members = {"request_id": self._requests, "firmware": firmware, "retries": 0, **more}
        answer = await self.csms.request("SignedUpdateFirmware", **members)
        return str(answer.payload["status"]) if answer.kind == "result" else answer.error_code

    async def status(self, status: str) -> None:
        """Wait for this status of the last request."""
        await self.csms.expect(STATUS, status=status, request_id=self._requests, within_s=60)

    def statuses(self, request_id: int) -> list[str]:
        """What was reported of a request."""
        calls = [one.payload for one in self.csms.calls() if one.action == STATUS]
        return [payload["status"] for payload in calls if payload["requestId"] == request_id]

    async def version(self) -> str:
        return str((await self.daemon.api.state())["station"]["firmware_version"])

    async def reasons(self) -> list[str]:
        """Why requests were not accepted."""
        events = await self.daemon.api.events()
        return [each["payload"]["reason"] for each in events if each["type"] == SignedUpdateAnswered.NAME]


@asynccontextmanager
async def paired(directory: Path) -> AsyncIterator[Pair]:
    root, revoked = directory / "maker.pem", directory / "revoked.crl"
    root.write_text(ROOT.pem)
    revoked.write_bytes(revocation_list(ROOT, REVOKED))
    security = {"manufacturer_root_file": str(root), "firmware_revocation_file": str(revoked), "send_events": "always"}
    async with FaultyCsms() as csms, Daemon(directory, settings_for(csms.url, security=security)) as daemon:
        await until(daemon, delivered, "registration")
        yield Pair(daemon, csms)


async def test_what_is_no_certificate_or_signature_of_the_maker_gets_the_answer_that_the_paper_names(
    tmp_path: Path,
) -> None:
    """L01.FR.02, L01.FR.23 to 25."""
    key = REVOKED.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    async with paired(tmp_path) as pair:
        assert await pair.offer("x" * 5_500) == "InvalidCertificate"
        assert await pair.offer("".join(each.pem for each in STRANGERS)[:5_500]) == "InvalidCertificate"
        assert await pair.offer(SIGNER.pem + key) == "InvalidCertificate"
        assert await pair.offer(EXPIRED.pem) == "InvalidCertificate"
        assert await pair.offer(REVOKED.pem) == "RevokedCertificate"
        assert await pair.offer("x" * 10_000) == "InvalidCertificate", (
            "it might be a key, and was taken out of the frame"
        )
        assert await pair.offer((SIGNER.pem * 20)[:10_000]) == "PropertyConstraintViolation"
        assert await pair.offer(SIGNER.pem, signature="x" * 10_000) == "PropertyConstraintViolation"
        await until(pair.daemon, delivered, "everything to be delivered")
        raised = [one.payload for one in pair.csms.calls() if one.action == "SecurityEventNotification"]
        invalid = [event for event in raised if event["type"] == "InvalidFirmwareSigningCertificate"]
        assert [event["techInfo"].partition(":")[0] for event in invalid] == [f"request {n}" for n in range(1, 7)]
        reasons = await pair.reasons()
        for reason, said in zip(reasons, ["PEM", "vouches", "private key", "expired", "revoked", "PEM"], strict=True):
            assert said in reason
        secret = key.splitlines()[1].encode()
        assert not any(secret in content for content in read_tree(tmp_path).values()), "it was sent by mistake"
        with http_files(IMAGE) as files:
            with_root = SIGNER.pem + ROOT.pem
            for number, signature in enumerate(["", "?", "AAAA", REVOKED.sign(IMAGE)], start=9):
                assert await pair.offer(with_root, signature, files.url()) == "Accepted"
                await pair.status("InvalidSignature")
                assert pair.statuses(number) == ["Downloading", "Downloaded", "InvalidSignature"]
        assert await pair.version() == VERSION


async def test_a_server_that_answers_slowly_or_sends_another_file_gets_nothing_installed(tmp_path: Path) -> None:
    """L01.FR.03, L01.FR.04, L01.FR.26."""
    signature = SIGNER.sign(IMAGE)
    async with paired(tmp_path) as pair:
        with http_files(IMAGE) as files:  # it ends early, and says so
            files.cut_after = len(IMAGE) // 2
            assert await pair.offer(SIGNER.pem, signature, files.url()) == "Accepted"
            await pair.status("DownloadFailed")
            files.announce_length = False  # nobody can see that it ends early
            assert await pair.offer(SIGNER.pem, signature, files.url()) == "Accepted"
            await pair.status("InvalidSignature")
        with http_files(IMAGE) as files:  # it changes under way, behind the same mark
            files.cut_after = len(IMAGE) // 2
            assert await pair.offer(SIGNER.pem, signature, files.url(), retries=50, retry_interval=1) == "Accepted"
            await pair.status("DownloadPaused")
            files.content, files.cut_after = IMAGE[::-1], None
            await pair.status("InvalidSignature")
            assert "Range" in files.requests[-1].headers
        with http_files(IMAGE) as slow, http_files(IMAGE) as files:
            slow.silent = threading.Event()
            assert await pair.offer(SIGNER.pem, signature, slow.url()) == "Accepted"
            await pair.status("Downloading")
            assert await pair.version() == VERSION
            assert await pair.offer(SIGNER.pem, signature, files.url("good.fwi")) == "AcceptedCanceled"
            await pair.status("Installed")
        assert pair.statuses(4) == ["Downloading"]
        assert await pair.version() == "9.9.9"
