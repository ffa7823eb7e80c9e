"""Connectors: their facts, kept as facts. Status, outputs and every refusal follow from them; no composite state is kept."""

from typing import Any

from eventstore.catalogue.transactions import HeldFor
from eventstore.value import Value, replace
from projections.register import Register

OPERATIVE, INOPERATIVE = "Operative", "Inoperative"
EV_DISCONNECTED = "EV side disconnected"  # the info that 4.9 asks for

CURRENT_MIN_MA = 6_000
"""The least current that a control pilot can offer (IEC 61851-1, table A.8)."""
MONITOR_PASSED, MONITOR_FAILED = "passed", "failed"
EV_RESPONSE_MS = 5_000
"""How long a vehicle may take to follow the pilot (IEC 61851-1, sequence 6)."""


class Fault(Value, frozen=True, kw_only=True):
    """A ChargePointErrorCode that holds (7.6)."""

    error_code: str
    info: str = ""
    vendor_error_code: str = ""


class Grant(Value, frozen=True, kw_only=True):
    """An authorization to start that waits for the cable, the lock or the vehicle."""

    id_tag: str
    parent_id_tag: str | None
    source: str
    since_ms: int
    reservation_id: int | None = None


class Reported(Value, frozen=True, kw_only=True):
    """What was last put on its way to the CSMS as the connector's status, by the event `owed_seq`."""

    owed_seq: int

    status: str
    error_code: str
    info: str
    vendor_error_code: str
    delivered: bool = False


class BelievedReading(Value, frozen=True, kw_only=True):
    """The last reading of the meter: `energy_wh` is the register that is reported, as it is believed, offset included."""

    at_ms: int
    energy_wh: int
    power_w: int | None
    current_ma: tuple[int, ...]
    voltage_mv: tuple[int, ...]
    frequency_mhz: int | None
    temperature_dc: int | None
    soc_percent: int | None


class Derating(Value, frozen=True, kw_only=True):
    """What a connector may draw for its temperature, as `DeratingChanged` has it; None: as much as without."""

    limit_ma: int | None = None
    temperature_dc: int | None = None
    silent: bool = False
    overheated: bool = False


class Monitor(Value, frozen=True, kw_only=True):
    """A residual current monitor that can be tested: whether there is one, and what its last test came to, "" before it.

    A test counts for one session. `retried` holds once a failed one was repeated with nothing plugged in.
    """

    wired: bool = False
    outcome: str = ""
    retried: bool = False

    @property
    def lets_close(self) -> bool:
        """Whether it has nothing against energy."""
        return not self.wired or self.outcome == MONITOR_PASSED


class Connector(Value, frozen=True, kw_only=True):
    """`preparing_since_ms` is when the present Preparing began (ConnectionTimeOut); `finishing` holds from a stop
    until the cable is out; `timed_out` after ConnectionTimeOut with the cable in; `reading` has the register as it is
    believed, `register` why; `let_go_by_ms` is when the contactor opens at the latest whose vehicle was asked to let go of
    the energy; `has_let_go` holds while it stays in B for that; `returns_by_ms` is how long a vehicle that is offered a
    current again may take to ask for it."""

    connector_id: int
    availability: str = OPERATIVE
    scheduled_availability: str = ""
    pilot_state: str = "A"
    cable_rating_ma: int | None = None
    contactor_closed: bool = False
    contactor_fault: str = ""
    let_go_by_ms: int | None = None
    has_let_go: bool = False
    returns_by_ms: int | None = None
    locked: bool = False
    jammed: bool = False
    lock_failed: bool = False
    unlock_wanted: bool = False
    faults: tuple[Fault, ...] = ()
    emergency_stop: bool = False
    grant: Grant | None = None
    transaction_number: int | None = None
    finishing: bool = False
    finishing_info: str = ""
    timed_out: bool = False
    held_for: HeldFor | None = None
    occupied_since_ms: int | None = None
    preparing_since_ms: int | None = None
    status: str = ""
    error_code: str = "NoError"
    info: str = ""
    vendor_error_code: str = ""
    status_since_ms: int = 0
    reported: Reported | None = None
    limit_ma: int = 0
    phases: int = 3
    reading: BelievedReading | None = None
    register: Register = Register()
    meter_failed: str = ""
    derating: Derating = Derating()
    monitor: Monitor = Monitor()

    def returns_by_ms_at(self, limit_ma: int, at_ms: int) -> int | None:
        """`returns_by_ms` once the limit is `limit_ma`, in mA, from `at_ms` on: None without an offer."""
        if limit_ma < CURRENT_MIN_MA:
            return None
        is_new = self.limit_ma < CURRENT_MIN_MA
        if is_new and (self.has_let_go or self.let_go_by_ms is not None):
            return at_ms + EV_RESPONSE_MS  # it stands in B for our sake, or is about to
        return self.returns_by_ms

    @property
    def connected(self) -> bool:
        """A vehicle is at the other end of the cable (pilot B, C or D)."""
        return self.pilot_state in ("B", "C", "D")

    @property
    def stuck_locked(self) -> bool:
        """The lock was driven open and is where it was. It ends with the drive that opens it."""
        return self.jammed and self.locked


class Connectors(Value, frozen=True, kw_only=True):
    """All connectors by id; `waiting` is an authorization for the next connector that is plugged in.

    `known` holds once the board has reported every input of this boot. `max_power_mw` is what one connector is rated for.
    """

    by_id: tuple[Connector, ...] = (Connector(connector_id=0),)
    socket: bool = True
    has_lock: bool = True
    known: bool = False
    waiting: Grant | None = None
    max_power_mw: int = 0

    def __getitem__(self, connector_id: int) -> Connector:
        """The connector; raises IndexError for an id that the station does not have."""
        if connector_id < 0:
            raise IndexError(connector_id)
        return self.by_id[connector_id]

    def has(self, connector_id: int) -> bool:
        """Whether there is such a connector, 0 included."""
        return 0 <= connector_id < len(self.by_id)

    @property
    def real(self) -> tuple[Connector, ...]:
        """The connectors with copper: 1 to n."""
        return self.by_id[1:]

    def occupied(self, connector: Connector) -> bool:
        """Whether a cable is in (socket) or the fixed cable is in a vehicle."""
        return connector.connected or (self.socket and connector.cable_rating_ma is not None)

    def changed(self, connector_id: int, **facts: Any) -> "Connectors":
        """The same with other facts for one connector."""
        if not self.has(connector_id):
            return self
        connector = replace(self.by_id[connector_id], **facts)
        by_id = (*self.by_id[:connector_id], connector, *self.by_id[connector_id + 1 :])
        return replace(self, by_id=by_id)
