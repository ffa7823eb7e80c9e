"""What the supervisor is told, over the socket that it names."""

import socket
from pathlib import Path

import pytest

from station.runtime import supervisor
from tests.shortage import no_descriptors


def test_a_state_reaches_the_supervisors_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        supervisor.notify("READY=1")
        assert listening.recv(100) == b"READY=1"


def test_without_a_supervisor_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    supervisor.notify("READY=1")  # expect: no error


def test_a_supervisor_that_does_not_listen_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    supervisor.notify("READY=1")  # expect: no error


@pytest.mark.parametrize(("text", "expected"), [("30000000", 15_000), ("", None), ("soon", None), ("0", None)])
def test_the_sign_of_life_is_due_twice_within_the_watchdogs_time(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: int | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", text)
    assert supervisor.watchdog_ms() == expected


def test_a_sign_of_life_needs_no_free_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        supervisor.notify("READY=1")
        with no_descriptors():
            supervisor.notify("WATCHDOG=1")
        assert [listening.recv(100), listening.recv(100)] == [b"READY=1", b"WATCHDOG=1"]


def test_without_a_descriptor_the_supervisor_hears_nothing_and_nothing_else_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor._channel().close()
    supervisor._channel.cache_clear()
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with no_descriptors():
        supervisor.notify("WATCHDOG=1")  # expect: no error


def test_a_supervisor_that_takes_nothing_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        for number in range(10_000):  # more than its socket holds
            supervisor.notify(f"STATUS={number}", wait=False)
        assert listening.recv(100) == b"STATUS=0"
