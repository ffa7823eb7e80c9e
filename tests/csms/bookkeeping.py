"""A CSMS for many stations that keeps books of their sessions, and can be made to keep them badly.

The `ocpp` package routes, converts and validates. What it does wrong on purpose is told by station: `errs["CB-00003"] = "loses"`.
"""

import asyncio
import csv
import io
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import ocpp.messages
from ocpp.exceptions import InternalError
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

ocpp.messages.ASYNC_VALIDATION = False

KEPT_BADLY = ("loses", "doubles", "swaps", "reorders", "forgets the end", "miscounts", "misdates", "invents")
ANSWERED_BADLY = ("says nothing", "refuses", "answers twice", "same id")
SAME_ID = 4711
COLUMNS = (
    "station",
    "connector_id",
    "transaction_id",
    "id_tag",
    "started",
    "stopped",
    "meter_start_wh",
    "meter_stop_wh",
)

Row = dict[str, Any]


class BookkeepingCsms:
    """The CSMS, on loopback: `async with BookkeepingCsms() as csms:`. `rows` are its honest books, in the order of the starts."""

    def __init__(self, errs: Mapping[str, str] | None = None) -> None:
        self.errs = dict(errs or {})
        self.rows: dict[tuple[str, str, int], Row] = {}
        self.statuses: dict[tuple[str, int], str] = {}
        self.connections: list[str] = []
        self._ids = itertools.count(100_000)
        self._starts: dict[tuple[str, str, int], int] = {}
        self._server: Server | None = None

    @property
    def url(self) -> str:
        """The endpoint of all stations."""
        assert self._server is not None
        return f"ws://127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}/ocpp"

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._converse,
            "127.0.0.1",
            0,
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=None,
            ping_interval=None,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _converse(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        station = unquote(socket.request.path.rpartition("/")[2])
        self.connections.append(station)
        try:
            await _Station(self, station, socket).start()
        except ConnectionClosed:
            return

    def started(self, station: str, facts: Row) -> int:
        """Books a start, once however often it is told; its id."""
        told = (station, facts["timestamp"], facts["connector_id"])
        if told not in self._starts:
            number = SAME_ID if self.errs.get(station) == "same id" else next(self._ids)
            self._starts[told] = number
            self.rows[told] = {
                "station": station,
                "connector_id": facts["connector_id"],
                "transaction_id": number,
                "id_tag": facts["id_tag"],
                "started": facts["timestamp"],
                "stopped": "",
                "meter_start_wh": facts["meter_start"],
                "meter_stop_wh": "",
            }
        return self._starts[told]

    def stopped(self, station: str, facts: Row) -> None:
        """Books an end, once however often it arrives."""
        ended = {"stopped": facts["timestamp"], "meter_stop_wh": facts["meter_stop"]}
        of_id = [
            row
            for row in self.rows.values()
            if (row["station"], row["transaction_id"]) == (station, facts["transaction_id"])
        ]
        if not any(ended.items() <= row.items() for row in of_id):
            next((row for row in of_id if not row["stopped"]), {}).update(ended)

    def books(self) -> str:
        """The books as CSV, with what it gets wrong."""
        found: list[Row] = []
        for station, rows in itertools.groupby(
            sorted(self.rows.values(), key=lambda row: (row["station"], row["started"])),
            lambda row: row["station"],
        ):
            found += _badly([dict(row) for row in rows], self.errs.get(station, ""))
        out = io.StringIO()
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(found)
        return out.getvalue()


def _badly(rows: list[Row], how: str) -> list[Row]:
    first, second = rows[0], rows[-1]
    match how:
        case "loses":
            return rows[1:]
        case "doubles":
            return [first, *rows]
        case "swaps":
            first["transaction_id"], second["transaction_id"] = second["transaction_id"], first["transaction_id"]
        case "reorders":
            return rows[::-1]
        case "forgets the end":
            first["stopped"] = first["meter_stop_wh"] = ""
        case "miscounts":
            second["meter_stop_wh"] = second["meter_stop_wh"] and second["meter_stop_wh"] + 1
        case "misdates":
            first["started"] = first["started"].replace("20", "19", 1)
        case "invents":
            return [*rows, {**second, "transaction_id": 1, "id_tag": "NOBODY"}]
    return rows


class _Station(ChargePoint):
    def __init__(self, csms: BookkeepingCsms, station: str, socket: ServerConnection) -> None:
        super().__init__(station, socket)
        self._csms = csms
        self._how = csms.errs.get(station, "")

    async def _send(self, message: str) -> None:
        await super()._send(message)
        if self._how == "answers twice" and "transactionId" in message:
            await super()._send(message)

    @on("BootNotification")
    def on_boot(self, **_: Any) -> Any:
        return call_result.BootNotification(current_time=_now(), interval=300, status="Accepted")

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> Any:
        return call_result.Heartbeat(current_time=_now())

    @on("StatusNotification")
    def on_status(self, connector_id: int, status: str, **_: Any) -> Any:
        if self._how == "refuses":
            raise InternalError("no room")
        self._csms.statuses[self.id, connector_id] = status
        return call_result.StatusNotification()

    @on("Authorize")
    async def on_authorize(self, **_: Any) -> Any:
        if self._how == "says nothing":
            await asyncio.sleep(3600)
        return call_result.Authorize(id_tag_info={"status": "Accepted"})

    @on("StartTransaction")
    async def on_start(self, **facts: Any) -> Any:
        return call_result.StartTransaction(
            transaction_id=self._csms.started(self.id, facts), id_tag_info={"status": "Accepted"}
        )

    @on("MeterValues")
    def on_meter_values(self, **_: Any) -> Any:
        return call_result.MeterValues()

    @on("StopTransaction")
    def on_stop(self, **facts: Any) -> Any:
        self._csms.stopped(self.id, facts)
        return call_result.StopTransaction()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
