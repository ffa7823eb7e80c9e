"""Root certificates: listed (M03), deleted (M04) and installed (M05)."""

from eventstore.catalogue.certificates import CertificateFacts, IssuerHashes, RootRemoved
from projections.certificates import CSMS_ROOT
from projections.station import StationState
from station.core.feature import Events, Reply
from station.features.certificates.checks import INSTALL, begin
from station.wire.messages.security import (
    CertificateHashData,
    DeleteCertificate,
    DeleteCertificateResponse,
    GetInstalledCertificateIds,
    GetInstalledCertificateIdsResponse,
    InstallCertificate,
    InstallCertificateResponse,
)
from station.wire.security_enums import (
    CertificateStatus,
    DeleteCertificateStatus,
    GetInstalledCertificateStatus,
    HashAlgorithm,
)


def install(state: StationState, request: InstallCertificate, at_ms: int) -> Reply:
    """M05: the answer waits for the job that looks at the certificate and stores it."""
    begun = begin(state, INSTALL, request.certificate_type, request.certificate, at_ms)
    return begun or Reply(InstallCertificateResponse(status=CertificateStatus.FAILED))


def get_ids(state: StationState, request: GetInstalledCertificateIds, at_ms: int) -> Reply:
    """M03: all of a use that can be named, by SHA-256 (A00.FR.506)."""
    found = tuple(
        CertificateHashData(
            hash_algorithm=HashAlgorithm.SHA256,
            issuer_name_hash=hashes.issuer_name,
            issuer_key_hash=hashes.issuer_key,
            serial_number=root.facts.serial,
        )
        for root in state.certificates.of(request.certificate_type)
        for hashes in root.facts.issuer_hashes
        if hashes.algorithm == HashAlgorithm.SHA256
    )
    if not found:
        return Reply(GetInstalledCertificateIdsResponse(status=GetInstalledCertificateStatus.NOT_FOUND))
    status = GetInstalledCertificateStatus.ACCEPTED
    return Reply(GetInstalledCertificateIdsResponse(status=status, certificate_hash_data=found))


def delete(state: StationState, request: DeleteCertificate, at_ms: int) -> Reply:
    """M04: but for the root by which the connection to the CSMS is verified (M04.FR.06)."""
    wanted = request.certificate_hash_data
    found = [root for root in state.certificates.roots if _is_named(root.facts, wanted)]
    if any(_is_named(each.facts, wanted) for each in state.own_certificates.certificates):  # M04.FR.05
        return Reply(DeleteCertificateResponse(status=DeleteCertificateStatus.FAILED))
    if not found:
        return Reply(DeleteCertificateResponse(status=DeleteCertificateStatus.NOT_FOUND))
    if any(root.use == CSMS_ROOT and root.fingerprint == state.certificates.proven for root in found):
        return Reply(DeleteCertificateResponse(status=DeleteCertificateStatus.FAILED))
    removed = tuple(
        RootRemoved(use=root.use, fingerprint=root.fingerprint, reason="deleted by the CSMS") for root in found
    )
    return Reply(DeleteCertificateResponse(status=DeleteCertificateStatus.ACCEPTED), removed)


def _is_named(facts: CertificateFacts, wanted: CertificateHashData) -> bool:
    """All three are hexadecimal, in which case does not count; leading zeroes are tolerated."""
    if facts.serial.casefold() != wanted.serial_number.strip().lstrip("0").casefold():
        return False
    hashes = IssuerHashes(
        algorithm=wanted.hash_algorithm,
        issuer_name=wanted.issuer_name_hash.strip().upper(),
        issuer_key=wanted.issuer_key_hash.strip().upper(),
    )
    return hashes in facts.issuer_hashes


def drop_fallback(state: StationState, at_ms: int) -> Events:
    """M05.FR.12: a connection was verified by the new root, so the one that it replaced goes."""
    certificates = state.certificates
    if not certificates.fallback or certificates.proven in ("", certificates.fallback):
        return ()
    reason = "a connection was verified by the root that replaces it"
    return (RootRemoved(use=CSMS_ROOT, fingerprint=certificates.fallback, reason=reason),)
