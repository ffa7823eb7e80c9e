"""Facts of the station's life: boots, what it is made of, its clock, how it ended, and what it could not decide."""

from typing import ClassVar

from eventstore.event import Decision, Observation


class StationBooted(Observation, frozen=True, kw_only=True):
    """A process took the log over; nothing is served before this is durable.

    `offset_ms` is UTC minus station time as the board's clock had it; `clock_trusted` says whether that clock was
    synchronised. `orderly` tells whether the previous process ended with StationStopped. `installation` makes message
    ids unique over several logs of one station. `boot_id` is the kernel's: it changes when the board lost power.
    """

    NAME: ClassVar[str] = "StationBooted"

    boot: int
    installation: str
    software_version: str
    firmware_version: str
    offset_ms: int
    clock_trusted: bool
    orderly: bool
    boot_id: str = ""


class StationDescribed(Observation, frozen=True, kw_only=True):
    """What the settings and the board say the station is; recorded at each boot, so that replay needs no settings.

    `max_current_ma` is what one connector may draw per phase, `supply_current_ma` what all may together (0: the sum).
    `measurands` are those that the meters give and that are reported unless the CSMS or the settings say otherwise.
    `phase_rotations` are the items of ConnectorPhaseRotation (9.1.7) that the wiring says. `security_events` says which are sent to
    the CSMS (white paper, A04), beside keeping them: "always", "never", or "by profile". `security_profile_fixed`: the
    CSMS cannot change it. `requires_signed_firmware`: UpdateFirmware is not supported (L01.FR.20). `keeps_power`: a process that ends while the kernel runs on
    has not lost the connectors' power. `free_id_tags` are the tags that a plug counts as, one for each connector ("": a card
    is needed there), or none; `autocharge_prefix` stands before a vehicle's id where that is taken for a tag ("": it is not).
    """

    NAME: ClassVar[str] = "StationDescribed"
    VERSION: ClassVar[int] = 3

    identity: str
    vendor: str
    model: str
    serial: str
    connectors: int
    fixed_cable: bool
    has_lock: bool
    backup_power_s: int
    phases: int
    voltage_v: int
    max_current_ma: int
    board: str
    csms_url: str
    security_profile: int
    profiles_off: tuple[str, ...]
    factory_values: tuple[tuple[str, str], ...]
    call_timeout_s: int
    reconnect_min_ms: int
    reconnect_max_ms: int
    power_loss_policy: str
    tx_default_after_tx_profile: bool
    max_firmware_bytes: int = 0
    supply_current_ma: int = 0
    measurands: tuple[str, ...] = ("Energy.Active.Import.Register",)
    phase_rotations: tuple[str, ...] = ()
    requires_signed_firmware: bool = False
    security_events: str = "never"
    security_profile_fixed: bool = False
    keeps_power: bool = False
    free_id_tags: tuple[str, ...] = ()
    autocharge_prefix: str = ""


class LogSalvaged(Observation, frozen=True, kw_only=True):
    """The log that was found was damaged or had vanished: what was kept of it, and where the original lies.

    `old_head_seq` is the last sequence number known of the old log (0 if unknown), `kept_seq` the last one carried
    over; the events between are the gap that has to be explained to an auditor.
    """

    NAME: ClassVar[str] = "LogSalvaged"

    old_head_seq: int
    old_head_digest: str
    kept_seq: int
    quarantine: str
    findings: tuple[str, ...]


class BooksClosed(Observation, frozen=True, kw_only=True):
    """The last event of a segment of the log, whose first one is `first_seq`; the next segment begins behind it.

    `state_digest` is the SHA-256 of the state that everything up to this event, itself included, amounts to; `layout` is
    the layout of that state's bytes, `fingerprint` that of the code that folded it. No projection reads this event, so that
    its digest can cover what it leaves. Folding on from it asks for no event before `owed_seq`.
    """

    NAME: ClassVar[str] = "BooksClosed"

    first_seq: int
    state_digest: str
    layout: int
    fingerprint: str
    owed_seq: int


class ArchiveDropped(Observation, frozen=True, kw_only=True):
    """A closed segment is deleted for its age or for the size of the archives, as the operator has set it.

    `digest` is that of its last event, `before` that of the one before its first: with the archives around it, the chain can
    still be followed.
    """

    NAME: ClassVar[str] = "ArchiveDropped"

    first_seq: int
    last_seq: int
    before: str
    digest: str
    reason: str


class ArchiveThinned(Observation, frozen=True, kw_only=True):
    """What holds nothing of transactions is cut out of the archive of these events, since all take more than they may.

    `gaps` are the first and last event of each range that goes. `seal` is the SHA-256 of the header and index of what is left, and so
    of all digests in it: with them the chain can still be followed across the gaps.
    """

    NAME: ClassVar[str] = "ArchiveThinned"

    first_seq: int
    last_seq: int
    gaps: tuple[tuple[int, int], ...]
    seal: str
    reason: str


class SystemClockObserved(Observation, frozen=True, kw_only=True):
    """The board's clock was set: what it says now, and whether it is synchronised."""

    NAME: ClassVar[str] = "SystemClockObserved"

    utc_ms: int
    trusted: bool


class ClockAdjusted(Decision, frozen=True, kw_only=True):
    """UTC of a moment is from now on its station time plus `offset_ms`; `source` is "NTP", "CSMS" or "board"."""

    NAME: ClassVar[str] = "ClockAdjusted"

    offset_ms: int
    trusted: bool
    source: str


class ClockDisagreed(Decision, frozen=True, kw_only=True):
    """The CSMS's currentTime was not believed: it is `difference_ms` away from a trusted clock."""

    NAME: ClassVar[str] = "ClockDisagreed"

    difference_ms: int


class StationStopping(Observation, frozen=True, kw_only=True):
    """The process was asked to end: "SIGTERM", "SIGINT", "MainsLost" or "Command"; transactions end by policy first."""

    NAME: ClassVar[str] = "StationStopping"

    why: str


class StationStopped(Observation, frozen=True, kw_only=True):
    """The last event of a process that ended in order; `why` as in StationStopping, or "Reset"."""

    NAME: ClassVar[str] = "StationStopped"

    why: str


class DiskSpaceObserved(Observation, frozen=True, kw_only=True):
    """How full the disk is: "ok", "low" (samples are thinned) or "critical" (no new transaction starts)."""

    NAME: ClassVar[str] = "DiskSpaceObserved"

    level: str
    free_bytes: int


class LogDamageFound(Observation, frozen=True, kw_only=True):
    """The log was found damaged while the station runs.

    In the live segment: the process ends, and the next one salvages. In a closed one: what can be read of it is.
    """

    NAME: ClassVar[str] = "LogDamageFound"

    finding: str


class DecisionFailed(Decision, frozen=True, kw_only=True):
    """Our own bug: deciding on the observation raised. The observation stands, nothing was concluded from it."""

    NAME: ClassVar[str] = "DecisionFailed"

    error: str


class ObservationRejected(Observation, frozen=True, kw_only=True):
    """Our own bug: an observation could not be folded, so its kind is recorded in its stead."""

    NAME: ClassVar[str] = "ObservationRejected"

    kind: str
    error: str


class ObservationsDropped(Observation, frozen=True, kw_only=True):
    """More observations of this `kind` waited for the log than are kept: the `count` oldest of them were dropped."""

    NAME: ClassVar[str] = "ObservationsDropped"

    kind: str
    count: int


class DeadlineReached(Observation, frozen=True, kw_only=True):
    """A due time that followed from the state has come; `key` tells deadlines of one name apart."""

    NAME: ClassVar[str] = "DeadlineReached"

    name: str
    key: int
    due_ms: int
