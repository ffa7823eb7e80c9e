"""A PN532 that is played, at the other end of a pseudo-terminal: asleep until it is woken, with the faults of a real line."""

import asyncio
import os
import pty
import tty
from pathlib import Path

START = b"\x00\x00\xff"
ACK, NACK = START + b"\x00\xff\x00", START + b"\xff\x00\x00"
NOT_UNDERSTOOD = START + b"\x01\xff\x7f\x81\x00"


def framed(*data: int) -> bytes:
    """A frame from the chip, its checksums right."""
    body = bytes(data)
    return START + bytes((len(body), -len(body) & 0xFF, *body, -sum(body) & 0xFF, 0))


class Chip:
    """`card` lies in its field. `link` is the device's name, which stays while it is pulled out and put in again."""

    def __init__(self, link: Path) -> None:
        self.card: bytes | None = None
        self.firmware = (0x32, 0x01, 0x06, 0x07)
        self.commands: list[int] = []
        self.silent = False
        self.split = False
        self.faults: list[str] = []
        """What goes wrong with the next answers, one each: "checksum", "nack", "not understood", "garbage", "lost ack", "short"."""
        self._link = link
        self._received = b""
        self._descriptors: tuple[int, int] | None = None
        self.power_up()
        self.plug_in()

    def power_up(self) -> None:
        """As it comes up: asleep, and searching for ever."""
        self._awake = False
        self._searches_for_ever = True

    def plug_in(self) -> None:
        chip, host = pty.openpty()
        tty.setraw(chip)
        tty.setraw(host)
        os.set_blocking(chip, False)
        self._descriptors = chip, host
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(host))
        asyncio.get_running_loop().add_reader(chip, self._receive)

    def pull_out(self) -> None:
        if self._descriptors is not None:
            asyncio.get_running_loop().remove_reader(self._descriptors[0])
            for descriptor in self._descriptors:
                os.close(descriptor)
        self._descriptors = None
        self._link.unlink(missing_ok=True)

    def _receive(self) -> None:
        assert self._descriptors is not None
        try:
            self._received += os.read(self._descriptors[0], 4_096)
        except OSError:  # the host has closed its end
            return
        if b"\x55\x55" in self._received:
            self._awake = True
        while (at := self._received.find(START)) >= 0:
            rest = self._received[at + 3 :]
            if rest[:3] == b"\x00\xff\x00":
                self._received = rest[3:]
                continue
            if len(rest) < 2 or len(rest) < rest[0] + 4:
                return
            assert (rest[0] + rest[1]) & 0xFF == 0
            data, self._received = rest[2 : 2 + rest[0]], rest[rest[0] + 4 :]
            assert data[0] == 0xD4
            assert (sum(data) + rest[2 + rest[0]]) & 0xFF == 0
            if self._awake and not self.silent:
                self._answer(data[1], data[2:])

    def _answer(self, code: int, parameters: bytes) -> None:
        self.commands.append(code)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "nack":
            self._send(NACK)
            return
        if fault != "lost ack":
            self._send(ACK)
        if fault == "not understood":
            self._send(NOT_UNDERSTOOD)
            return
        data = self._data(code, parameters)
        if data is None:
            return
        answer = framed(*data)
        match fault:
            case "checksum":
                answer = answer[:-3] + bytes((answer[-3] ^ 1,)) + answer[-2:]
            case "garbage":
                answer = b"\xff\x00\xff\xfe\x02\x00\xff\x03" + answer
            case "short":
                answer = answer[:-4]
        self._send(answer)

    def _data(self, code: int, parameters: bytes) -> bytes | None:
        head = bytes((0xD5, code + 1))
        match code:
            case 0x02:
                return head + bytes(self.firmware)
            case 0x14:
                return head
            case 0x32:
                self._searches_for_ever = parameters[:1] != b"\x05"
                return head
            case 0x4A if self.card is not None:
                return head + bytes((1, 1, 0x00, 0x44, 0x00, len(self.card))) + self.card
            case 0x4A:
                return None if self._searches_for_ever else head + b"\0"
        raise AssertionError(f"command {code:02X}")

    def _send(self, data: bytes) -> None:
        assert self._descriptors is not None
        for piece in [bytes((byte,)) for byte in data] if self.split else [data]:
            os.write(self._descriptors[0], piece)
