"""A person at a real board who looks at a phone: told on the page what to do, and heard from there."""

import asyncio
import io
import json
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from station.certify.catalogue import all_cases
from station.certify.command import Asked, person_at
from station.certify.person import Person
from station.certify.process import read_tables
from station.certify.results import RunReport
from station.certify.running import CaseRun, Plan, chosen
from station.certify.session import Site
from station.settings.loading import load_settings
from tests.daemon import free_port
from tests.integration.test_certify_person import settings_text


def pressed(url: str, text: str) -> None:
    urllib.request.urlopen(f"{url}typed", data=text.encode(), timeout=60).close()


def told(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}told?after=0", timeout=60) as answer:
        found: list[str] = json.load(answer)["told"]
    return found


async def cannot(url: str) -> None:
    """Presses "Cannot do that here" at each new instruction."""
    answered = 0
    while True:
        asked = [line for line in await asyncio.to_thread(told, url) if line.startswith(">>> ")]
        if len(asked) > answered:
            answered = len(asked)
            await asyncio.to_thread(pressed, url, "n")
        await asyncio.sleep(0.05)


@pytest.mark.asyncio
async def test_what_is_pressed_on_the_page_counts_like_what_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "station.toml"
    file.write_text(settings_text(tmp_path / "storage"))
    master, slave = os.openpty()
    terminal = io.StringIO()
    monkeypatch.setattr("sys.stdout", terminal)
    said: list[str] = []
    asked = Asked(settings_file=file, page=f"127.0.0.1:{free_port()}")
    with os.fdopen(slave) as stdin, os.fdopen(master, "w"):
        monkeypatch.setattr("sys.stdin", stdin)
        with person_at(asked, said.append) as (prompting, say):
            url = said[0].rpartition(" ")[2]
            presses = asyncio.ensure_future(cannot(url))
            settings = load_settings(file)
            site = Site(
                settings=settings,
                tables=read_tables(file),
                directory=tmp_path / "out",
                person=Person(prompting, settings, time_limit_s=60),
                launch=(sys.executable, "-m", "tests.gpio_station", str(tmp_path / "copper")),
            )
            site.directory.mkdir()
            cases = chosen(all_cases(), (), ("TC_003_CS", "TC_040_1_CS"))
            report: RunReport = await CaseRun(Plan(site=site, cases=cases, command="x"), say).play_all()
            presses.cancel()
            on_page = await asyncio.to_thread(told, url)
    assert {each.label: each.result for each in report.cases} == {"TC_003_CS": "skipped", "TC_040_1_CS": "pass"}
    assert [each.reason for each in report.cases if each.result == "skipped"] == [
        "cannot be done here: Plug a cable into connector 1 and into the vehicle, which asks for energy"
    ]
    prompts = [line for line in on_page if line.startswith(">>> Hold ")]
    assert len(prompts) == 4
    assert all(prompt in terminal.getvalue() for prompt in prompts)
    assert any("TC_040_1_CS" in line for line in on_page), "results are told there too"
