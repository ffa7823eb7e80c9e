"""What of a broker's bytes is passed on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.mqtt.packets import PACKET_BYTES_MAX, PACKETS_AT_ONCE, BrokerBroke, portion

CONNACK, PINGRESP = b"\x20\x02\x00\x00", b"\xd0\x00"


def message(length: int) -> bytes:
    """PUBLISH with QoS 0 and so many bytes behind its header."""
    head, rest = bytearray(b"\x30"), length
    while True:
        head.append(rest & 0x7F | (0x80 if rest > 0x7F else 0))
        rest >>= 7
        if not rest:
            return bytes(head) + bytes(length)


def passed(received: bytes, size: int) -> tuple[bytes, int, int]:
    """What is passed on of bytes that come so many at a time, how many messages are not, and the most that ever waited."""
    waiting, out, skip, over, most = b"", b"", 0, 0, 0
    for begin in range(0, len(received), size):
        waiting += received[begin : begin + size]
        while True:
            taken = portion(waiting, skip)
            waiting, skip, out, over = taken.waiting, taken.skip, out + taken.packets, over + taken.passed_over
            if taken.count < PACKETS_AT_ONCE:
                break
        most = max(most, len(waiting))
    return out, over, most


@given(
    st.lists(st.sampled_from([CONNACK, PINGRESP, message(5), message(127), message(128), message(9_000)]), max_size=12),
    st.integers(40, 5_000),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_short_is_passed_on_and_the_rest_is_not_kept(packets: list[bytes], size: int) -> None:
    out, over, most = passed(b"".join(packets), size)
    assert out == b"".join(packet for packet in packets if len(packet) <= PACKET_BYTES_MAX)
    assert over == sum(len(packet) > PACKET_BYTES_MAX for packet in packets)
    assert most < PACKET_BYTES_MAX + size


def test_the_longest_that_is_passed_on() -> None:
    longest = message(PACKET_BYTES_MAX - 3)
    assert len(longest) == PACKET_BYTES_MAX
    assert passed(longest, 999) == (longest, 0, 3_996)
    longer = message(PACKET_BYTES_MAX - 2)
    assert passed(longer, 999)[:2] == (b"", 1)


def test_a_portion_has_so_many_packets_and_no_more() -> None:
    taken = portion(PINGRESP * (PACKETS_AT_ONCE + 3), 0)
    assert (taken.count, taken.packets, taken.waiting) == (PACKETS_AT_ONCE, PINGRESP * PACKETS_AT_ONCE, PINGRESP * 3)


@pytest.mark.parametrize(
    ("received", "said"),
    [
        (b"\x34\x05", "QoS 2"),
        (b"\x36\x05", "QoS 3"),
        (b"\x90\xff\xff\x03", "65539 bytes that is no message"),
        (b"\x30\xff\xff\xff\xff", "no MQTT"),
        (b"\x30\xff\xff\xff\xff\x01", "no MQTT"),
    ],
)
def test_what_no_broker_may_send_is_named(received: bytes, said: str) -> None:
    with pytest.raises(BrokerBroke, match=said):
        portion(received, 0)


@pytest.mark.parametrize("received", [b"", b"\x30", b"\x30\x80", b"\x30\x80\x80\x80", b"\x20\x02\x00"])
def test_half_a_packet_waits(received: bytes) -> None:
    taken = portion(received, 0)
    assert (taken.packets, taken.waiting, taken.count) == (b"", received, 0)
