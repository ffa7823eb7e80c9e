"""What the service shows: pure functions from the published state to the JSON of the contract.

Times are ISO 8601 UTC as believed now, energy in Wh, power in W, current in A. A time that no calendar can say is null.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from eventstore.catalogue.certificates import CertificateFacts
from eventstore.catalogue.transactions import Moment
from eventstore.chain import Row
from projections.charging_profiles import Installed
from projections.connector import Connector
from projections.limit_reason import TEMPERATURE, LimitReason, OutsideReason
from projections.station import StationState
from projections.transactions import Transaction
from station.core.config_keys import Access
from station.core.feature import Registry
from station.features.smart_charging.reasons import limit_reason, outside_reason
from station.telling.masking import without_credentials
from station.wire.instants import format_utc_ms

HEARTBEAT_INTERVAL = "HeartbeatInterval"
DAY_MS = 86_400_000
UNKNOWN_STATUS = "Unavailable"
"""What a connector is called until its copper has been read and its status derived."""

Json = dict[str, Any]


def utc_text(utc_ms: int | None) -> str | None:
    """ISO 8601 text; None for no time, or for one outside the calendar."""
    try:
        return None if utc_ms is None else format_utc_ms(utc_ms)
    except ValueError:
        return None


def state_view(
    state: StationState, registry: Registry, *, at_ms: int, digest: bytes, log_bytes: int, oldest_utc_ms: int | None
) -> Json:
    """GET /api/state: the projections at the moment of one seq, whose digest in the chain is `digest`."""
    configuration = configuration_view(state, registry)
    outbox = state.outbox
    return {
        "log": {"last_seq": state.seq, "head_digest": digest.hex(), "bytes": log_bytes},
        "station": {
            "identity": state.described.identity,
            "boot": state.clock.boot,
            "version": state.maintenance.software_version,
            "firmware_version": state.maintenance.firmware_version,
            "stopping": state.maintenance.stopping or None,
        },
        "registration": {
            "status": state.registration.status,
            "heartbeat_interval_s": int(configuration.get(HEARTBEAT_INTERVAL, state.registration.interval_s)),
        },
        "link": {"up": state.link.up, "connection": state.link.connection},
        "clock": {
            "utc": utc_text(state.clock.utc_ms(at_ms)),
            "trusted": state.clock.trusted,
            "source": state.clock.source,
        },
        "connectors": [connector_view(state, connector, at_ms) for connector in state.connectors.by_id],
        "transactions": [
            transaction_view(state, state.transactions.by_number[number])
            for number in sorted(state.transactions.by_number)
        ],
        "outbox": {
            "pending": outbox.pending,
            "in_flight": _in_flight(state),
            "oldest_at": utc_text(oldest_utc_ms),
            "given_up": outbox.given_up,
        },
        "authorization": {
            "local_list_version": state.authorization.list_version,
            "local_list_size": len(state.authorization.local_list),
            "cache_size": len(state.authorization.cache),
        },
        "limits": [outside_view(outside_reason(state, held)) for held in state.outside_limits.in_force],
        "charging_profiles": [profile_view(installed) for installed in state.charging_profiles.all],
        "reservations": reservations_view(state),
        "commissioning": commissioning_of(state),
        "security": security_view(state),
        "certificates": certificates_view(state, at_ms),
        "configuration": configuration,
    }


def commissioning_of(state: StationState) -> Json | None:
    """The commissioning test that runs, or the last one; None if there was none."""
    known = state.commissioning
    if not known.connector_id:
        return None
    return {
        "connector_id": known.connector_id,
        "running": known.running,
        "step": known.step or None,
        "results": {each.step: each.passed for each in known.results},
        "ended": known.ended or None,
        "passed": known.passed,
    }


def certificates_view(state: StationState, at_ms: int) -> Json:
    """The roots that are trusted and the station's own certificates, with the days that are left of each."""
    utc_ms, own = state.clock.utc_ms(at_ms), state.own_certificates
    roots = [
        {"use": root.use, "in_use": root.fingerprint == state.certificates.proven, **_certificate(root.facts, utc_ms)}
        for root in state.certificates.roots
    ]
    station = [
        {
            "in_use": each.fingerprint == own.proven,
            "refused": each.fingerprint in own.refused,
            **_certificate(each.facts, utc_ms),
        }
        for each in own.certificates
    ]
    return {"roots": roots, "station": station, "asked_for": own.signing is not None}


def _certificate(facts: CertificateFacts, utc_ms: int) -> Json:
    return {
        "fingerprint": facts.fingerprint,
        "subject": facts.subject,
        "not_after": utc_text(facts.not_after_utc_ms),
        "days_left": days_left(facts, utc_ms),
    }


def days_left(facts: CertificateFacts, utc_ms: int) -> int:
    """Whole days until a certificate ends; below 0 once it has."""
    return (facts.not_after_utc_ms - utc_ms) // DAY_MS


def _in_flight(state: StationState) -> Json | None:
    call = state.outbox.in_flight
    if call is None:
        return None
    sent_at = utc_text(state.clock.utc_ms(call.sent_ms))
    return {"message_id": call.message_id, "action": call.action, "sent_at": sent_at}


def configuration_view(state: StationState, registry: Registry) -> dict[str, str]:
    """Every configuration key of this station that may be read, with the text of its value (5.8)."""
    return {
        name: key.text_of(state)
        for name, key in sorted(registry.config_keys.items())
        if key.is_present(state) and key.access_in(state) is not Access.WRITE_ONLY
    }


def connector_view(state: StationState, connector: Connector, at_ms: int) -> Json:
    """One connector; the station itself (0) has no copper."""
    shown: Json = {
        "connector_id": connector.connector_id,
        "status": connector.status or UNKNOWN_STATUS,
        "error_code": connector.error_code,
        "availability": connector.availability,
        "info": connector.info,
        "vendor_error_code": connector.vendor_error_code,
    }
    if connector.connector_id == 0:
        return shown
    reading, hottest_dc = connector.reading, state.temperatures.hottest_dc(connector.connector_id)
    return shown | {
        "plugged": state.connectors.occupied(connector),
        "locked": connector.locked,
        "contactor": "closed" if connector.contactor_closed else "open",
        "limit_a": connector.limit_ma / 1000,
        "limit_by": limit_view(limit_reason(state, connector.connector_id, at_ms)),
        "power_w": power_w(connector),
        "temperature_c": None if hottest_dc is None else hottest_dc / 10,
        "energy_wh": None if reading is None else reading.energy_wh,
        "read_at": None if reading is None else utc_text(state.clock.utc_ms(reading.at_ms)),
        "transaction_number": connector.transaction_number,
        "reservation_id": _reservation_id(state, connector),
    }


def limit_view(reason: LimitReason | None) -> Json | None:
    """What decides a limit; None where nothing is offered, or nothing tells it."""
    if reason is None:
        return None
    warm = {"temperature_c": None if reason.temperature_dc is None else reason.temperature_dc / 10}
    return (warm if reason.kind == TEMPERATURE else {}) | {
        "kind": reason.kind,
        "charging_profile_id": reason.charging_profile_id,
        "purpose": reason.purpose or None,
        "period": reason.period or None,
        "set_at": utc_text(reason.set_utc_ms),
        "until": utc_text(reason.until_utc_ms),
        "outside": None if reason.outside is None else outside_view(reason.outside),
    }


def outside_view(outside: OutsideReason) -> Json:
    """A limit in force from outside; `silent`: its safe value, because nothing was heard in time."""
    ma = outside.max_current_ma
    return {
        "kind": outside.kind,
        "source": outside.source or None,
        "silent": outside.silent,
        "max_current_a": None if ma is None else ma / 1000,
        "max_power_w": outside.max_power_w,
        "since": utc_text(outside.since_utc_ms),
    }


def power_w(connector: Connector) -> int | None:
    """What the meter says; 0 behind an open contactor, whatever was read before; None if the meter does not measure it, or fails."""
    if not connector.contactor_closed:
        return 0
    if connector.meter_failed:
        return None
    return None if connector.reading is None else connector.reading.power_w


def _reservation_id(state: StationState, connector: Connector) -> int | None:
    if connector.grant is not None and connector.grant.reservation_id is not None:
        return connector.grant.reservation_id
    waiting = (
        held
        for held in state.reservations.on(connector.connector_id)
        if held.reservation_id not in state.reservations.used
    )
    return next((held.reservation_id for held in waiting), None)


def transaction_view(state: StationState, transaction: Transaction) -> Json:
    """A transaction that runs or is not wholly confirmed. One that was given up was never confirmed."""
    return {
        "number": transaction.number,
        "transaction_id": transaction.transaction_id,
        "connector_id": transaction.connector_id,
        "id_tag": transaction.id_tag,
        "started_at": _moment_text(state, transaction.started),
        "meter_start_wh": transaction.meter_start_wh,
        "stopped_at": _moment_text(state, transaction.stopped),
        "meter_stop_wh": transaction.meter_stop_wh,
        "reason": transaction.reason,
        "start_confirmed": transaction.start_settled and not transaction.start_given_up,
        "stop_confirmed": transaction.stop_settled,
    }


def _moment_text(state: StationState, moment: Moment | None) -> str | None:
    return None if moment is None else utc_text(state.clock.utc_of(moment))


def profile_view(installed: Installed) -> Json:
    """An installed charging profile (7.8), rates in its own unit."""
    profile = installed.profile
    minimum = profile.min_charging_rate_deci
    return {
        "connector_id": installed.connector_id,
        "charging_profile_id": profile.charging_profile_id,
        "stack_level": profile.stack_level,
        "purpose": profile.purpose,
        "kind": profile.kind,
        "recurrency": profile.recurrency,
        "valid_from": utc_text(profile.valid_from_utc_ms),
        "valid_to": utc_text(profile.valid_to_utc_ms),
        "start_schedule": utc_text(profile.start_schedule_utc_ms),
        "duration_s": profile.duration_s,
        "unit": profile.unit,
        "min_charging_rate": None if minimum is None else minimum / 10,
        "transaction_number": profile.transaction_number,
        "periods": [
            {"start_s": period.start_s, "limit": period.limit_deci / 10, "phases": period.phases}
            for period in profile.periods
        ],
    }


def reservations_view(state: StationState) -> list[Json]:
    """The reservations that hold (5.13); `used`: a transaction was started for it."""
    return [
        {
            "reservation_id": held.reservation_id,
            "connector_id": held.connector_id,
            "id_tag": held.id_tag,
            "parent_id_tag": held.parent_id_tag,
            "expires_at": utc_text(held.expiry_utc_ms),
            "used": held.reservation_id in state.reservations.used,
        }
        for held in state.reservations.all
    ]


def security_view(state: StationState) -> Json:
    """The security profile, and how many security events were raised, and the last one (white paper, A05 and section 8)."""
    last = state.security.last
    shown = None
    if last is not None:
        at = _moment_text(state, last.occurred)
        shown = {"seq": last.seq, "type": last.type, "tech_info": without_credentials(last.tech_info), "at": at}
    held = state.security_profile
    return {
        "profile": held.in_force,
        "on_trial": held.trial,
        "events": state.security.raised,
        "last_event": shown,
    }


def event_rows(rows: Iterable[Row]) -> list[Json]:
    """Stored events as they lie in the log, but for user and password of locations, which logs of version 0.1.0 hold."""
    return [
        {
            "seq": row.seq,
            "cause": row.cause,
            "at_ms": row.at_ms,
            "utc": utc_text(row.utc_ms),
            "type": row.type,
            "version": row.version,
            "connector_id": row.connector_id,
            "payload": orjson.Fragment(without_credentials(row.payload)),
        }
        for row in rows
    ]


def health_view(trouble: str | None) -> Mapping[str, str]:
    """GET /healthz."""
    return {"status": "ok"} if trouble is None else {"status": "failing", "error": trouble}
