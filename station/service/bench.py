"""The bench's controls over HTTP: hands, cars, faults, the network, mains and time of a simulated board.

Each control changes the bench's world, waits until what the station made of it is durable, and answers with the log's last
sequence number. A refusal changes nothing: 404 no such connector (or no bench), 409 a plug that is held by the lock, 422 a value
that the control cannot have.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.bench.board import BenchBoard
from devices.bench.errors import BenchRefusal, StillLocked, UnknownConnector
from devices.bench.world import (
    CABLE_RATINGS_MA,
    CELSIUS_MAX,
    CELSIUS_MIN,
    CONTACTOR_DEFECTS,
    ID_TAG_LENGTH_MAX,
    LETS_GO_MAX_S,
    MONITOR_DEFECTS,
    PLANTABLE_ERROR_CODES,
    REGISTER_MAX_WH,
    VEHICLE_CURRENT_MAX_MA,
)
from devices.kinds import Flag, Number, OneOf, Text, Whole, shown
from devices.readings import MeterUnavailable
from eventstore.catalogue.hardware import LocalListStoreFailing
from eventstore.catalogue.lifecycle import SystemClockObserved
from eventstore.catalogue.link import NetworkRestored
from eventstore.value import Value
from station.runtime.gateway import meter_observed
from station.service.answers import Refused, json_response, read_document
from station.service.bodies import BodyMember, InvalidBodyError, Utc
from station.service.context import ServiceContext
from station.wire.instants import parse_utc_ms

ADVANCE_MAX_S = 366 * 86_400
CUT_WITHIN_S = 2.0
CUT_POLL_S = 0.005
LETS_GO_AT_ONCE_MS = 250
"""A control that ends an offer waits for a vehicle that takes no longer than this to let go; a slow one is the asker's test."""
EVCCID_LENGTH_MAX = 23
"""16 hexadecimal digits with a separator between each two."""
INFO_LENGTH_MAX = 50
"""StatusNotification.info and vendorErrorCode, 6.47: CiString50."""

Values = Mapping[str, Any]
Control = Callable[["Controls", BenchBoard, int, Values], Awaitable[Response]]


class Patience(Value, frozen=True, kw_only=True):
    """Seconds, or "never", which is read as infinite."""

    seconds: Number = Number(minimum=0, maximum=LETS_GO_MAX_S)

    def read(self, value: object) -> object:
        """Raises ValueError for anything else."""
        if isinstance(value, str) and value != "never":
            raise ValueError(f"must be {self.describe()}, not {shown(value)}")
        return math.inf if value == "never" else self.seconds.read(value)

    def describe(self) -> str:
        """The bounds, for people."""
        return f'{self.seconds.describe()}, or "never"'


YES = BodyMember(kind=Flag(), default=True)
MUST_SAY = BodyMember(kind=Flag())
MAY_SAY = BodyMember(kind=Flag(), default=None)

PLUG = {
    "ev": YES,
    "station": YES,
    "seated": YES,
    "cable_rating_a": BodyMember(
        kind=Whole(minimum=0, maximum=0, only=tuple(rating // 1000 for rating in CABLE_RATINGS_MA)), default=None
    ),
    "evccid": BodyMember(kind=Text(longest=EVCCID_LENGTH_MAX), default=""),
}
UNPLUG = {"ev": YES, "station": YES}
VEHICLE = {
    "ready": MAY_SAY,
    "max_current_a": BodyMember(kind=Number(minimum=0, maximum=VEHICLE_CURRENT_MAX_MA / 1000), default=None),
    "phases": BodyMember(kind=Whole(minimum=1, maximum=3), default=None),
    "soc_percent": BodyMember(kind=Whole(minimum=0, maximum=100), default=None),
    "lets_go_s": BodyMember(kind=Patience(), default=None),
    "sleeps": MAY_SAY,
}
FAULT = {
    "error_code": BodyMember(kind=OneOf(words=PLANTABLE_ERROR_CODES)),
    "info": BodyMember(kind=Text(longest=INFO_LENGTH_MAX), default=""),
    "vendor_error_code": BodyMember(kind=Text(longest=INFO_LENGTH_MAX), default=""),
}
LOCK = {"jammed": MUST_SAY}
CONTACTOR = {"defect": BodyMember(kind=OneOf(words=CONTACTOR_DEFECTS))}
MONITOR = {"defect": BodyMember(kind=OneOf(words=MONITOR_DEFECTS), default="")}
METER = {"energy_wh": BodyMember(kind=Whole(minimum=0, maximum=REGISTER_MAX_WH), default=None), "fail": MAY_SAY}
TEMPERATURE = {
    "celsius": BodyMember(kind=Number(minimum=CELSIUS_MIN, maximum=CELSIUS_MAX), default=None),
    "silent": BodyMember(kind=Flag(), default=False),
}
SWIPE = {
    "id_tag": BodyMember(kind=Text(shortest=1, longest=ID_TAG_LENGTH_MAX)),
    "connector_id": BodyMember(kind=Whole(minimum=1, maximum=2**31 - 1), default=None),
}
NETWORK = {
    "up": MUST_SAY,
    "silent": BodyMember(kind=Flag(), default=False),
    "persist": BodyMember(kind=Flag(), default=False),
}
POWER = {"mains": MUST_SAY}
EMERGENCY_STOP = {"pressed": MUST_SAY}
TAMPER = {"open": MUST_SAY}
LIMIT_CONTACT = {"closed": MUST_SAY}
LOCAL_LIST = {"fail": MUST_SAY}
CLOCK = {
    "utc": BodyMember(
        kind=Utc(minimum_ms=parse_utc_ms("1970-01-01T00:00Z"), maximum_ms=parse_utc_ms("2200-01-01T00:00Z")),
        default=None,
    ),
    "trusted": MAY_SAY,
    "advance_s": BodyMember(kind=Number(minimum=0, maximum=ADVANCE_MAX_S), default=None),
}


class Controls:
    """The controls of one station. `advancing` keeps two advances of time from interleaving."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context
        self.advancing = asyncio.Lock()

    async def settled(self, background: BackgroundTask | None = None) -> Response:
        """The answer of a control whose effect is durable now, vehicles that let go at once included."""
        seq = await self.context.station.settle()
        board = self.context.board
        while board is not None and (left_ms := board.lets_go_in_ms()) is not None and left_ms <= LETS_GO_AT_ONCE_MS:
            await asyncio.sleep(left_ms / 1000)
            board.look()
            seq = await self.context.station.settle()
        return json_response({"seq": seq}, background=background)

    def endpoint(
        self, control: Control, members: Mapping[str, BodyMember], *, at_station: bool = False
    ) -> Callable[[Request], Awaitable[Response]]:
        """The handler of a control's route. `at_station`: connector 0 is the station."""

        async def handle(request: Request) -> Response:
            board = self.context.board
            if board is None:
                raise Refused(404, 'the bench controls need [board] kind = "bench"')
            connector_id = _connector_id(request.path_params.get("connector_id"), board, at_station=at_station)
            values = await read_document(request, members)
            try:
                return await control(self, board, connector_id, values)
            except StillLocked as refusal:
                raise Refused(409, str(refusal)) from None
            except UnknownConnector as refusal:
                raise Refused(404, str(refusal)) from None
            except BenchRefusal as refusal:
                raise Refused(422, str(refusal)) from None

        return handle


def _connector_id(text: str | None, board: BenchBoard, *, at_station: bool) -> int:
    """The connector of the path; 0 where the path names none. Raises Refused."""
    if text is None:
        return 0
    is_number = text.isascii() and text.isdigit() and len(text) <= 9
    if is_number and (int(text) in board.connector_ids or (at_station and int(text) == 0)):
        return int(text)
    raise Refused(404, f"connector {text[:20]} does not exist; there are 1 to {len(board.connector_ids)}")


async def _plug(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    rating_a = values["cable_rating_a"]
    board.plug(
        connector_id,
        ev=values["ev"],
        station=values["station"],
        seated=values["seated"],
        cable_rating_ma=None if rating_a is None else rating_a * 1000,
        evccid=values["evccid"],
    )
    return await controls.settled()


async def _unplug(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.unplug(connector_id, ev=values["ev"], station=values["station"])
    return await controls.settled()


async def _vehicle(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.vehicle(connector_id, **values)
    return await controls.settled()


async def _fault(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.fault(connector_id, **values)
    return await controls.settled()


async def _clear_fault(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.clear_fault(connector_id)
    return await controls.settled()


async def _lock(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.lock(connector_id, jammed=values["jammed"])
    return await controls.settled()


async def _contactor(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.contactor(connector_id, defect=values["defect"])
    return await controls.settled()


async def _monitor(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.monitor(connector_id, defect=values["defect"])
    return await controls.settled()


async def _meter(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    """The register is read at once, so that what was set is on record; a meter that fails has reported that itself."""
    station = controls.context.station
    board.meter(connector_id, energy_wh=values["energy_wh"], fail=values["fail"])
    with contextlib.suppress(MeterUnavailable):
        station.submit(meter_observed(board.read_meter(connector_id, station.clock.at_ms())))
    return await controls.settled()


async def _temperature(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.temperature(connector_id, **values)
    return await controls.settled()


async def _swipe(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.swipe(values["id_tag"], values["connector_id"])
    return await controls.settled()


async def _network(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    station, link = controls.context.station, controls.context.link
    up, silent = values["up"], values["silent"]
    board.network(up, silent=silent, persist=values["persist"])
    link.network(up=up, silent=silent)
    if up:
        station.submit(NetworkRestored())
    elif not silent:
        await _until_cut(controls.context)
    return await controls.settled()


async def _until_cut(context: ServiceContext) -> None:
    """The reset of a connection is noticed by the link a moment later: LinkClosed is the effect to wait for."""
    try:
        async with asyncio.timeout(CUT_WITHIN_S):
            while context.station.state.link.up:  # noqa: ASYNC110  # the link has no event to wait for
                await asyncio.sleep(CUT_POLL_S)
    except TimeoutError:
        raise Refused(503, f"the link did not notice within {CUT_WITHIN_S:g} s that it was cut") from None


async def _power(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    context = controls.context
    board.power(values["mains"])
    if values["mains"]:
        return await controls.settled()
    if context.settings.board.backup_power_s <= 0:
        context.die()
    return await controls.settled(BackgroundTask(context.on_mains_lost))


async def _emergency_stop(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.emergency_stop(values["pressed"])
    return await controls.settled()


async def _tamper(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.tamper(values["open"])
    return await controls.settled()


async def _limit_contact(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    board.limit_contact(values["closed"])
    return await controls.settled()


async def _local_list(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    """The station's state keeps it, and the log with it, so that it outlives the process like the rest of the world."""
    controls.context.station.submit(LocalListStoreFailing(failing=values["fail"]))
    return await controls.settled()


async def _clock(controls: Controls, board: BenchBoard, connector_id: int, values: Values) -> Response:
    station, utc_ms, advance_s = controls.context.station, values["utc"], values["advance_s"]
    if (utc_ms is None) == (advance_s is None):
        raise InvalidBodyError("either utc or advance_s is required")
    if utc_ms is not None:
        station.submit(SystemClockObserved(utc_ms=utc_ms, trusted=bool(values["trusted"])))
        return await controls.settled()
    if values["trusted"] is not None:
        raise InvalidBodyError("trusted: belongs to utc, not to advance_s")
    async with controls.advancing:
        await station.advance(round(advance_s * 1000))
        return await controls.settled()


def routes(context: ServiceContext) -> list[Route]:
    """The routes of all controls; without a bench each answers 404."""
    controls = Controls(context)

    def on_connector(name: str, control: Control, members: Mapping[str, BodyMember], method: str = "POST") -> Route:
        endpoint = controls.endpoint(control, members, at_station=name in ("fault", "temperature"))
        return Route(f"/bench/connectors/{{connector_id}}/{name}", endpoint, methods=[method])

    def on_station(name: str, control: Control, members: Mapping[str, BodyMember]) -> Route:
        return Route(f"/bench/{name}", controls.endpoint(control, members), methods=["POST"])

    return [
        on_connector("plug", _plug, PLUG),
        on_connector("unplug", _unplug, UNPLUG),
        on_connector("vehicle", _vehicle, VEHICLE),
        on_connector("fault", _fault, FAULT),
        on_connector("fault", _clear_fault, {}, "DELETE"),
        on_connector("lock", _lock, LOCK),
        on_connector("contactor", _contactor, CONTACTOR),
        on_connector("residual-monitor", _monitor, MONITOR),
        on_connector("meter", _meter, METER),
        on_connector("temperature", _temperature, TEMPERATURE),
        on_station("swipe", _swipe, SWIPE),
        on_station("network", _network, NETWORK),
        on_station("power", _power, POWER),
        on_station("emergency-stop", _emergency_stop, EMERGENCY_STOP),
        on_station("tamper", _tamper, TAMPER),
        on_station("limit-contact", _limit_contact, LIMIT_CONTACT),
        on_station("local-list", _local_list, LOCAL_LIST),
        on_station("clock", _clock, CLOCK),
    ]
