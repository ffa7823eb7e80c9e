"""The check of the certificate of a signed update: by which roots, and what comes of a fault of ours."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from eventstore.catalogue.certificates import RootInstalled
from eventstore.catalogue.maintenance import SignedUpdateOffered, SigningCertificateChecked
from eventstore.event import Recorded
from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT
from projections.station import INITIAL, StationState, evolve
from station.runtime import pem, x509
from station.runtime.certificate_files import CertificateFiles
from station.runtime.firmware_signing import FirmwareSigning
from station.runtime.maker_roots import MakerRoots
from station.runtime.signing_certificate_work import SigningCertificateWork
from tests.signed_images import manufacturer, signing_certificate

pytestmark = pytest.mark.asyncio

ROOT = manufacturer()
(DER,) = pem.certificates(ROOT.pem).values()


def offered(*installed: str) -> StationState:
    """An offer, and the root installed for these uses."""
    offer = SignedUpdateOffered(
        job=7,
        request_id=1,
        location="http://files.example/x",
        retrieve_utc_ms=0,
        install_utc_ms=None,
        signing_certificate=signing_certificate(ROOT).pem,
        signature="",
        retries=0,
        retry_interval_s=60,
        due_ms=20_000,
    )
    state = INITIAL
    for event in (offer, *(RootInstalled(use=use, facts=x509.facts_of(DER)) for use in installed)):
        state = evolve(state, Recorded(seq=state.seq + 1, cause=1, at_ms=0, utc_ms=0, event=event))
    return state


async def checked(work: SigningCertificateWork, state: StationState) -> SigningCertificateChecked:
    found = await work.do(state)
    assert isinstance(found, SigningCertificateChecked)
    assert found.job == 7
    return found


async def test_a_root_that_the_csms_installed_for_the_manufacturer_vouches(tmp_path: Path) -> None:
    """M05, L01.FR.12."""
    files = CertificateFiles(tmp_path)
    work = SigningCertificateWork(FirmwareSigning(), MakerRoots(None, files))
    for use in (CSMS_ROOT, MANUFACTURER_ROOT):
        files.keep(use, DER)
    assert (await checked(work, offered(MANUFACTURER_ROOT))).fault == ""
    assert "no root certificate" in (await checked(work, offered(CSMS_ROOT))).fault
    assert "no root certificate" in (await checked(work, offered())).fault


async def test_there_is_work_while_an_offer_waits_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    work = SigningCertificateWork(FirmwareSigning(), MakerRoots(None, CertificateFiles(tmp_path)))
    assert work.step(INITIAL) is None
    step = work.step(offered())
    assert step is not None
    assert (step.job, step.is_work) == (7, True)
    work.tidy(step)
    work.tidy(None)


async def test_a_fault_of_ours_is_a_certificate_that_cannot_be_checked(tmp_path: Path) -> None:
    class Broken(FirmwareSigning):
        def check(self, offered: SignedUpdateOffered, roots: Iterable[bytes]) -> SigningCertificateChecked:
            raise ZeroDivisionError("division by zero")

    found = await checked(SigningCertificateWork(Broken(), MakerRoots(None, CertificateFiles(tmp_path))), offered())
    assert found.fault == "it cannot be checked: division by zero"
