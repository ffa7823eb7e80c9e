"""TLS towards the CSMS by the settings: whom it must be (`ca_file`) and, for profile 3, who the station is.

The files are read at each connection, so that new ones hold from the next one on. What is wrong with one at start is a mistake
in the settings; later it is a failed attempt, since a station that charges goes on charging.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path

from projections.security_profile import CLIENT_CERTIFICATE
from station.rules.certificate_time import CertificateTime
from station.runtime.csms_tls import CsmsContext, harden
from station.settings.loading import Settings

CERTIFICATE, PRIVATE_KEY, ENCRYPTED = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----", b"ENCRYPTED"


def client_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer towards a server, held to `ca_file` or to the system's trust anchors. Raises OSError, of which SSLError is one."""
    context = ssl.create_default_context(cafile=ca_file)
    harden(context)
    return context


def tls_context(
    settings: Settings,
    security_profile: int,
    when: CertificateTime | None = None,
    anchors: Mapping[str, bytes] | None = None,
    own: tuple[Path, Path] | None = None,
) -> CsmsContext:
    """TLS towards the CSMS, held to `anchors` (in DER), else to `ca_file` or the system's, at the machine's time if not `when`.

    `own` is where a certificate of the station lies and its key, if it is not that of the settings.

    Raises SettingsError for a file that cannot be used, which names its key, path and what is wrong with it.
    """
    ca_file, certificate = settings.csms.ca_file, settings.csms.client_certificate_file
    context = CsmsContext(when)
    if anchors:
        context.load_verify_locations(cadata=b"".join(anchors.values()))
    elif ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        _read(settings, "ca_file", ca_file, CERTIFICATE)
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError as error:
            raise settings.error("csms", "ca_file", f"{ca_file}: {_words(error)}") from error
    if own is not None:
        context.load_cert_chain(*own)
    elif security_profile == CLIENT_CERTIFICATE and certificate is not None:
        _prove_oneself(settings, context, certificate)
    return context


def check_files(settings: Settings) -> None:
    """Raises SettingsError as `tls_context` does, for the files that the settings name; the system's are not looked at."""
    profile = settings.csms.security_profile
    if settings.csms.ca_file is not None or profile == CLIENT_CERTIFICATE:
        tls_context(settings, profile)


def _prove_oneself(settings: Settings, context: ssl.SSLContext, certificate: Path) -> None:
    key_file = settings.csms.client_key_file
    assert key_file is not None, "the settings ask for both or none"
    _read(settings, "client_certificate_file", certificate, CERTIFICATE)
    if ENCRYPTED in _read(settings, "client_key_file", key_file, PRIVATE_KEY):
        raise settings.error("csms", "client_key_file", f"{key_file}: is encrypted, and there is nobody to ask for it")
    try:
        context.load_cert_chain(certificate, key_file)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"{key_file}: is not the key of {certificate}"
            raise settings.error("csms", "client_key_file", problem) from error
        problem = f"{certificate}, with the key {key_file}: {_words(error)}"
        raise settings.error("csms", "client_certificate_file", problem) from error


def _read(settings: Settings, key: str, path: Path, marker: bytes) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise settings.error("csms", key, f"{path}: cannot be read: {error.strerror}") from error
    if marker not in content:
        kind = "certificate" if marker == CERTIFICATE else "private key"
        raise settings.error("csms", key, f"{path}: holds no {kind} in PEM")
    return content


def _words(error: ssl.SSLError) -> str:
    return f"cannot be used: {(error.reason or str(error)).replace('_', ' ').lower()}"
