"""Certificates (security white paper, A02, A03, M03 to M05): trusted roots, the station's own, and what became of those that were sent."""

from typing import ClassVar

from eventstore.event import Decision, Observation
from eventstore.value import Value


class IssuerHashes(Value, frozen=True, kw_only=True):
    """How a certificate is named by one hash algorithm (white paper 6.1): hashes of the issuer's name and key, in hexadecimal."""

    algorithm: str
    issuer_name: str
    issuer_key: str


class CertificateFacts(Value, frozen=True, kw_only=True):
    """What a certificate says. `fingerprint` is the SHA-256 of its DER form, `serial` hexadecimal without leading zeroes.

    `key` is like "EC secp256r1" or "RSA 2048"; `issuer_hashes` is empty where the certificate of its issuer is not known.
    """

    fingerprint: str
    subject: str
    issuer: str
    serial: str
    not_before_utc_ms: int
    not_after_utc_ms: int
    key: str
    issuer_hashes: tuple[IssuerHashes, ...] = ()


class RootFile(Value, frozen=True, kw_only=True):
    """A root certificate that lies in the storage directory, and its use (white paper 6.4)."""

    use: str
    facts: CertificateFacts


class CertificateCheckBegun(Decision, frozen=True, kw_only=True):
    """The CSMS sent a certificate, as `text`: it is looked at now, and the CALL `action` is answered after that."""

    NAME: ClassVar[str] = "CertificateCheckBegun"

    check: int
    action: str
    use: str
    text: str


class CertificateExamined(Observation, frozen=True, kw_only=True):
    """What a certificate was found to be. `problem` says why it cannot be used, "" if nothing stands against it.

    `signed_by` are the fingerprints of the roots of its use that are trusted and have signed it; `failure` says why its file
    could not be written. Of a certificate for the station itself: `public_key` is the fingerprint of its key, `common_name` and
    `organisation` are of its subject, `is_anchored` says that its chain leads to a root that is trusted or was sent with it,
    `chain_ends_utc_ms` when the first of that chain ends.
    """

    NAME: ClassVar[str] = "CertificateExamined"

    check: int
    problem: str
    facts: CertificateFacts | None = None
    signed_by: tuple[str, ...] = ()
    failure: str = ""
    public_key: str = ""
    common_name: str = ""
    organisation: str = ""
    is_anchored: bool = False
    chain_ends_utc_ms: int = 0


class CertificateCheckConcluded(Decision, frozen=True, kw_only=True):
    """What came of the check: `outcome` is the status that is answered, `reason` why it is not Accepted.

    `is_invalid` says that something is wrong with the certificate itself.
    """

    NAME: ClassVar[str] = "CertificateCheckConcluded"

    check: int
    action: str
    use: str
    outcome: str
    reason: str = ""
    is_invalid: bool = False


class RootInstalled(Decision, frozen=True, kw_only=True):
    """A root certificate is trusted from now on; its file lies in the storage directory (M05).

    `fallback` is the root that it replaces, which is kept until a connection was verified by the new one (M05.FR.11).
    """

    NAME: ClassVar[str] = "RootInstalled"

    use: str
    facts: CertificateFacts
    fallback: str = ""


class RootRemoved(Decision, frozen=True, kw_only=True):
    """The root certificate of this fingerprint is trusted no more, `reason` says by whom; its file goes."""

    NAME: ClassVar[str] = "RootRemoved"

    use: str
    fingerprint: str
    reason: str


class RootsFound(Observation, frozen=True, kw_only=True):
    """The files of root certificates are not what the log said last.

    `settings_digest` is the SHA-256 of what `ca_file` of the settings holds, "" if there is none; `settings` its certificates. A
    `is_bundle` is trusted as a whole: its certificates are too many to be named one by one, or not all can be read. `missing` are
    installed roots whose file is gone or damaged, `unnamed` those that lie here without being named: somebody has imported them, or
    a salvaged log has forgotten them. They are trusted.
    """

    NAME: ClassVar[str] = "RootsFound"

    settings_digest: str = ""
    settings: tuple[CertificateFacts, ...] = ()
    is_bundle: bool = False
    missing: tuple[str, ...] = ()
    unnamed: tuple[RootFile, ...] = ()


class ManufacturerRootsFound(Observation, frozen=True, kw_only=True):
    """What `manufacturer_root_file` of the settings holds is not what the log said last: `roots`, and the SHA-256 of it, "" for no file."""

    NAME: ClassVar[str] = "ManufacturerRootsFound"

    digest: str = ""
    roots: tuple[CertificateFacts, ...] = ()


class CsmsRootProven(Observation, frozen=True, kw_only=True):
    """The connection to the CSMS was verified by the root of this fingerprint, "" if it is none of the station's own."""

    NAME: ClassVar[str] = "CsmsRootProven"

    root: str


class KeyFile(Value, frozen=True, kw_only=True):
    """A certificate of the station's own that lies in the storage directory, and the fingerprint of its public key."""

    facts: CertificateFacts
    key: str


class CertificateSigningBegun(Decision, frozen=True, kw_only=True):
    """The station wants a new certificate: it makes a key pair, and a request that names these (A02.FR.02, FR.13).

    `organisation` is CpoName, `common_name` the serial number; `reason` says who or what asks for it.
    """

    NAME: ClassVar[str] = "CertificateSigningBegun"

    request: int
    organisation: str
    common_name: str
    reason: str


class SigningRequestMade(Observation, frozen=True, kw_only=True):
    """The key pair is on the disk, its private key is nowhere else: `key` is the SHA-256 of the public one, `csr` the request in PEM.

    `failure` says why there is none.
    """

    NAME: ClassVar[str] = "SigningRequestMade"

    request: int
    key: str = ""
    csr: str = ""
    failure: str = ""


class SignCertificateQueued(Decision, frozen=True, kw_only=True):
    """SignCertificate is queued (A02.FR.03); `tries` counts those of this request that nobody answered, and this."""

    NAME: ClassVar[str] = "SignCertificateQueued"

    request: int
    csr: str
    tries: int = 1


class CertificateSigningEnded(Decision, frozen=True, kw_only=True):
    """Nothing comes of the request, `reason` says why; its key goes."""

    NAME: ClassVar[str] = "CertificateSigningEnded"

    request: int
    reason: str


class StationCertificateInstalled(Decision, frozen=True, kw_only=True):
    """The station has a new certificate of its own, for the key of this fingerprint; it is used once it is valid (A02.FR.08)."""

    NAME: ClassVar[str] = "StationCertificateInstalled"

    facts: CertificateFacts
    key: str


class StationCertificateProven(Observation, frozen=True, kw_only=True):
    """A connection to the CSMS was opened with the station's certificate of this fingerprint."""

    NAME: ClassVar[str] = "StationCertificateProven"

    certificate: str


class StationCertificateRefused(Observation, frozen=True, kw_only=True):
    """The CSMS refused the station's certificate of this fingerprint: another one is tried next."""

    NAME: ClassVar[str] = "StationCertificateRefused"

    certificate: str
    reason: str


class StationCertificateDropped(Decision, frozen=True, kw_only=True):
    """A certificate of the station's own is not kept any longer (A02.FR.10); its key goes with it."""

    NAME: ClassVar[str] = "StationCertificateDropped"

    certificate: str
    reason: str


class StationCertificatesFound(Observation, frozen=True, kw_only=True):
    """The files of the station's own certificates are not what the log said last.

    `settings_digest` is the SHA-256 of what the settings name, "" if they name none, `settings` that certificate if it can be read.
    `missing` are those whose certificate or key is gone or damaged, `unnamed` those that lie here without being named: somebody has
    imported them, or a salvaged log has forgotten them.
    """

    NAME: ClassVar[str] = "StationCertificatesFound"

    settings_digest: str = ""
    settings: CertificateFacts | None = None
    missing: tuple[str, ...] = ()
    unnamed: tuple[KeyFile, ...] = ()
