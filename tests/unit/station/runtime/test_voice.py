"""The voice: what becomes durable is told in the journal, and in one line to the supervisor."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from station.runtime.voice import STATUS_MAX, Voice
from tests.given import StationUnderTest


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def heard(listening: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(listening.recv(4096).decode())
        except BlockingIOError:
            return found


class Speaking(StationUnderTest):
    """A station whose batches go to a voice."""

    voice: Voice

    def _record(self, observation: Any) -> None:
        before = len(self.log)
        super()._record(observation)
        self.voice.publish(self.state, self.log[before:])


def speaking() -> Speaking:
    found = Speaking()
    found.voice = Voice(ended="", full_tags=False)
    return found


def test_lines_go_to_the_journal_with_the_members_of_their_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    found = speaking()
    found.online()
    found.plug()
    found.swipe()
    told = [each for each in caplog.records if each.getMessage().startswith("Transaction 1 started")]
    assert [each.name for each in told] == ["chargebox"]
    assert vars(told[0])["members"]["transaction_number"] == 1


def test_the_supervisor_hears_the_station_in_one_line(supervisor: socket.socket) -> None:
    found = speaking()
    found.online()
    found.plug()
    found.swipe()
    told = heard(supervisor)
    assert told[-1] == (
        "STATUS=Connected and accepted; connector 1 Charging (transaction 1, 32.0 A). The CSMS calls transaction 1 9001"
    )
    assert all(text.startswith("STATUS=") and "\n" not in text and len(text) < STATUS_MAX + 10 for text in told)
    assert not any("DEADBEEF" in text for text in told)


def test_it_hears_nothing_that_it_knows(supervisor: socket.socket) -> None:
    found = speaking()
    found.online()
    heard(supervisor)
    for _ in range(10):
        found.advance(20)
        found.read_meter()
    assert heard(supervisor) == []


def test_a_supervisor_that_does_not_read_holds_nothing_up(supervisor: socket.socket) -> None:
    found = speaking()
    found.online()
    for _ in range(300):
        found.plug()
        found.unplug()
    assert found.state.seq > 600


def test_a_bug_of_the_voice_is_told_and_ends_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = speaking()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(found.voice, "_story", type("Broken", (), {"tell": broken})())
    found.online()
    assert "cannot be logged; the event log has it" in caplog.text
