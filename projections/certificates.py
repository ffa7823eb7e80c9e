"""Root certificates that are trusted (white paper, M03 to M05), and certificates of the CSMS that are being looked at.

Theory of operation
    The log says what is installed; the certificates themselves lie in files named by their fingerprint. A file is on the disk before
    the event that installs it, and goes after the one that removes it, so whatever the log names is there after any cut, and a file
    that it does not name is none. What the settings name as `ca_file` counts as installed by the maker. If the CSMS deletes such a
    root it is `withdrawn`: the file of the settings stays as it is, and is not trusted for it.

    Which roots a connection is tried with is a ladder (`rungs`): the next rung is tried where the certificate of the CSMS cannot be
    verified by the one before. A root that was just replaced (M05.FR.13) is a rung of its own, and so are the system's trust
    anchors where the settings name none: until a connection was verified by a root of the station's own, they must not be lost.
"""

from collections.abc import Callable, Mapping
from typing import Any

from eventstore.catalogue.certificates import (
    CertificateCheckBegun,
    CertificateCheckConcluded,
    CertificateFacts,
    CsmsRootProven,
    ManufacturerRootsFound,
    RootInstalled,
    RootRemoved,
    RootsFound,
)
from eventstore.catalogue.lifecycle import LogSalvaged, StationBooted
from eventstore.catalogue.link import LinkClosed
from eventstore.event import Event, Recorded
from eventstore.value import Value, replace
from projections.clock import Clock

CSMS_ROOT, MANUFACTURER_ROOT = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
STORED, SETTINGS = "stored", "settings"
BUNDLE = "settings"
"""Stands in a rung for all certificates of a `ca_file` that is trusted as a whole."""
SYSTEM: tuple[str, ...] = ()
"""The rung of the system's trust anchors."""
WITHDRAWN_MAX = 64


class Root(Value, frozen=True, kw_only=True):
    """A root that is trusted; `source` says whether it is stored here or stands in a file that the settings name."""

    use: str
    source: str
    facts: CertificateFacts

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its DER form."""
        return self.facts.fingerprint


class Check(Value, frozen=True, kw_only=True):
    """A certificate of the CSMS that is being looked at; `action` is the CALL that waits for it."""

    check: int
    action: str
    use: str
    text: str


class Certificates(Value, frozen=True, kw_only=True):
    """`roots` in the order in which they came to be trusted. `proven` verified the last connection, `fallback` was replaced (M05.FR.11).

    `settings_digest` is that of the settings' `ca_file`, which `is_bundle` if it is trusted as a whole; `salvaged` says that the log has lost events, perhaps of a certificate, and
    nobody has looked for its file yet. `maker_digest` and `maker_withdrawn` are the same of `manufacturer_root_file`.
    """

    roots: tuple[Root, ...] = ()
    proven: str = ""
    fallback: str = ""
    withdrawn: tuple[str, ...] = ()
    settings_digest: str = ""
    is_bundle: bool = False
    maker_digest: str = ""
    maker_withdrawn: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    checks_begun: int = 0
    salvaged: bool = False

    def of(self, use: str) -> tuple[Root, ...]:
        """The roots of this use, in the order in which they came to be trusted."""
        return tuple(root for root in self.roots if root.use == use)

    @property
    def has_csms_root(self) -> bool:
        """Whether there is a root that a CSMS can be verified by, beside the system's (white paper, A05: profiles 2 and 3)."""
        return bool(self.of(CSMS_ROOT)) or self.is_bundle

    @property
    def stored(self) -> tuple[Root, ...]:
        """The roots whose files must be kept."""
        return tuple(root for root in self.roots if root.source == STORED)

    def find(self, use: str, fingerprint: str) -> Root | None:
        """The root of this use and fingerprint."""
        return next((root for root in self.of(use) if root.fingerprint == fingerprint), None)

    def check(self, number: int) -> Check | None:
        """The check of this number, if it is under way."""
        return next((check for check in self.checks if check.check == number), None)

    def rungs(self, utc_ms: int) -> tuple[tuple[str, ...], ...]:
        """The fingerprints that a connection is tried with, rung by rung; `SYSTEM` is a rung of its own.

        What has expired at `utc_ms` is left out where there is another one: in a chain it would spoil it (7.1).
        """
        roots = self.of(CSMS_ROOT)
        valid = [root for root in roots if root.facts.not_after_utc_ms > utc_ms] or roots
        named = tuple(root.fingerprint for root in valid if root.fingerprint != self.fallback)
        rungs = [(*named, BUNDLE) if self.is_bundle else named, (self.fallback,) if self.fallback else ()]
        found = tuple(rung for rung in rungs if rung)
        return found if self.settings_digest or self.proven else (*found, SYSTEM)


def _on_begun(certificates: Certificates, event: CertificateCheckBegun, recorded: Recorded, _: Clock) -> Certificates:
    check = Check(check=event.check, action=event.action, use=event.use, text=event.text)
    return replace(certificates, checks=(*certificates.checks, check), checks_begun=event.check)


def _on_concluded(
    certificates: Certificates, event: CertificateCheckConcluded, recorded: Recorded, _: Clock
) -> Certificates:
    return replace(certificates, checks=tuple(each for each in certificates.checks if each.check != event.check))


def _on_cut(
    certificates: Certificates, event: LinkClosed | StationBooted, recorded: Recorded, _: Clock
) -> Certificates:
    """The CALLs of a connection that is gone are not answered any more."""
    return replace(certificates, checks=()) if certificates.checks else certificates


def _without(certificates: Certificates, use: str, fingerprint: str) -> tuple[Root, ...]:
    return tuple(root for root in certificates.roots if (root.use, root.fingerprint) != (use, fingerprint))


def _on_installed(certificates: Certificates, event: RootInstalled, recorded: Recorded, _: Clock) -> Certificates:
    root = Root(use=event.use, source=STORED, facts=event.facts)
    return replace(
        certificates,
        roots=(*_without(certificates, event.use, root.fingerprint), root),
        fallback=event.fallback if event.use == CSMS_ROOT else certificates.fallback,
        withdrawn=tuple(each for each in certificates.withdrawn if each != root.fingerprint),
    )


def _on_removed(certificates: Certificates, event: RootRemoved, recorded: Recorded, _: Clock) -> Certificates:
    root = certificates.find(event.use, event.fingerprint)
    after = replace(certificates, roots=_without(certificates, event.use, event.fingerprint))
    if event.use == CSMS_ROOT:
        left = after.of(CSMS_ROOT)
        keeps = any(each.fingerprint == certificates.fallback for each in left) and len(left) > 1
        after = replace(
            after,
            proven="" if certificates.proven == event.fingerprint else certificates.proven,
            fallback=certificates.fallback if keeps else "",
        )
    if root is not None and root.source == STORED:
        return after
    if event.use == MANUFACTURER_ROOT:
        return replace(after, maker_withdrawn=(*certificates.maker_withdrawn, event.fingerprint)[-WITHDRAWN_MAX:])
    return replace(after, withdrawn=(*certificates.withdrawn, event.fingerprint)[-WITHDRAWN_MAX:])


def _is_kept(root: Root, missing: tuple[str, ...]) -> bool:
    """Whether the root is trusted whatever `ca_file` holds."""
    return root.use == MANUFACTURER_ROOT if root.source == SETTINGS else root.fingerprint not in missing


def maker_roots_found(certificates: Certificates, event: ManufacturerRootsFound) -> Certificates:
    """What `manufacturer_root_file` comes to. What was deleted stays so until its content changes."""
    others = tuple(root for root in certificates.roots if (root.use, root.source) != (MANUFACTURER_ROOT, SETTINGS))
    withdrawn = certificates.maker_withdrawn if event.digest == certificates.maker_digest else ()
    known = {root.fingerprint for root in others if root.use == MANUFACTURER_ROOT}
    named = tuple(
        Root(use=MANUFACTURER_ROOT, source=SETTINGS, facts=facts)
        for facts in event.roots
        if facts.fingerprint not in known and facts.fingerprint not in withdrawn
    )
    return replace(certificates, roots=(*named, *others), maker_digest=event.digest, maker_withdrawn=withdrawn)


def _on_maker_roots(
    certificates: Certificates, event: ManufacturerRootsFound, recorded: Recorded, _: Clock
) -> Certificates:
    return maker_roots_found(certificates, event)


def roots_found(certificates: Certificates, event: RootsFound) -> Certificates:
    """What the files of the roots come to."""
    kept = tuple(root for root in certificates.roots if _is_kept(root, event.missing))
    unnamed = tuple(Root(use=each.use, source=STORED, facts=each.facts) for each in event.unnamed)
    own = {root.fingerprint for root in (*kept, *unnamed) if root.use == CSMS_ROOT}
    # What a `ca_file` of other content names is wanted by somebody at the station.
    withdrawn = certificates.withdrawn if event.settings_digest == certificates.settings_digest else ()
    named = tuple(
        Root(use=CSMS_ROOT, source=SETTINGS, facts=facts)
        for facts in event.settings
        if facts.fingerprint not in own and facts.fingerprint not in withdrawn
    )
    found = replace(
        certificates,
        roots=(*named, *kept, *unnamed),
        settings_digest=event.settings_digest,
        is_bundle=event.is_bundle,
        withdrawn=withdrawn,
        salvaged=False,
    )
    left = {root.fingerprint for root in found.of(CSMS_ROOT)}
    return replace(
        found,
        proven=found.proven if found.proven in left or (found.proven == BUNDLE and found.is_bundle) else "",
        fallback=found.fallback if found.fallback in left and len(left) > 1 else "",
    )


def _on_found(certificates: Certificates, event: RootsFound, recorded: Recorded, _: Clock) -> Certificates:
    return roots_found(certificates, event)


def _on_proven(certificates: Certificates, event: CsmsRootProven, recorded: Recorded, _: Clock) -> Certificates:
    return replace(certificates, proven=event.root)


def _on_salvaged(certificates: Certificates, event: LogSalvaged, recorded: Recorded, _: Clock) -> Certificates:
    return replace(certificates, salvaged=True)


FOLDS: Mapping[type[Event], Callable[[Certificates, Any, Recorded, Clock], Certificates]] = {
    StationBooted: _on_cut,
    LinkClosed: _on_cut,
    CertificateCheckBegun: _on_begun,
    CertificateCheckConcluded: _on_concluded,
    RootInstalled: _on_installed,
    RootRemoved: _on_removed,
    RootsFound: _on_found,
    ManufacturerRootsFound: _on_maker_roots,
    CsmsRootProven: _on_proven,
    LogSalvaged: _on_salvaged,
}
