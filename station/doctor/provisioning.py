"""The settings: everything that is wrong with the file, and the files with keys and certificates that it names."""

import stat
from collections.abc import Iterator
from pathlib import Path

from station.doctor.findings import Finding, fault, ok, warning
from station.doctor.key_report import stored_key_findings
from station.runtime import firmware_signing, maker_roots, pem, x509
from station.runtime.clock import SystemClock
from station.runtime.signing import check_key
from station.runtime.tls import tls_context
from station.service.access import read_tokens
from station.settings.loading import (
    Settings,
    SettingsError,
    authorization_key_of,
    key_file_doubts,
    load_settings,
    secret_file_findings,
)

SUBJECT = "settings"
KEYS = "keys"
WARNED_DAYS = 30


def read_settings(path: Path) -> tuple[Settings | None, tuple[Finding, ...]]:
    """The settings, if they can be used, and what there is to say of them."""
    from station.daemon.bootstrap import make_registry

    try:
        settings = load_settings(path)
        make_registry(settings)
    except SettingsError as error:
        return None, tuple(fault(SUBJECT, problem, "docs/settings.md has every key") for problem in error.problems)
    if stat.S_IMODE(path.stat().st_mode) & 0o022:
        return settings, (warning(SUBJECT, f"others may write to {path}", f"chmod go-w {path}"),)
    return settings, (ok(SUBJECT, f"{path}: {settings.station.identity} at {settings.shown_url}"),)


def key_findings(settings: Settings) -> Iterator[Finding]:
    """What `file_findings` says, and the keys that the CSMS has set, for which the log is read."""
    yield from _authorization_key(settings)
    yield from stored_key_findings(settings)
    yield from _other_files(settings)


def file_findings(settings: Settings) -> Iterator[Finding]:
    """Whether each file of a secret or certificate can be used, and is read by nobody else."""
    yield from _authorization_key(settings)
    yield from _other_files(settings)


def _other_files(settings: Settings) -> Iterator[Finding]:
    csms = settings.csms
    tokens = [file for file in (settings.service.token_file, settings.service.read_token_file) if file is not None]
    if tokens:
        try:
            read_tokens(settings)
        except SettingsError as error:
            yield fault(KEYS, str(error), "put one line of printable ASCII into it, another one into each file")
        else:
            for file in tokens:
                yield from _private(file)
    if csms.url.startswith("wss:") or csms.ca_file is not None:
        try:
            tls_context(settings, csms.security_profile)
        except SettingsError as error:
            yield fault(
                KEYS, str(error), "without it `chargebox run` ends with status 2: PEM that fits together is needed"
            )
        else:
            trusted = csms.ca_file if csms.ca_file is not None else "those of the system"
            yield ok(KEYS, f"trust anchors: {trusted}")
    if csms.client_key_file is not None:
        yield from _private(csms.client_key_file)
    if settings.storage.signing_key_file is not None:
        try:
            check_key(settings)
        except SettingsError as error:
            yield fault(KEYS, str(error), "without it `chargebox run` ends with status 2")
        else:
            yield from _private(settings.storage.signing_key_file)
    yield from _signed_firmware(settings)


def _signed_firmware(settings: Settings) -> Iterator[Finding]:
    """The files by which signed firmware is judged, and how long the roots hold."""
    file = settings.security.manufacturer_root_file
    try:
        maker_roots.check_file(settings)
        firmware_signing.check_file(settings)
    except SettingsError as error:
        yield fault(KEYS, str(error), "without it `chargebox run` ends with status 2")
        return
    if file is None:
        if settings.security.require_signed_firmware:
            text = "firmware must be signed, and the settings name no root of its maker"
            yield warning(KEYS, text, "set [security] manufacturer_root_file, unless the CSMS installs one")
        return
    try:
        roots = x509.facts_of_all(pem.certificates(file.read_text(errors="replace")))
    except ImportError:
        yield fault(KEYS, f"{file} vouches for no firmware: {x509.MISSING}", "pip install 'chargebox[security]'")
        return
    for root in roots:
        yield _lasting(f"{file}: {root.subject}", root.not_after_utc_ms - SystemClock().system_utc_ms())


def _lasting(what: str, left_ms: int) -> Finding:
    days = left_ms // 86_400_000
    if days < WARNED_DAYS:
        text = f"{what} has expired" if days < 0 else f"{what} expires in {days} days"
        return warning(KEYS, text, "put a new root beside it")
    return ok(KEYS, f"{what} vouches for firmware")


def _authorization_key(settings: Settings) -> Iterator[Finding]:
    path = settings.csms.authorization_key_file
    if path is not None:
        try:
            authorization_key_of(settings)
        except SettingsError as error:
            yield fault(KEYS, str(error), "put the Basic password into it")
        else:
            doubts = key_file_doubts(settings)
            advice = "`chargebox run` refuses it, with status 2; the secret may be known already: replace it"
            yield from (fault(KEYS, doubt, advice) for doubt in doubts)
            if not doubts:
                yield ok(KEYS, f"{path} is private")


def _private(path: Path) -> Iterator[Finding]:
    doubts = secret_file_findings(path)
    if doubts:
        yield from (warning(KEYS, doubt, "the secret may be known already: replace it") for doubt in doubts)
    else:
        yield ok(KEYS, f"{path} is private")
