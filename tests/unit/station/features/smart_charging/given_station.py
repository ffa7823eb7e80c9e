"""A station with the two features of Smart Charging, driven through the kernel."""

import json
from typing import Any

from eventstore.catalogue.authorization import AuthorizationGranted
from eventstore.catalogue.hardware import BoardOpened, ProximityObserved
from eventstore.catalogue.lifecycle import DeadlineReached, StationBooted, StationDescribed
from eventstore.catalogue.link import CallAnswered, FrameReceived, LinkOpened
from eventstore.catalogue.smart_charging import LimitChanged
from eventstore.catalogue.transactions import TransactionIdAssigned, TransactionStarted
from eventstore.event import Event, Recorded
from projections.station import INITIAL, StationState
from station.core.feature import Feature, Refusal, Registry
from station.core.kernel import step
from station.features.smart_charging import decide, offering
from station.rules.charging_profile_rules import install_for_remote_start
from station.rules.transaction_rules import stop_now
from station.wire.frames import format_payload
from station.wire.instants import format_utc_ms
from station.wire.messages.core import RemoteStartTransaction
from station.wire.messages.smart_charging import GetCompositeSchedule
from station.wire.schema import PayloadError, dump, load_request
from tests.rest import rules_at_rest

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Charge:
    """A station at a time; `events` are all that were recorded, `now_ms` is station time, UTC is START_MS later."""

    def __init__(self, *, connectors: int = 2, profiles_off: tuple[str, ...] = (), **described: Any) -> None:
        features: tuple[Feature, ...] = (offering.FEATURE, decide.FEATURE)
        self.registry = Registry(features, profiles_off)
        self.state: StationState = INITIAL
        self.events: list[Recorded] = []
        self.now_ms = 0
        self._calls = 0
        self._described = _described(connectors=connectors, profiles_off=profiles_off, **described)
        self.boot()

    def boot(self) -> None:
        """A new process on the same log, connected."""
        boot = self.state.clock.boot + 1
        self.told(
            StationBooted(
                boot=boot,
                installation="x",
                software_version="1",
                firmware_version="1",
                offset_ms=START_MS,
                clock_trusted=True,
                orderly=True,
            )
        )
        self.told(self._described)
        self.told(BoardOpened())
        self.told(LinkOpened(connection=boot))

    def told(self, event: Event) -> list[Event]:
        """Records the event and what follows; a decision stands in for the feature that would make it."""
        self.state, batch = step(self.state, event, self.now_ms, self.registry)  # type: ignore[arg-type]  # see above
        self.events.extend(batch)
        assert rules_at_rest(self.state, self.now_ms, self.registry)
        return [recorded.event for recorded in batch[1:]]

    def wait(self, duration_s: float) -> list[Event]:
        """Time passes; deadlines fire when they are due."""
        until_ms = self.now_ms + int(duration_s * 1000)
        followed: list[Event] = []
        while (deadline := self.registry.next_deadline(self.state)) is not None and deadline.due_ms <= until_ms:
            assert deadline.due_ms > self.now_ms or self.state.charging_profiles.stale, "a deadline never spins"
            self.now_ms = deadline.due_ms
            followed += self.told(DeadlineReached(name=deadline.name, key=deadline.key, due_ms=deadline.due_ms))
        self.now_ms = until_ms
        return followed

    def starts(self, connector_id: int, number: int, transaction_id: int | None = None) -> list[Event]:
        """A transaction begins; the CSMS's id is known if given."""
        followed = self.told(
            TransactionStarted(
                connector_id=connector_id,
                number=number,
                id_tag="TAG",
                parent_id_tag=None,
                meter_start_wh=0,
                started=self.state.clock.moment(self.now_ms),
                authorized_by="Cache",
            )
        )
        if transaction_id is not None:
            self.told(TransactionIdAssigned(number=number, transaction_id=transaction_id))
        return followed

    def stops(self, number: int) -> list[Event]:
        """The transaction ends."""
        transaction = self.state.transactions.by_number[number]
        return self.told(stop_now(self.state, transaction, "Local", self.now_ms))

    def plugs(self, connector_id: int, cable_rating_ma: int | None) -> list[Event]:
        """A cable comes or goes."""
        return self.told(ProximityObserved(connector_id=connector_id, cable_rating_ma=cable_rating_ma))

    def remote_start(self, connector_id: int, profile: dict[str, Any]) -> Any:
        """What a RemoteStartTransaction with the profile comes to: the refusal, or the events that were recorded."""
        payload = {"idTag": "TAG", "chargingProfile": profile}
        request, _ = load_request(RemoteStartTransaction, payload)
        assert request.charging_profile is not None
        result = install_for_remote_start(self.state, connector_id, request.charging_profile)
        if isinstance(result, tuple) and result:
            self.told(granted(connector_id))
            for event in result:
                self.told(event)
        return result

    def asks(self, action: str, payload: dict[str, Any]) -> Any:
        """A CALL of the CSMS: the answer's payload, or the error code of a CALLERROR."""
        self._calls += 1
        text = json.dumps([2, f"m{self._calls}", action, payload])
        followed = self.told(FrameReceived(connection=self.state.link.connection, text=text))
        answer = next(event for event in followed if isinstance(event, CallAnswered))
        return answer.error_code or json.loads(answer.payload)

    def composite(self, connector_id: int, duration_s: int = 300, **members: Any) -> Any:
        """GetCompositeSchedule: the answer's payload as it stands on the wire, or the error code."""
        payload = {"connectorId": connector_id, "duration": duration_s, **members}
        try:
            request, _ = load_request(GetCompositeSchedule, payload)
        except PayloadError as error:
            return error.error_code
        response = self.registry.answers["GetCompositeSchedule"].decide(self.state, request, self.now_ms).response
        if isinstance(response, Refusal):
            return response.error_code
        return json.loads(format_payload(dump(response)))

    def sets(self, connector_id: int, profile: dict[str, Any]) -> str:
        """SetChargingProfile: the status, or the error code."""
        answer = self.asks("SetChargingProfile", {"connectorId": connector_id, "csChargingProfiles": profile})
        return str(answer if isinstance(answer, str) else answer["status"])

    def limits(self) -> dict[int, int]:
        """Milliamperes offered, by connector."""
        return {each.connector_id: each.limit_ma for each in self.state.connectors.real}

    def installed(self) -> list[tuple[int, int]]:
        """Connector and id of each installed profile."""
        return [(held.connector_id, held.profile.charging_profile_id) for held in self.state.charging_profiles.all]


def granted(connector_id: int) -> AuthorizationGranted:
    return AuthorizationGranted(connector_id=connector_id, id_tag="TAG", parent_id_tag=None, source="Remote")


def changes(events: list[Event]) -> list[tuple[int, int]]:
    """Connector and new limit of each LimitChanged."""
    return [(each.connector_id, each.limit_ma) for each in events if isinstance(each, LimitChanged)]


def wire(purpose: str, *limits: tuple[int, float], unit: str = "A", **members: Any) -> dict[str, Any]:
    """A profile as the CSMS sends it: Absolute from START_MS on unless told otherwise; None leaves a member out."""
    schedule = {
        "chargingRateUnit": unit,
        "startSchedule": format_utc_ms(START_MS),
        "chargingSchedulePeriod": [{"startPeriod": start, "limit": limit} for start, limit in limits],
        **members.pop("schedule", {}),
    }
    given = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {key: value for key, value in schedule.items() if value is not None},
    }
    return {**given, **members}


def _described(**members: Any) -> StationDescribed:
    given: dict[str, Any] = {
        "identity": "CB",
        "vendor": "V",
        "model": "M",
        "serial": "S",
        "connectors": 2,
        "fixed_cable": False,
        "has_lock": True,
        "backup_power_s": 0,
        "phases": 3,
        "voltage_v": 230,
        "max_current_ma": 32_000,
        "board": "bench",
        "csms_url": "ws://localhost/",
        "security_profile": 0,
        "profiles_off": (),
        "factory_values": (),
        "call_timeout_s": 30,
        "reconnect_min_ms": 1,
        "reconnect_max_ms": 300,
        "power_loss_policy": "resume",
        "tx_default_after_tx_profile": False,
    }
    given |= members
    given.setdefault("supply_current_ma", given["max_current_ma"])  # shared by all: that is what is tested here
    return StationDescribed(**given)
