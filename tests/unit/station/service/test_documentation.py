"""docs/service.md is true: its examples give the answers that it says, and nothing that the service has is missing there."""

import re
import shlex
from pathlib import Path

import pytest

from station.service import bench, page
from station.service.app import Api
from station.service.context import ServiceContext
from station.service.login import Login
from station.service.page_past import PagePast, PastProcess
from station.service.page_views import PageViews
from station.service.servicing import Servicing
from station.service.stream import Streams
from tests.given import charging, station
from tests.unit.station.service.stations import served, settings_in
from tests.unit.station.service.test_metrics import text_of

PAGE = Path(__file__).resolve().parents[4] / "docs" / "service.md"
EXAMPLE = re.compile(r"^(curl .*?) +# (\d{3})$", re.MULTILINE)


def examples() -> list[tuple[str, str, bytes, int]]:
    """Method, path, body and status of each example, in the order of the page."""
    found = []
    for command, status in EXAMPLE.findall(PAGE.read_text()):
        words = shlex.split(command)
        url = next(word for word in words if word.startswith("http://127.0.0.1:8887"))
        method = words[words.index("-X") + 1] if "-X" in words else "HEAD" if "-I" in words else "GET"
        body = words[words.index("-d") + 1] if "-d" in words else ""
        found.append((method, url.removeprefix("http://127.0.0.1:8887"), body.encode(), int(status)))
    return found


@pytest.mark.asyncio
async def test_every_example_gives_the_answer_that_the_page_says(tmp_path: Path) -> None:
    assert len(examples()) > 25
    async with served(tmp_path) as under_test:
        await under_test.connect()
        for method, path, body, status in examples():
            response = await under_test.http.request(method, path, content=body)
            assert (method, path, body, response.status_code) == (method, path, body, status), response.text


@pytest.mark.asyncio
async def test_every_route_stands_in_an_example(tmp_path: Path) -> None:
    async with served(tmp_path) as under_test:
        context = ServiceContext(
            station=under_test.station,
            board=under_test.board,
            link=under_test.link,
            settings=settings_in(tmp_path),
            on_mains_lost=lambda: None,
        )
        routes = {
            (method, route.path.replace("{connector_id}", "N").replace("{name:path}", "texts.json"))
            for route in (
                *Api(context, Streams(context.station)).routes(),
                *bench.routes(context),
                *page.routes(),
                *PageViews(context).routes(),
                *PagePast(context.station, PastProcess(tmp_path)).routes(),
                *Login(None).routes(),
                *Servicing(context).routes(),
            )
            for method in (route.methods or set()) - {"HEAD"}
        }
    shown = {
        (method.replace("HEAD", "GET"), re.sub(r"connectors/\d+", "connectors/N", path.partition("?")[0]))
        for method, path, _, _ in examples()
    }
    assert shown == routes


def test_every_metric_is_described() -> None:
    families = re.findall(r"^# TYPE (\S+)", text_of(charging(station())), re.MULTILINE)
    assert sorted(families) == sorted(re.findall(r"`((?:chargebox|process)_[a-z_]+)`", PAGE.read_text()))
