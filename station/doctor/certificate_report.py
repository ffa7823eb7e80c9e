"""Which certificates the station has and how long they last; and what a maker or operator does with them at the station.

The log is not written here: what is imported lies ready in the storage directory, and the next start takes it over, on record.
"""

import contextlib
import os
import sqlite3
import ssl
from collections.abc import Iterator
from pathlib import Path

from eventstore.catalogue.certificates import CertificateFacts
from eventstore.directory import StorageDirectory
from eventstore.errors import LogLocked, NotWritable
from eventstore.value import replace
from projections.certificates import CSMS_ROOT, MANUFACTURER_ROOT, roots_found
from projections.own_certificates import STATION_CERTIFICATE, certificates_found
from projections.security_profile import CLIENT_CERTIFICATE, TLS
from projections.station import INITIAL, StationState
from station.doctor.findings import Finding, fault, ok, warning
from station.doctor.key_report import EXIT_DONE, EXIT_FAILED, Say, profile_of
from station.replay.opening.errors import ReplayError
from station.replay.opening.folding import state_at
from station.replay.opening.source import open_log
from station.rules.certificate_time import CertificateTime
from station.runtime import pem, x509
from station.runtime.certificate_files import DIRECTORY_NAME
from station.runtime.clock import SystemClock
from station.runtime.csms_tls import CsmsContext
from station.runtime.own_identity import OwnIdentity
from station.runtime.tls import tls_context
from station.runtime.trust import Trust
from station.service.views import days_left, utc_text
from station.settings.loading import Settings

SUBJECT = "certificates"
SOON_DAYS = 30
USES = {"csms": CSMS_ROOT, "manufacturer": MANUFACTURER_ROOT, "station": STATION_CERTIFICATE}
_PROBLEMS = (ReplayError, OSError, sqlite3.Error)
_FINGERPRINT_DIGITS = 16


def known(settings: Settings) -> StationState:
    """What the log says, and the files of the settings as they are now. Raises ReplayError, OSError or sqlite3.Error."""
    state, directory = INITIAL, settings.storage.directory
    if StorageDirectory(directory).is_commissioned():
        with open_log(directory) as reader:
            state = state_at(reader, reader.head.seq).state
    roots = Trust(settings).look(state.certificates)
    own = OwnIdentity(settings).look(state.own_certificates)
    return replace(
        state,
        certificates=state.certificates if roots is None else roots_found(state.certificates, roots),
        own_certificates=state.own_certificates if own is None else certificates_found(state.own_certificates, own),
    )


def station_tls(settings: Settings, security_profile: int) -> CsmsContext:
    """TLS towards the CSMS with what the station has: its roots, and its certificate. Raises SettingsError and OSError."""
    try:
        state = known(settings)
    except (ReplayError, sqlite3.Error):  # another check reports what is wrong with the log
        return tls_context(settings, security_profile)
    now = CertificateTime(utc_ms=SystemClock().system_utc_ms(), exact=True)
    rungs = Trust(settings).rungs(state.certificates, now.utc_ms)
    own = OwnIdentity(settings).choose(state.own_certificates, now) if security_profile == CLIENT_CERTIFICATE else None
    anchors = {name: der for rung in rungs for name, der in rung.items()}
    context = tls_context(settings, security_profile, None, anchors, own)
    if anchors and not all(rungs):  # those of the system are the last resort
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return context


def certificate_findings(settings: Settings) -> Iterator[Finding]:
    """A line for each certificate that ends within a month, or has ended."""
    if not settings.features.security:
        return
    try:
        state = known(settings)
    except _PROBLEMS:  # another check reports what is wrong with the log
        return
    utc_ms, found = SystemClock().system_utc_ms(), _named(state)
    if profile_of(settings, state) in TLS and not x509.is_available():
        yield warning(SUBJECT, x509.MISSING, "pip install 'chargebox[security]'")
    for words, facts in found:
        days = days_left(facts, utc_ms)
        text = f"{words} {facts.subject} ends {utc_text(facts.not_after_utc_ms)}, in {days} days"
        if days < 0:
            yield fault(SUBJECT, text.replace(f"in {days} days", "which is past"), "have it replaced")
        elif days < SOON_DAYS:
            yield warning(SUBJECT, text, "have it replaced in time")
    if found and all(days_left(facts, utc_ms) >= SOON_DAYS for _, facts in found):
        yield ok(SUBJECT, f"{len(found)}, of which none ends within {SOON_DAYS} days")


def _named(state: StationState) -> list[tuple[str, CertificateFacts]]:
    """All certificates with their use."""
    roots = [(root.use, root.facts) for root in state.certificates.roots]
    return [*roots, *((STATION_CERTIFICATE, each.facts) for each in state.own_certificates.certificates)]


def show(settings: Settings, say: Say, complain: Say) -> int:
    """A line for each certificate; returns the exit status."""
    try:
        state = known(settings)
    except _PROBLEMS as error:
        complain(f"the log cannot be read: {error}")
        return EXIT_FAILED
    utc_ms, own, proven = SystemClock().system_utc_ms(), state.own_certificates, state.certificates.proven
    for root in state.certificates.roots:
        words = ["in use"] * (root.fingerprint == proven) + ["replaced"] * (
            root.fingerprint == state.certificates.fallback
        )
        say(_line(root.use, root.source, root.facts, utc_ms, words))
    for each in own.certificates:
        words = ["in use"] * (each.fingerprint == own.proven) + ["REFUSED by the CSMS"] * (
            each.fingerprint in own.refused
        )
        say(_line(STATION_CERTIFICATE, each.source, each.facts, utc_ms, words))
    if state.certificates.is_bundle:
        say(f"{CSMS_ROOT}: those of {settings.csms.ca_file}, which are too many to list, or cannot be read here")
    if not state.certificates.has_csms_root:
        say(f"{CSMS_ROOT}: those of the system")
    return EXIT_DONE


def _line(use: str, source: str, facts: CertificateFacts, utc_ms: int, words: list[str]) -> str:
    ends = f"ends {utc_text(facts.not_after_utc_ms)} ({days_left(facts, utc_ms)} days)"
    where = "of the settings" if source == "settings" else "stored"
    parts = [
        use,
        facts.fingerprint[:_FINGERPRINT_DIGITS],
        facts.subject,
        facts.key,
        f"serial {facts.serial}",
        ends,
        where,
    ]
    return "  ".join((*parts, *words))


def export(settings: Settings, fingerprint: str, say: Say, complain: Say) -> int:
    """Prints the certificate whose fingerprint begins so, in PEM; returns the exit status."""
    try:
        state = known(settings)
    except _PROBLEMS as error:
        complain(f"the log cannot be read: {error}")
        return EXIT_FAILED
    trust = Trust(settings)
    ders = {**trust.trusted(state.certificates), **trust.files.read_all(state.certificates.stored)}
    for own in state.own_certificates.certificates:
        chain = trust.files.read_own(own.fingerprint) or _chain_of_settings(settings)
        ders[own.fingerprint] = b"" if not chain else chain[0]
    found = [der for name, der in ders.items() if der and name.startswith(fingerprint.lower())]
    if len(found) != 1:
        complain(
            f"{len(found)} certificates begin with {fingerprint}: `chargebox certificates --settings FILE` shows them"
        )
        return EXIT_FAILED
    say(pem.written(found[0]).rstrip("\n"))
    return EXIT_DONE


def _chain_of_settings(settings: Settings) -> tuple[bytes, ...]:
    path = settings.csms.client_certificate_file
    return () if path is None else tuple(pem.certificates(path.read_text(errors="replace")).values())


def request(settings: Settings, organisation: str, say: Say, complain: Say) -> int:
    """Makes a key pair on the station and prints the request for its certificate; returns the exit status."""
    files, lock = Trust(settings).files, StorageDirectory(settings.storage.directory)
    serial = settings.station.serial or settings.station.identity[:25]
    try:
        pair = x509.make_key_pair(settings.security.certificate_key, organisation, serial)
        with contextlib.suppress(LogLocked):  # a daemon that runs is not disturbed
            lock.acquire()
        files.keep_request(pair.fingerprint, pair.private_pem)
        _give_away(settings)
    except ImportError as error:
        complain(f"{x509.MISSING}: {error}")
        return EXIT_FAILED
    except (OSError, NotWritable, ValueError) as error:
        complain(f"the key pair cannot be made: {error}")
        return EXIT_FAILED
    finally:
        lock.close()
    say(pair.csr.rstrip("\n"))
    return EXIT_DONE


def _give_away(settings: Settings) -> None:
    """What root has written belongs to whom the storage directory belongs to: the daemon must be able to read it."""
    if os.geteuid() != 0:
        return
    owner = settings.storage.directory.stat()
    for path in (settings.storage.directory / DIRECTORY_NAME, *Trust(settings).files.files()):
        os.chown(path, owner.st_uid, owner.st_gid)


def take(settings: Settings, file: Path, use: str, say: Say, complain: Say) -> int:
    """Lays a certificate ready for the next start; returns the exit status. Only while no daemon runs: nobody would look."""
    lock = StorageDirectory(settings.storage.directory)
    try:
        text = file.read_text(errors="replace")
        lock.acquire()
    except LogLocked as error:
        complain(f"{error}: stop the daemon first")
        return EXIT_FAILED
    except (OSError, NotWritable) as error:
        complain(str(error))
        return EXIT_FAILED
    try:
        problem = _laid_ready(settings, text, USES[use])
        if not problem:
            _give_away(settings)
    except ImportError as error:
        problem = f"{x509.MISSING}: {error}"
    except _PROBLEMS as error:
        problem = str(error)
    finally:
        lock.close()
    if problem:
        complain(f"{file} is not taken: {problem}")
        return EXIT_FAILED
    say(f"{file} lies ready: the next start takes it")
    return EXIT_DONE


def _laid_ready(settings: Settings, text: str, use: str) -> str:
    """Why it cannot be; "" once it is."""
    state, trust = known(settings), Trust(settings)
    trusted = list(trust.trusted(state.certificates).values())
    if use != STATION_CERTIFICATE:
        root = x509.examine_root(text, trusted)
        if not root.problem:
            trust.files.keep_import(use, (root.der,))
        return root.problem
    keys = trust.files.requested()
    found = x509.examine_chain(text, trusted, keys)
    if found.problem:
        return found.problem
    if found.public_key not in keys:
        return "it is for none of the keys that `chargebox certificates request` made here"
    trust.files.keep_import(use, found.chain)
    return ""
