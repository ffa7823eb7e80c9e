"""The application: routes, errors, and the check of who asks.

    GET  /healthz                   200, or 503 with the reason
    GET  /api/state                 the projections at the moment of one sequence number
    GET  /api/events                recorded events in order
    GET  /api/stream                the same as they come (`stream`)
    GET  /api/composite-schedule    the schedule that GetCompositeSchedule would give (5.7)
    POST /api/data-transfer         a DataTransfer to the CSMS (4.3)
    POST /api/tag                   a tag, presented by software beside the station
    PUT  /api/limit                 what the station may draw at most (`limits`)
    GET  /metrics                   Prometheus text
    GET /, /page/...                the page, and what it loads (`page`)
    GET /api/view/...               what it shows (`page_views`)
    GET /api/past/...               the same at a past moment (`page_past`)
    /api/session                    a browser logs in (`login`)
    /api/service...                 for whoever services the station, with the right to act (`servicing`)
    /bench/...                      the controls of a simulated board (`bench`)

Errors are JSON: 400 not JSON, 404 no such thing, 405, 408, 413, 422 what is wrong with a value, 503 the storage has failed, the
station is stopping, or too much waits for the CSMS. A bug is logged and answered with 500, without its stack trace. Who may not ask
is refused before (`gate`), and what is no request at all before that (`connections`).
"""

import asyncio
import logging
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from devices.kinds import OneOf, Text, Whole
from eventstore.catalogue.link import DataTransferRequested
from eventstore.catalogue.security import ServiceAccessRefused
from eventstore.descriptors import is_shortage
from eventstore.errors import OutOfDescriptors, StorageError
from station.features.smart_charging.decide import get_composite_schedule
from station.rules.shedding import DATA_TRANSFERS_MAX, data_transfers_waiting
from station.runtime import entropy
from station.service import bench, page
from station.service.access import OPEN, Tokens
from station.service.answers import Refused, error_response, json_response, read_document, read_json
from station.service.bodies import BodyMember, InvalidBodyError, NotJsonError, read_query
from station.service.context import ServiceContext, oldest_utc_ms
from station.service.gate import Gate
from station.service.limits import reported
from station.service.login import Login
from station.service.metrics import CONTENT_TYPE, MetricFacts, metrics_text
from station.service.page_past import PagePast, PastProcess
from station.service.page_views import PageViews
from station.service.servicing import Servicing
from station.service.sessions import Sessions
from station.service.stream import STREAMS_MAX, EventStream, Streams
from station.service.tags import presented_tag
from station.service.views import event_rows, health_view, state_view
from station.wire.enums import ChargingRateUnit, GetCompositeScheduleStatus
from station.wire.frames import format_payload
from station.wire.messages.smart_charging import GetCompositeSchedule, GetCompositeScheduleResponse
from station.wire.schema import dump

LOGGER = logging.getLogger(__name__)

EVENTS_DEFAULT = 100
EVENTS_MAX = 10_000
EVENTS_SLICE = 500
"""How many events are read and written at a time, so that the loop is never held for long."""
SEQ_MAX = 2**63 - 1
SECRET_BYTES = 24
DURATION_MAX_S = 2**31 - 1
VENDOR_ID_LENGTH_MAX = 255
MESSAGE_ID_LENGTH_MAX = 50
DATA_LENGTH_MAX = 32_768

EVENTS_QUERY = {
    "after": BodyMember(kind=Whole(minimum=0, maximum=SEQ_MAX), default=0),
    "limit": BodyMember(kind=Whole(minimum=1, maximum=EVENTS_MAX), default=EVENTS_DEFAULT),
}
STREAM_QUERY = {"after": EVENTS_QUERY["after"]}
COMPOSITE_QUERY = {
    "connector_id": BodyMember(kind=Whole(minimum=0, maximum=2**31 - 1)),
    "duration_s": BodyMember(kind=Whole(minimum=0, maximum=DURATION_MAX_S)),
    "unit": BodyMember(kind=OneOf(words=("A", "W")), default=None),
}
DATA_TRANSFER = {
    "vendorId": BodyMember(kind=Text(shortest=1, longest=VENDOR_ID_LENGTH_MAX)),
    "messageId": BodyMember(kind=Text(longest=MESSAGE_ID_LENGTH_MAX), default=None),
    "data": BodyMember(kind=Text(lines=True, longest=DATA_LENGTH_MAX), default=None),
}


class Api:
    """The endpoints that every station has."""

    def __init__(self, context: ServiceContext, streams: Streams) -> None:
        self._context = context
        self._station = context.station
        self._streams = streams

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route("/healthz", self.health),
            Route("/api/state", self.state),
            Route("/api/events", self.events),
            Route("/api/stream", self.stream),
            Route("/api/composite-schedule", self.composite_schedule),
            Route("/api/data-transfer", self.data_transfer, methods=["POST"]),
            Route("/api/tag", self.tag, methods=["POST"]),
            Route("/api/limit", self.limit, methods=["PUT"]),
            Route("/metrics", self.metrics),
        ]

    async def health(self, request: Request) -> Response:
        """200 while the loop runs and the log takes writes."""
        trouble = self._station.trouble()
        return json_response(health_view(trouble), 200 if trouble is None else 503)

    async def state(self, request: Request) -> Response:
        """The published state, whole; what must be read from the log for it is read of the same moment. The meters are read now."""
        state, at_ms, log = self._station.state, self._station.clock.at_ms(), self._station.log
        head = log.head
        digest = head.digest if head.seq == state.seq else (await log.read_rows(state.seq - 1, 1))[0].digest
        oldest = await oldest_utc_ms(log, state)
        shown = state_view(
            self._context.live(state, at_ms),
            self._station.registry,
            at_ms=at_ms,
            digest=digest,
            log_bytes=log.bytes_on_disk(),
            oldest_utc_ms=oldest,
        )
        return json_response(shown)

    async def events(self, request: Request) -> Response:
        """Events behind `after`, at most `limit`; `last_seq` is where the log ends."""
        query = read_query(request.query_params, EVENTS_QUERY)
        after, left = query["after"], query["limit"]
        pieces: list[bytes] = []
        while left:
            rows = await self._station.log.read_rows(after, min(left, EVENTS_SLICE))
            if not rows:
                break
            pieces.append(orjson.dumps(event_rows(rows))[1:-1])
            after, left = rows[-1].seq, left - len(rows)
        last_seq = self._station.log.head.seq
        body = b'{"events":[' + b",".join(pieces) + b'],"last_seq":%d}\n' % last_seq
        return Response(body, media_type="application/json")

    async def stream(self, request: Request) -> Response | EventStream:
        """Events behind `Last-Event-ID`, else behind `after`, and then each as it becomes durable."""
        pairs = dict(request.query_params)
        if "last-event-id" in request.headers:
            pairs["after"] = request.headers["last-event-id"]
        after = read_query(pairs, STREAM_QUERY)["after"]
        if self._streams.is_full:
            raise Refused(503, f"{STREAMS_MAX} streams are open already; end one, or ask again later")
        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return EventStream(self._streams, after)

    async def composite_schedule(self, request: Request) -> Response:
        """The payload of GetCompositeSchedule.conf (5.7); 404 for an unknown connector, or without Smart Charging."""
        query = read_query(request.query_params, COMPOSITE_QUERY)
        if "GetCompositeSchedule" not in self._station.registry.answers:
            raise Refused(404, "Smart Charging is switched off")
        asked = GetCompositeSchedule(
            connector_id=query["connector_id"],
            duration=query["duration_s"],
            charging_rate_unit=None if query["unit"] is None else ChargingRateUnit(query["unit"]),
        )
        found = get_composite_schedule(self._station.state, asked, self._station.clock.at_ms()).response
        assert isinstance(found, GetCompositeScheduleResponse), "what could be refused was checked above"
        if found.status is not GetCompositeScheduleStatus.ACCEPTED:
            raise Refused(404, f"connector {asked.connector_id} does not exist")
        return Response(f"{format_payload(dump(found))}\n", media_type="application/json")

    async def data_transfer(self, request: Request) -> Response:
        """Queue a DataTransfer to the CSMS; its answer is found in the events."""
        body = await read_document(request, DATA_TRANSFER)
        if data_transfers_waiting(self._station.state) >= DATA_TRANSFERS_MAX:
            raise Refused(503, f"{DATA_TRANSFERS_MAX} DataTransfers wait for the CSMS already")
        requested = DataTransferRequested(vendor_id=body["vendorId"], message_id=body["messageId"], data=body["data"])
        return json_response({"seq": await self._station.observe(requested)})

    async def tag(self, request: Request) -> Response:
        """A tag as if it were at a reader: of the connector, else of the station."""
        presented = presented_tag(await read_json(request), self._station.state.connectors, "http")
        return json_response({"seq": await self._station.observe(presented)})

    async def limit(self, request: Request) -> Response:
        """A source limits the station, goes on doing so, or lifts its limit; durable, and obeyed, when this is answered."""
        said = reported(await read_json(request), self._station.state.outside_limits)
        return json_response({"seq": await self._station.observe(said)})

    async def metrics(self, request: Request) -> Response:
        """Prometheus text."""
        station, state = self._station, self._station.state
        usage = resource.getrusage(resource.RUSAGE_SELF)
        facts = MetricFacts(
            at_ms=station.clock.at_ms(),
            head=station.log.head,
            log_bytes=station.log.bytes_on_disk(),
            archive_bytes=station.log.archive_bytes(),
            free_bytes=station.log.free_bytes(),
            oldest_utc_ms=await oldest_utc_ms(station.log, state),
            dropped=station.dropped,
            healthy=station.trouble() is None,
            resident_bytes=_resident_bytes(),
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            refused_reads=self._context.refused_reads(),
        )
        return Response(
            metrics_text(self._context.live(state, facts.at_ms), facts), headers={"content-type": CONTENT_TYPE}
        )


def _resident_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return 0


async def _on_refused(request: Request, error: Any) -> Response:
    return error_response(error.status, error.text)


async def _on_not_json(request: Request, error: Exception) -> Response:
    return error_response(400, str(error))


async def _on_invalid(request: Request, error: Exception) -> Response:
    return error_response(422, str(error))


async def _on_http(request: Request, error: Any) -> Response:
    text = f"no such thing: {request.url.path[:200]}" if error.status_code == 404 else str(error.detail)
    return error_response(error.status_code, text, error.headers)


async def _on_storage(request: Request, error: Exception) -> Response:
    return error_response(503, f"the storage has failed: {error}")


async def _on_shortage(request: Request, error: Exception) -> Response:
    return error_response(503, "no file descriptor is free now; nothing has failed, ask again", {"retry-after": "1"})


async def _on_os(request: Request, error: Exception) -> Response:
    if is_shortage(error):
        return await _on_shortage(request, error)
    LOGGER.error("a bug of the service: %s %s", request.method, request.url.path, exc_info=error)
    return await _on_bug(request, error)


async def _on_gone(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # nobody is there to receive it


async def _on_bug(request: Request, error: Exception) -> Response:
    return error_response(500, "internal error; the station's own log says more")


def _secret() -> str:
    return entropy.salt(SECRET_BYTES).hex()


ERRORS: Mapping[Any, Any] = {
    Refused: _on_refused,
    NotJsonError: _on_not_json,
    InvalidBodyError: _on_invalid,
    HTTPException: _on_http,
    StorageError: _on_storage,
    OutOfDescriptors: _on_shortage,
    OSError: _on_os,
    ClientDisconnect: _on_gone,
    Exception: _on_bug,
}


def build(
    context: ServiceContext,
    tokens: Tokens = OPEN,
    streams: Streams | None = None,
    past: PastProcess | None = None,
) -> ASGIApp:
    """The application; with tokens, every request must bear one. `streams` and `past` are for whoever ends them."""
    api = Api(context, streams or Streams(context.station))
    past = past or PastProcess(context.settings.storage.directory)
    sessions = None if tokens.acting is None else Sessions(lambda: asyncio.get_running_loop().time(), _secret)
    routes = [
        *api.routes(),
        *bench.routes(context),
        *page.routes(),
        *PageViews(context).routes(),
        *PagePast(context.station, past).routes(),
        *Login(sessions).routes(),
        *Servicing(context).routes(),
    ]
    app = Starlette(routes=routes, exception_handlers=dict(ERRORS))
    app.router.redirect_slashes = False

    def report(peer: str, reason: str) -> None:
        context.station.submit(ServiceAccessRefused(peer=peer, reason=reason))

    return Gate(app, tokens, context.settings.service.allow_origins, report, sessions)
