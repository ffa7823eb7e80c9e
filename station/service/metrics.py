"""GET /metrics: the station in the Prometheus text format (version 0.0.4). Pure: facts in, text out.

Written by hand: the format is a few lines, and everything is read off one state at one moment, so a registry of counters would
only be a second copy that can differ.
"""

from collections.abc import Iterable, Iterator, Mapping

from eventstore.chain import Head
from eventstore.value import Value
from projections.connector import Connector
from projections.outbox import AUTHORIZE, BOOT, HEARTBEAT, NOTICE, PRIORITY, SECURITY, STATUS, TRANSACTION
from projections.own_certificates import STATION_CERTIFICATE
from projections.registration import ACCEPTED, PENDING, REJECTED, UNKNOWN
from projections.station import StationState
from station.service.views import UNKNOWN_STATUS, days_left, power_w
from station.wire.enums import ChargePointStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LANES = (BOOT, AUTHORIZE, PRIORITY, STATUS, NOTICE, SECURITY, TRANSACTION, HEARTBEAT)
DIGEST_BYTES = 6
FINGERPRINT_DIGITS = 16
"""How much of the head's digest a sample's double holds exactly."""

Labels = Mapping[str, str]
Sample = tuple[Labels, int | float]
NONE: Labels = {}


class MetricFacts(Value, frozen=True, kw_only=True):
    """What the metrics have beside the state; `head` and `log_bytes` are the log's, `dropped` the inbox's, `refused_reads`
    the reads of each reader that were no tag."""

    at_ms: int
    head: Head
    log_bytes: int
    archive_bytes: int
    free_bytes: int
    oldest_utc_ms: int | None
    dropped: int
    healthy: bool
    resident_bytes: int
    cpu_seconds: float
    refused_reads: tuple[int, ...] = ()


def metrics_text(state: StationState, facts: MetricFacts) -> str:
    """The whole exposition."""
    families = (
        *_station(state, facts),
        *_log(state, facts),
        *_csms(state, facts),
        *_security(state),
        *_certificates(state, facts),
        *_connectors(state),
        _readers(facts),
        *_process(facts),
    )
    return "".join(line for family in families for line in _lines(*family))


Family = tuple[str, str, str, Iterable[Sample]]


def _one(name: str, kind: str, text: str, value: float) -> Family:
    return f"chargebox_{name}", kind, text, ((NONE, value),)


def _station(state: StationState, facts: MetricFacts) -> Iterator[Family]:
    described, clock = state.described, state.clock
    versions = {
        "identity": described.identity,
        "version": state.maintenance.software_version,
        "firmware_version": state.maintenance.firmware_version,
    }
    yield "chargebox_info", "gauge", "What the station is.", ((versions, 1),)
    yield _one("healthy", "gauge", "1 while the loop runs and the log takes writes.", facts.healthy)
    yield _one("boots_total", "counter", "Boots in the life of the log.", clock.boot)
    yield _one("station_time_seconds", "counter", "Station time, which never goes back.", facts.at_ms / 1000)
    yield _one("clock_utc_seconds", "gauge", "Calendar time as believed, Unix epoch.", clock.utc_ms(facts.at_ms) / 1000)
    yield _one("clock_trusted", "gauge", "1 if the calendar time comes from NTP or the CSMS.", clock.trusted)
    yield _one(
        "observations_dropped_total",
        "counter",
        "Observations dropped because too many of their kind waited for the log.",
        facts.dropped,
    )


def _log(state: StationState, facts: MetricFacts) -> Iterator[Family]:
    digest = int.from_bytes(facts.head.digest[:DIGEST_BYTES], "big")
    yield _one("log_seq", "gauge", "Sequence number of the last durable event.", facts.head.seq)
    yield _one("log_head_digest", "gauge", "First 6 bytes of its digest as a number: a witness from outside.", digest)
    yield _one("log_bytes", "gauge", "What the live segment of the log takes on the disk.", facts.log_bytes)
    yield _one("archive_bytes", "gauge", "What its closed segments take.", facts.archive_bytes)
    yield _one("disk_free_bytes", "gauge", "What the file system has left.", facts.free_bytes)
    levels = ({"level": level} for level in ("ok", "low", "critical"))
    samples = ((labels, state.boot.disk == labels["level"]) for labels in levels)
    yield "chargebox_disk_level", "gauge", "How full the disk counts as.", samples


def _csms(state: StationState, facts: MetricFacts) -> Iterator[Family]:
    registration, link, outbox = state.registration, state.link, state.outbox
    statuses = ((({"status": s}), registration.status == s) for s in (ACCEPTED, PENDING, REJECTED, UNKNOWN))
    yield "chargebox_registration_status", "gauge", "1 for the registration status that holds.", statuses
    yield _one("link_up", "gauge", "1 while connected to the CSMS.", link.up)
    yield _one("link_connections_total", "counter", "Connections in the life of the log.", link.connection)
    yield _one("link_attempts", "gauge", "Attempts to connect that failed in a row.", link.attempts)
    held = state.security_profile
    yield _one("security_profile", "gauge", "The security profile that connections are made with.", held.in_force)
    yield _one("security_profile_wanted", "gauge", "The one on trial, if there is one, else the same.", held.wanted)
    pending = {lane: sum(owed.lane == lane for owed in outbox.calls) for lane in LANES}
    pending[TRANSACTION] += len(outbox.window) + outbox.beyond
    lanes = (({"lane": lane}, count) for lane, count in pending.items())
    yield "chargebox_outbox_pending", "gauge", "Calls in the outbox.", lanes
    now_ms = state.clock.utc_ms(facts.at_ms)
    age_s = 0.0 if facts.oldest_utc_ms is None else max(0, now_ms - facts.oldest_utc_ms) / 1000
    yield _one("outbox_oldest_age_seconds", "gauge", "How long the oldest call has been in the outbox.", age_s)
    yield _one("outbox_given_up_total", "counter", "Messages given up after their attempts ran out.", outbox.given_up)
    transactions = state.transactions
    yield _one("transactions_total", "counter", "Transactions in the life of the log.", transactions.last_number)
    yield _one("transactions_active", "gauge", "Transactions that run.", len(transactions.active))
    yield _one(
        "transactions_unconfirmed", "gauge", "Those the CSMS has not confirmed wholly.", len(transactions.by_number)
    )
    yield _one("local_list_version", "gauge", "Version of the local list.", state.authorization.list_version)
    yield _one("local_list_entries", "gauge", "Tags on the local list.", len(state.authorization.local_list))
    yield _one("authorization_cache_entries", "gauge", "Tags in the cache.", len(state.authorization.cache))
    yield _one("charging_profiles", "gauge", "Charging profiles installed.", len(state.charging_profiles.all))
    yield _one("reservations", "gauge", "Reservations that hold.", len(state.reservations.all))


def _security(state: StationState) -> Iterator[Family]:
    raised, last = state.security.raised, state.security.last
    yield _one("security_events_total", "counter", "Security events in the life of the log.", raised)
    moments = () if last is None else (({"type": last.type}, state.clock.utc_of(last.occurred) / 1000),)
    yield "chargebox_security_last_event_seconds", "gauge", "When the last security event was, Unix epoch.", moments


def _certificates(state: StationState, facts: MetricFacts) -> Iterator[Family]:
    named = [
        *((root.use, root.facts) for root in state.certificates.roots),
        *((STATION_CERTIFICATE, each.facts) for each in state.own_certificates.certificates),
    ]
    utc_ms = state.clock.utc_ms(facts.at_ms)
    days = (
        ({"use": use, "fingerprint": each.fingerprint[:FINGERPRINT_DIGITS]}, days_left(each, utc_ms))
        for use, each in named
    )
    yield "chargebox_certificate_days_left", "gauge", "Whole days until a certificate ends, below 0 once it has.", days


def _connectors(state: StationState) -> Iterator[Family]:
    labelled = [({"connector_id": str(connector.connector_id)}, connector) for connector in state.connectors.by_id]
    statuses = (
        ({**labels, "status": status}, (connector.status or UNKNOWN_STATUS) == status)
        for labels, connector in labelled
        for status in ChargePointStatus
    )
    yield (
        "chargebox_connector_status",
        "gauge",
        "1 for the status that holds (4.9); connector 0 is the station.",
        statuses,
    )
    real = labelled[1:]
    plugged = ((labels, state.connectors.occupied(connector)) for labels, connector in real)
    yield "chargebox_connector_plugged", "gauge", "1 while a cable is plugged.", plugged
    closed = ((labels, connector.contactor_closed) for labels, connector in real)
    yield "chargebox_connector_contactor_closed", "gauge", "1 while the contactor is closed.", closed
    limits = ((labels, connector.limit_ma / 1000) for labels, connector in real)
    yield "chargebox_connector_limit_amperes", "gauge", "What is offered per phase.", limits
    powers = ((labels, power) for labels, connector in real if (power := power_w(connector)) is not None)
    yield "chargebox_connector_power_watts", "gauge", "Active power.", powers
    yield "chargebox_connector_energy_watthours_total", "counter", "Meter register.", _energies(real)
    hottest = ((labels, state.temperatures.hottest_dc(connector.connector_id)) for labels, connector in real)
    warm = ((labels, found / 10) for labels, found in hottest if found is not None)
    yield "chargebox_connector_temperature_celsius", "gauge", "The hottest sensor that concerns it.", warm
    failed = ((labels, bool(connector.meter_failed)) for labels, connector in real)
    yield "chargebox_connector_meter_failed", "gauge", "1 while the meter cannot be read.", failed


def _energies(real: Iterable[tuple[Labels, Connector]]) -> Iterator[Sample]:
    for labels, connector in real:
        if connector.reading is not None and not connector.meter_failed:
            yield labels, connector.reading.energy_wh


def _readers(facts: MetricFacts) -> Family:
    refused = (({"reader": str(number)}, count) for number, count in enumerate(facts.refused_reads, start=1))
    return "chargebox_reader_refused_total", "counter", "Reads of a reader that are no card, since the start.", refused


def _process(facts: MetricFacts) -> Iterator[Family]:
    yield "process_resident_memory_bytes", "gauge", "Resident memory.", ((NONE, facts.resident_bytes),)
    yield "process_cpu_seconds_total", "counter", "Processor time, user and system.", ((NONE, facts.cpu_seconds),)


def _lines(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        shown = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
        number = int(value) if isinstance(value, bool | int) else f"{value:.3f}"
        yield f"{name}{{{shown}}} {number}\n" if shown else f"{name} {number}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
