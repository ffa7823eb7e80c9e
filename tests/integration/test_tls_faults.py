"""A CSMS that cannot prove who it is, or talks TLS badly, on a real TLS socket: nothing is said to it, and it is on record why.

White paper, A00.FR.307 to 322 and A00.FR.411 to 426.
"""

import ipaddress
import ssl
import subprocess
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from eventstore.catalogue.certificates import CsmsRootProven, RootsFound
from eventstore.catalogue.link import ConnectFailed, LinkClosed, LinkOpened
from eventstore.catalogue.security import TlsFailed
from eventstore.event import Event, Recorded
from eventstore.value import replace
from projections.station import StationState, evolve
from station.runtime.csms_tls import CERTIFICATE, NOT_AUTHENTICATED, SUITE, VERSION, CsmsContext
from tests.csms.tls import BareServer, Identity, issue, make_authority, rsa_key, server_context
from tests.integration.test_tls_link import knowing, link_to, next_of, serving

Server = Callable[[Path, Identity], ssl.SSLContext]
YEAR = timedelta(days=365)
LOOPBACK = ipaddress.ip_address("127.0.0.1")


def lax(identity: Identity, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A server that would do anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ciphers)
    context.load_cert_chain(identity.certificate_file, identity.key_file)
    return context


def elder(directory: Path, authority: Identity) -> ssl.SSLContext:
    context = lax(issue(directory, authority))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def odd_suite(ciphers: str) -> Server:
    def serve(directory: Path, authority: Identity) -> ssl.SSLContext:
        context = lax(issue(directory, authority, key=rsa_key(2048)), ciphers)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    return serve


def another_chain(directory: Path, authority: Identity) -> ssl.SSLContext:
    stranger = make_authority(directory, name="another authority")
    return server_context(issue(directory, stranger))


def self_signed(directory: Path, authority: Identity) -> ssl.SSLContext:
    return server_context(make_authority(directory, name="localhost"))


def no_authority(directory: Path, authority: Identity) -> ssl.SSLContext:
    """Signed by a certificate that is not one of an authority."""
    leaf = issue(directory, authority, name="leaf")
    found = issue(directory, leaf)
    found.certificate_file.write_bytes(found.certificate_file.read_bytes() + leaf.certificate_file.read_bytes())
    return server_context(found)


def with_sha_1(directory: Path, authority: Identity) -> ssl.SSLContext:
    """The library signs no such thing any more; the command line does."""
    found = issue(directory, authority)
    request, extensions = directory / "request.csr", directory / "request.ext"
    extensions.write_text("subjectAltName=DNS:localhost\n")
    asked: list[str | Path] = [
        "openssl",
        "req",
        "-new",
        "-key",
        found.key_file,
        "-subj",
        "/CN=localhost",
        "-out",
        request,
    ]
    signed: list[str | Path] = [
        "openssl",
        "x509",
        "-req",
        "-sha1",
        "-days",
        "9",
        "-in",
        request,
        "-extfile",
        extensions,
    ]
    signed += ["-CA", authority.certificate_file, "-CAkey", authority.key_file, "-CAcreateserial"]
    for command in (asked, [*signed, "-out", found.certificate_file]):
        subprocess.run(command, check=True, capture_output=True)
    return lax(found)


def weak_key(directory: Path, authority: Identity) -> ssl.SSLContext:
    return lax(issue(directory, authority, key=rsa_key(1024)))


FAULTS: dict[str, tuple[Server, str, str]] = {
    "another chain": (another_chain, CERTIFICATE, "unable to get local issuer certificate"),
    "self-signed": (self_signed, CERTIFICATE, "self-signed certificate"),
    "signed by no authority": (no_authority, CERTIFICATE, "invalid CA certificate"),
    "expired": (
        lambda directory, authority: server_context(issue(directory, authority, begun=2 * YEAR, lasting=-YEAR)),
        CERTIFICATE,
        "certificate has expired",
    ),
    "another host": (
        lambda directory, authority: server_context(issue(directory, authority, name="csms.example", also=())),
        CERTIFICATE,
        "IP address mismatch, certificate is not valid for '127.0.0.1'",
    ),
    "for clients": (
        lambda directory, authority: server_context(issue(directory, authority, client=True)),
        CERTIFICATE,
        "unsuitable certificate purpose",
    ),
    "RSA of 1024 bits": (weak_key, CERTIFICATE, "EE certificate key too weak"),
    "SHA-1": (with_sha_1, CERTIFICATE, "CA signature digest algorithm too weak"),
    "TLS 1.1": (elder, VERSION, "tlsv1 alert protocol version"),
    "no AEAD, no elliptic curves": (odd_suite("AES128-SHA256:@SECLEVEL=0"), SUITE, "sslv3 alert handshake failure"),
    "SHA-1 in the suite": (odd_suite("ECDHE-RSA-AES128-SHA:@SECLEVEL=0"), SUITE, "sslv3 alert handshake failure"),
    "nobody authenticated": (odd_suite("aNULL:eNULL:@SECLEVEL=0"), SUITE, "sslv3 alert handshake failure"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.asyncio
async def test_a_csms_that_proves_nothing_hears_nothing_and_it_is_on_record_what_was_wrong(
    fault: str, tmp_path: Path
) -> None:
    serve, kind, detail = FAULTS[fault]
    authority = make_authority(tmp_path, key=rsa_key(2048) if fault == "SHA-1" else None)
    with BareServer(serve(tmp_path, authority)) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(), ())
        assert await next_of(told, TlsFailed) == TlsFailed(type=kind, detail=detail)
        reason = (await next_of(told, ConnectFailed)).reason
        assert detail.replace(" ", "_").lower() in reason.replace(" ", "_").lower()
        assert csms.heard == [], "the password reached whoever cannot prove who he is"
        await link.close()


GOOD: dict[str, Server] = {
    "named in the CN alone": lambda directory, authority: server_context(
        issue(directory, authority, name="127.0.0.1", also=(x509.IPAddress(LOOPBACK),))
    ),
    "named in the SAN alone": lambda directory, authority: server_context(
        issue(directory, authority, name="csms.example", also=(x509.IPAddress(LOOPBACK),))
    ),
    "RSA of 2048 bits": lambda directory, authority: server_context(issue(directory, authority, key=rsa_key(2048))),
    "EC of 384 bits": lambda directory, authority: server_context(
        issue(directory, authority, key=ec.generate_private_key(ec.SECP384R1()))
    ),
    "ECDHE-RSA in TLS 1.2": odd_suite("ECDHE-RSA-AES256-GCM-SHA384"),
    "the weaker suite of RSA": odd_suite("AES128-GCM-SHA256"),
    "the stronger suite of RSA": odd_suite("AES256-GCM-SHA384"),
}


@pytest.mark.parametrize("kind", GOOD)
@pytest.mark.asyncio
async def test_a_csms_that_the_white_paper_allows_gets_its_connection(kind: str, tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    async with serving(GOOD[kind](tmp_path, authority)) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(), ())
        await next_of(told, LinkOpened)
        await link.close()


def test_the_suites_of_the_white_paper_are_offered_first() -> None:
    """A00.FR.318, A00.FR.422; none of the others lacks a key exchange, a cipher or a digest that is held for good."""
    offered = [suite["name"] for suite in CsmsContext().get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert offered[:4] == [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "AES128-GCM-SHA256",
        "AES256-GCM-SHA384",
    ]
    assert not [name for name in offered if name.endswith(("-SHA", "-MD5")) or "RC4" in name or "DES" in name]


def test_neither_compression_nor_renegotiation_nor_an_old_version_is_possible() -> None:
    context = CsmsContext()
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.security_level == 2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.asyncio
async def test_a_csms_that_refuses_the_stations_certificate_is_a_failed_authentication(
    version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """Section 8: FailedToAuthenticateAtCentralSystem. In TLS 1.3 it comes behind the handshake."""
    authority = make_authority(tmp_path)
    context = server_context(issue(tmp_path, authority), client_authority=authority)
    context.minimum_version = context.maximum_version = version
    with BareServer(context) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(), ())
        failed = await next_of(told, TlsFailed)
        assert failed.type == NOT_AUTHENTICATED
        assert failed.detail in (await next_of(told, ConnectFailed)).reason.lower().replace("_", " ")
        await link.close()


@pytest.mark.asyncio
async def test_what_is_on_record_is_not_recorded_again_until_a_connection_opens(tmp_path: Path) -> None:
    """A CSMS that is wrong for a week gives one event."""
    authority = make_authority(tmp_path)
    async with serving(self_signed(tmp_path, authority)) as csms:
        link, told = link_to(csms, tmp_path, authority)
        state = knowing()
        link.publish(state, ())
        state = folded(state, await next_of(told, RootsFound))
        for _ in range(3):
            first = await told.get()
            failed = first
            if isinstance(first, TlsFailed):
                state = folded(state, first)
                failed = await told.get()
            assert isinstance(failed, ConnectFailed)
            state = folded(state, failed)
            link.publish(replace(state, link=replace(state.link, connect_wanted=True)), (recorded(state, failed),))
        assert told.empty()
        await link.close()


def recorded(state: StationState, event: Event) -> Recorded:
    return Recorded(seq=state.seq + 1, cause=1, at_ms=state.at_ms, utc_ms=0, event=event)


def folded(state: StationState, event: Event) -> StationState:
    return evolve(state, recorded(state, event))


# ---- without a clock ------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_a_station_in_1970_gets_in_though_the_certificate_began_later_than_its_version(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    async with serving(server_context(issue(tmp_path, authority, begun=-YEAR, lasting=2 * YEAR))) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(0, trusted=False), ())
        await next_of(told, LinkOpened)
        await link.close()


@pytest.mark.parametrize("utc_ms", [0, 4_102_444_800_000], ids=["1970", "2100"])
@pytest.mark.asyncio
async def test_a_certificate_that_has_expired_for_certain_is_refused_without_a_clock_too(
    utc_ms: int, tmp_path: Path
) -> None:
    """By the release of this version, and by the last time that the log proves."""
    authority = make_authority(tmp_path)
    lasting = -YEAR if utc_ms == 0 else YEAR
    async with serving(server_context(issue(tmp_path, authority, begun=2 * YEAR, lasting=lasting))) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(utc_ms, trusted=False), ())
        assert await next_of(told, TlsFailed) == TlsFailed(type=CERTIFICATE, detail="certificate has expired")
        await next_of(told, ConnectFailed)
        await link.close()


@pytest.mark.asyncio
async def test_the_time_that_the_csms_gave_counts_and_not_the_machines(tmp_path: Path) -> None:
    """The machine's clock may be wrong for good; the station's own is right."""
    authority = make_authority(tmp_path, lasting=2 * YEAR)
    async with serving(server_context(issue(tmp_path, authority, begun=-YEAR, lasting=2 * YEAR))) as csms:
        link, told = link_to(csms, tmp_path, authority)
        link.publish(knowing(), ())
        assert (await next_of(told, TlsFailed)).detail == "certificate is not yet valid"
        failed = await next_of(told, ConnectFailed)
        later = knowing(_in(1.5 * YEAR))
        link.publish(later, (recorded(later, failed),))
        await next_of(told, LinkOpened)
        await link.close()


@pytest.mark.parametrize(("begun", "refused"), [(YEAR, False), (-YEAR, True)], ids=["valid", "not yet valid"])
@pytest.mark.asyncio
async def test_a_connection_is_judged_again_once_the_time_is_known(
    begun: timedelta, *, refused: bool, tmp_path: Path
) -> None:
    authority = make_authority(tmp_path)
    async with serving(server_context(issue(tmp_path, authority, begun=begun, lasting=2 * YEAR))) as csms:
        link, told = link_to(csms, tmp_path, authority)
        state = knowing(0, trusted=False)
        link.publish(state, ())
        opened = await next_of(told, LinkOpened)
        link.publish(folded(state, opened), ())
        known = knowing()
        for _ in range(2):
            link.publish(replace(known, link=folded(state, opened).link), ())
        if refused:
            failed = await next_of(told, TlsFailed)
            assert failed == TlsFailed(type=CERTIFICATE, detail="certificate is not yet valid", connection=1)
        else:
            await next_of(told, CsmsRootProven)
        assert told.empty()
        await link.close()
        await next_of(told, LinkClosed)


def _in(time_left: timedelta) -> int:
    return int((datetime.now(UTC) + time_left).timestamp() * 1000)
