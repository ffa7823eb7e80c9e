"""`chargebox certify` on a real board: pins that are mocked, copper that is modelled, and a person at a pseudo-terminal."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from station.certify.catalogue import all_cases
from station.certify.person import Person
from station.certify.process import read_tables
from station.certify.results import CaseResult, RunReport, read_report
from station.certify.running import CaseRun, Plan, chosen
from station.certify.session import Site
from station.certify.terminal import Terminal
from station.settings.loading import load_settings
from tests.contract.rigs import wiring_text

pytestmark = pytest.mark.asyncio

CARDS = ("04A1B2C3", "04A1B2C4", "04A1B2C5", "04A1B2C6")
SETTINGS = """
[station]
identity = "CB-0001"
[csms]
url = "ws://127.0.0.1:9/ocpp"
[storage]
directory = "{storage}"
[service]
listen = ""
[board]
kind = "gpio"
[board.wiring]
"""
TRIES_MAX, TRY_AGAIN_S = 4, 4.0
MINUTES = (
    "TC_001",
    "TC_002",
    "TC_004_2",
    "TC_011_2",
    "TC_023",
    "TC_036",
    "TC_047",
    "TC_061_1",
    "TC_070",
    "TC_078",
    "TC_083",
)
"""Cases that wait for time to pass, which it does as it does."""
Order = dict[str, Any]
Habit = Callable[[str], list[Order] | str]


def settings_text(storage: Path) -> str:
    text = wiring_text("peak", extra="pulse_ms = 0\n")
    for opening in ("[[", "["):
        text = text.replace(f"\n{opening}", f"\n{opening}board.wiring.")
    return SETTINGS.format(storage=storage) + text.replace("[board.wiring.[board.wiring.", "[[board.wiring.")


class Script:
    """A person who does as a habit says with each instruction: orders to the copper, or a line that is typed."""

    def __init__(self, copper: Path, typed: int, habit: Habit) -> None:
        self.told: list[str] = []
        self._copper = copper
        self._typed = typed
        self._habit = habit
        self._tasks: set[asyncio.Task[None]] = set()

    def write(self, text: str) -> int:
        """What the terminal shows."""
        self.told += text.splitlines()
        if ">>>" in text:
            task = asyncio.get_running_loop().create_task(self._follow(text.partition(">>> ")[2]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(text)

    def flush(self) -> None:
        """It is shown at once."""

    async def _follow(self, instruction: str) -> None:
        done = self._habit(instruction)
        if isinstance(done, str):
            os.write(self._typed, done.encode())
            return
        said = len(self.told)
        for _ in range(TRIES_MAX):  # a reader overlooks a card that was there a moment ago
            await self._do(done)
            await asyncio.sleep(TRY_AGAIN_S)
            if len(self.told) > said:
                return

    async def _do(self, orders: list[Order]) -> None:
        for order in orders:
            reader, writer = await asyncio.open_unix_connection(self._copper)
            writer.write(json.dumps(order).encode() + b"\n")
            answer = await reader.readline()
            writer.close()
            assert answer == b"done\n", answer


class Willing:
    """Does what is asked, with four cards; `cards` may be fewer."""

    def __init__(self, cards: tuple[str, ...] = CARDS) -> None:
        self._cards = list(cards)
        self._tripped: set[str] = set()

    def __call__(self, instruction: str) -> list[Order] | str:
        if "card to the reader" in instruction or "reader  (" in instruction:
            shown = re.search(r"\(([0-9A-F]{8})\)", instruction)
            if shown:
                return [{"do": "swipe", "tag": shown[1]}]
            return [{"do": "swipe", "tag": self._cards.pop(0)}] if self._cards else "n\n"
        if tripped := re.match(r"Trip the input for (\w+)", instruction):
            self._tripped.add(tripped[1])
            return [{"do": "trip", "error_code": tripped[1], "tripped": True}]
        if instruction.startswith("Release every fault"):
            return [
                {"do": "trip", "error_code": self._tripped.pop(), "tripped": False} for _ in range(len(self._tripped))
            ]
        if instruction.startswith("Plug"):
            return [{"do": "plug"}]
        if "out of the station" in instruction or "out of the vehicle and the station" in instruction:
            return [{"do": "unplug"}]
        if "out of the vehicle" in instruction:
            return [{"do": "unplug vehicle"}]
        return "n\n"


async def played(tmp_path: Path, habit: Habit, *ids: str, time_limit_s: float = 60) -> tuple[RunReport, Script]:
    """A run of these cases on a new station."""
    file = tmp_path / "station.toml"
    file.write_text(settings_text(tmp_path / "storage"))
    settings = load_settings(file)
    master, slave = os.openpty()
    script = Script(tmp_path / "copper", master, habit)
    terminal = Terminal(slave, script)  # type: ignore[arg-type]  # as much of a stream as it needs
    site = Site(
        settings=settings,
        tables=read_tables(file),
        directory=tmp_path / "out",
        person=Person(terminal, settings, time_limit_s=time_limit_s),
        launch=(sys.executable, "-m", "tests.gpio_station", str(tmp_path / "copper")),
    )
    site.directory.mkdir(exist_ok=True)
    terminal.begin()
    try:
        report = await CaseRun(
            Plan(site=site, cases=chosen(all_cases(), (), ids), command="x"), script.told.append
        ).play_all()
    finally:
        terminal.end()
        os.close(master)
        os.close(slave)
        print("\n".join(script.told))
    print(report.ended_early, [(each.label, each.result, each.reason) for each in report.cases])
    assert read_report(site.directory) == report
    return report, script


def results(report: RunReport) -> dict[str, str]:
    return {each.label: each.result for each in report.cases}


def only(report: RunReport) -> CaseResult:
    [case] = report.cases
    return case


async def test_what_cannot_be_done_here_is_skipped_and_a_wrong_card_begins_the_case_anew(tmp_path: Path) -> None:
    wrong = [CARDS[1]]
    willing = Willing(CARDS[:2])

    def habit(instruction: str) -> list[Order] | str:
        if f"({CARDS[0]})" in instruction and wrong:
            return [{"do": "swipe", "tag": wrong.pop()}]
        return willing(instruction)

    report, script = await played(
        tmp_path, habit, "TC_003_CS", "TC_043_3_CS (storing fails)", "TC_068_CS (one connector)"
    )
    reasons = {each.label: (each.result, each.reason) for each in report.cases}
    assert reasons == {
        "TC_003_CS": ("pass", ""),
        "TC_043_3_CS (storing fails)": ("skipped", "only a bench can make storing the list fail"),
        "TC_068_CS (one connector)": ("pass", ""),
    }
    said = f"the card {CARDS[1]} was presented, not {CARDS[0]}; TC_003_CS begins anew"
    assert any(said in line for line in script.told)
    assert f"    {CARDS[0]} is the valid one." in script.told
    assert "The station has back what it had before." in script.told
    assert report.prompts > 5


async def test_a_person_who_does_nothing_ends_the_run_and_fails_no_case(tmp_path: Path) -> None:
    report, script = await played(tmp_path, lambda _: [], "TC_003_CS", "TC_012_CS", time_limit_s=0.3)
    assert set(results(report).values()) == {"skipped"}
    assert "nobody followed 3 instructions in a row" in report.ended_early
    assert any("not tried" in each.reason for each in report.cases)
    assert script.told


@pytest.mark.long
@pytest.mark.timeout(1_500)
async def test_a_person_plays_every_case_that_takes_no_minutes_at_a_station_of_pins(tmp_path: Path) -> None:
    """What is not wired, and what only a bench can do, is skipped; nothing fails."""
    ids = [case.label for case in all_cases() if not case.case_id.startswith(MINUTES)]
    report, _ = await played(tmp_path, Willing(), *ids)
    assert [(each.label, each.reason) for each in report.cases if each.result == "fail"] == []
    found = [each.result for each in report.cases]
    assert found.count("pass") > 70
    assert not report.ended_early
    print(f"{report.prompts} prompts, {report.duration_s} s, {found.count('pass')} passed")
