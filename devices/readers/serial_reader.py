"""A reader on a serial port, through serialx: what it sends is lines of text, whatever ends them."""

from collections.abc import Callable

from devices.readers.device_reader import LINE_LENGTH_MAX, ReaderDevice

_CHUNK = 256
_ENDS = b"\r\n\0\x02\x03"
"""Carriage return, line feed, and the STX and ETX that frame a number."""
_CUT = b"?"
"""Stands for what was dropped of a line, so that its rest is taken for no card."""


async def serve_serial(place: ReaderDevice, opened: Callable[[], None], line: Callable[[str], None]) -> None:
    """Open the port and hand over its lines until it is gone. Raises OSError, or ImportError without serialx."""
    import serialx

    try:
        reader, writer = await serialx.open_serial_connection(place.device, baudrate=place.baudrate)
    except serialx.SerialException as error:
        raise OSError(str(error)) from error
    try:
        opened()
        waiting = b""
        while chunk := await reader.read(_CHUNK):
            waiting, lines = lines_of(waiting + chunk)
            if not waiting and chunk[-1] not in _ENDS:
                waiting = _CUT
            for text in lines:
                line(text)
    except serialx.SerialException as error:
        raise OSError(str(error)) from error
    finally:
        writer.close()


def lines_of(received: bytes) -> tuple[bytes, tuple[str, ...]]:
    """What is not a whole line yet, and the lines before it; a line that never ends is dropped. Pure."""
    for end in _ENDS[1:]:
        received = received.replace(bytes([end]), _ENDS[:1])
    *whole, rest = received.split(_ENDS[:1])
    lines = tuple(text.decode("ascii", "replace") for text in whole if text)
    return (rest if len(rest) <= LINE_LENGTH_MAX else b""), lines
