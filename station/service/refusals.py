"""Errors of the server itself, before the application sees a request, in the same JSON as all errors."""

from http import HTTPStatus

import orjson


def refusal_bytes(status: int, text: str) -> bytes:
    """A whole answer, after which the connection ends: `{"error": text}`."""
    body = orjson.dumps({"error": text}, option=orjson.OPT_APPEND_NEWLINE)
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body
