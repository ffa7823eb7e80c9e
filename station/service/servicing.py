"""For whoever services the station, with the right to act:

    GET  /api/service                the last refused tag, the findings of the last check, the commissioning test
    GET  /api/service/diagnostics    the diagnostics file, as GetDiagnostics would upload it
    POST /api/service/commissioning          the commissioning test of a connector begins
    POST /api/service/commissioning/answer   whether the operator saw what the step is to show
    DELETE /api/service/commissioning        ends it
    POST /api/service/check          the checks of `chargebox doctor` that do not disturb the daemon; answers when they are done

A check runs in a process of its own (`station.doctor.running`): the loop never waits for it, and its memory goes with it.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from devices.kinds import Flag, OneOf, Whole
from eventstore.catalogue.authorization import AuthorizationDenied
from eventstore.catalogue.commissioning import CommissioningAnswered, CommissioningAsked, CommissioningStopAsked
from eventstore.descriptors import is_shortage
from projections.station import StationState
from station.rules.commissioning import WANTED, refusal
from station.rules.transfers import file_name
from station.service.answers import Refused, json_response, read_document
from station.service.bodies import BodyMember
from station.service.context import ServiceContext, StationPort
from station.service.page_reading import answer, as_recorded
from station.views.commissioning import commissioning_view
from station.views.saying import Json

BEGIN = {"connector_id": BodyMember(kind=Whole(minimum=1, maximum=2**31 - 1))}
ANSWER = {"step": BodyMember(kind=OneOf(words=tuple(WANTED))), "confirmed": BodyMember(kind=Flag())}
CHECK_WITHIN_S = 90.0
OUTPUT_BYTES_MAX = 256 * 1024
WINDOW = 4_000
LOOK_BACK = 40_000
"""How many events back the last refused tag is looked for."""
CHUNK_BYTES = 64 * 1024
FILE_NAME = "for-service.zip"
"""Where it stands in the storage directory while it is written."""


class Servicing:
    """The endpoints of one station."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._station = context.station
        self._tags = RefusedTags(context.station)
        self._checking = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._checked: Json | None = None

    def routes(self) -> list[Route]:
        """Their routes."""
        return [
            Route("/api/service", self.show),
            Route("/api/service/diagnostics", self.diagnostics),
            Route("/api/service/check", self.check, methods=["POST"]),
            Route("/api/service/commissioning", self.begin, methods=["POST"]),
            Route("/api/service/commissioning/answer", self.answer, methods=["POST"]),
            Route("/api/service/commissioning", self.stop, methods=["DELETE"]),
        ]

    async def show(self, request: Request) -> Response:
        """What there is to service."""
        seq = self._station.log.head.seq
        tag, test = await self._tags.last(), commissioning_view(self._station.state)
        return answer({"seq": seq, "refused_tag": tag, "check": self._checked, "commissioning": test})

    async def begin(self, request: Request) -> Response:
        """The seq behind its first step; 409 for what stands against it, which is on record as well."""
        place = (await read_document(request, BEGIN))["connector_id"]
        if not self._station.state.connectors.has(place):
            raise Refused(404, f"connector {place} does not exist")
        reason = refusal(self._station.state, place)
        seq = await self._station.observe(CommissioningAsked(connector_id=place))
        if reason is not None or self._station.state.commissioning.connector_id != place:
            raise Refused(409, f"no test begins: {reason or refusal(self._station.state, place)}")
        return json_response({"seq": seq})

    async def answer(self, request: Request) -> Response:
        """The seq behind the next step, or behind the end; 409 if that step is not under way."""
        body = await read_document(request, ANSWER)
        test = self._station.state.commissioning
        is_under_way = test.running and test.step == body["step"]
        answered = CommissioningAnswered(connector_id=test.connector_id, step=body["step"], confirmed=body["confirmed"])
        seq = await self._station.observe(answered)
        if not is_under_way:
            raise Refused(409, f"the step {body['step']} is not under way")
        return json_response({"seq": seq})

    async def stop(self, request: Request) -> Response:
        """The seq behind the end; nothing happens if none runs."""
        return json_response({"seq": await self._station.observe(CommissioningStopAsked())})

    async def check(self, request: Request) -> Response:
        """The findings; 503 while another check runs."""
        await read_document(request, {})
        if self._checking.locked():
            raise Refused(503, "a check is running already")
        async with self._checking:
            begun = self._station.clock.at_ms()
            profile = self._station.state.security_profile.in_force
            found = await findings(Path(self._context.settings.source), profile)
            self._checked = {"utc_ms": self._station.state.clock.utc_ms(begun), "findings": found}
        return answer({"seq": self._station.log.head.seq, **self._checked})

    async def diagnostics(self, request: Request) -> Response:
        """The file; 503 while another one is written."""
        write = self._context.diagnostics
        if write is None:
            raise Refused(404, "this station writes no diagnostics file")
        if self._station.state.boot.disk == "critical":
            raise Refused(503, "the disk is full: there is no room for a diagnostics file")
        if self._writing.locked():
            raise Refused(503, "a diagnostics file is being written already")
        state = self._station.state
        async with self._writing:
            file = await self._written(write, state)
        name = file_name(state, 0, state.at_ms, ".zip")
        headers = {
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        }
        return StreamingResponse(_chunks(file), media_type="application/zip", headers=headers)

    async def _written(self, write: Callable[[Path, StationState], Awaitable[None]], state: StationState) -> IO[bytes]:
        """The file, open and without a name, so that nothing of it stays. Raises Refused."""
        path = self._context.settings.storage.directory / FILE_NAME
        try:
            await write(path, state)
            return await asyncio.to_thread(path.open, "rb")
        except OSError as error:
            if is_shortage(error):
                raise
            raise Refused(503, f"the diagnostics file cannot be written: {error.strerror or error}") from error
        finally:
            for each in (path, path.with_name(f"{path.name}.part")):
                with contextlib.suppress(OSError):
                    each.unlink()


class RefusedTags:
    """The last tag that was refused, found in the log and followed from there."""

    def __init__(self, station: StationPort) -> None:
        self._station = station
        self._seq = 0
        self._found: Json | None = None

    async def last(self) -> Json | None:
        """Its id in full, since it is to be copied; None if there was none of late."""
        log, end = self._station.log, self._station.log.head.seq
        begin, known = end, max(self._seq, end - LOOK_BACK, 0)
        while begin > known:
            last, begin = begin, max(known, begin - WINDOW)
            rows = await log.read_kinds(begin, last, {AuthorizationDenied.NAME})
            if rows:
                recorded = as_recorded(rows[-1])
                event: Any = recorded.event
                if isinstance(event, AuthorizationDenied):
                    self._found = {
                        "id_tag": event.id_tag,
                        "connector_id": event.connector_id,
                        "reason": event.reason,
                        "utc_ms": recorded.utc_ms,
                    }
                break
        self._seq = end
        return self._found


async def findings(settings_file: Path, security_profile: int) -> list[Json]:
    """What a check says, each with `level`, `subject`, `text` and `advice`. Raises Refused if it cannot be made."""
    command = (sys.executable, "-P", "-m", "station.doctor.running", str(settings_file), str(security_profile))
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=nothing, stdout=pipe, stderr=nothing, start_new_session=True
        )
    except OSError as error:
        if is_shortage(error):
            raise
        raise Refused(503, f"the check cannot be started: {error.strerror}") from error
    assert process.stdout is not None, "it was asked for"
    output = b""
    try:
        async with asyncio.timeout(CHECK_WITHIN_S):
            while (chunk := await process.stdout.read(CHUNK_BYTES)) and len(output) < OUTPUT_BYTES_MAX:
                output += chunk
            status = await process.wait() if len(output) < OUTPUT_BYTES_MAX else None
    except TimeoutError:
        raise Refused(503, f"the check took longer than {CHECK_WITHIN_S:g} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status != 0:
        raise Refused(503, f"the check failed with status {status}; `chargebox doctor` says more")
    return [orjson.loads(line) for line in output.splitlines()]


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()
