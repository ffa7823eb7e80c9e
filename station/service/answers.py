"""How a request is read and answered: bodies within bounds, JSON out, every refusal a status with one line that says why."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from station.service.bodies import BodyMember, parse_body, read_members

BODY_BYTES_MAX = 64 * 1024
BODY_WITHIN_S = 10


class Refused(Exception):  # noqa: N818  # the asker's mistake, not the program's
    """A request that is not served: the status, and what is wrong."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def json_response(content: object, status: int = 200, background: BackgroundTask | None = None) -> Response:
    """An answer in JSON."""
    return Response(
        orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE),
        status_code=status,
        media_type="application/json",
        background=background,
    )


def error_response(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """`{"error": text}`."""
    response = json_response({"error": text}, status)
    response.headers.update(headers or {})
    return response


async def read_document(request: Request, members: Mapping[str, BodyMember]) -> dict[str, Any]:
    """What the body says. Raises Refused (408, 413), NotJsonError, InvalidBodyError."""
    return read_members(await read_json(request), members)


async def read_json(request: Request) -> object:
    """The JSON document that the body is. Raises Refused (408, 413), NotJsonError."""
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                content += chunk
                if len(content) > BODY_BYTES_MAX:
                    raise Refused(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
    except TimeoutError:
        raise Refused(408, f"the body did not come within {BODY_WITHIN_S} s") from None
    return parse_body(bytes(content))
