"""What a broker may send, judged by the packets' headers (MQTT 3.1.1, 2.2): what is passed on is small, and comes in small portions. Pure.

A broker is believed no more than any other stranger. A message that is too long is passed over while it comes, never kept; a message
of QoS 2, which would have to be kept until the broker releases it, breaks what was agreed on, and so does any other packet too long.
"""

from msgspec import Struct

PACKET_BYTES_MAX = 4_096
"""The longest packet that is passed on: a command takes some 100 bytes, an answer of the broker 10."""
PACKETS_AT_ONCE = 16
PUBLISH = 3
_LENGTH_BYTES_MAX = 4


class BrokerBroke(Exception):  # noqa: N818  # it says what happened
    """The broker sent what it may not; the text says what."""


class Portion(Struct, frozen=True, kw_only=True):
    """What of the bytes that came may be passed on; `passed_over` messages were too long, and of the last `skip` bytes are still to come.

    `waiting` is what is not whole yet, or not to be passed on yet: it is given again, with what comes behind it. `count` is how many
    packets there are; where it is PACKETS_AT_ONCE, more of what waits may be whole.
    """

    packets: bytes
    waiting: bytes
    skip: int
    passed_over: int
    count: int


def portion(received: bytes, skip: int) -> Portion:
    """The next portion of what came from the broker, of which the first `skip` bytes are to be passed over. Raises BrokerBroke."""
    begin = min(skip, len(received))
    skip -= begin
    passed_over = count = 0
    packets = b""
    while skip == 0 and count < PACKETS_AT_ONCE:
        found = _length(received, begin)
        if found is None:
            break
        head, length = found
        kind, qos = received[begin] >> 4, received[begin] >> 1 & 0b11
        whole = head + length
        if kind == PUBLISH and qos > 1:
            raise BrokerBroke(f"a message of QoS {qos}, which was not asked for")
        if whole > PACKET_BYTES_MAX:
            if kind != PUBLISH:
                raise BrokerBroke(f"a packet of {whole} bytes that is no message")
            passed_over += 1
            here = min(whole, len(received) - begin)
            begin, skip = begin + here, whole - here
            continue
        if len(received) - begin < whole:
            break
        packets += received[begin : begin + whole]
        begin += whole
        count += 1
    return Portion(packets=packets, waiting=received[begin:], skip=skip, passed_over=passed_over, count=count)


def _length(received: bytes, begin: int) -> tuple[int, int] | None:
    """The length of a packet's fixed header and of what follows it (2.2.3); None if that has not come yet."""
    length = 0
    for number, byte in enumerate(received[begin + 1 : begin + 1 + _LENGTH_BYTES_MAX]):
        length |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return 2 + number, length
    if len(received) - begin > _LENGTH_BYTES_MAX:
        raise BrokerBroke("a packet without a length: this is no MQTT")
    return None
