"""The hands of a bench, against a service that notes what it is asked."""

from typing import Any

import pytest

from station.certify.bench import BenchHands
from station.demo.bench_service import BenchService, DemoError

pytestmark = pytest.mark.asyncio


class NotingService(BenchService):
    def __init__(self, *, dies: bool = False) -> None:
        super().__init__("http://nowhere")
        self.asked: list[tuple[str, str, Any]] = []
        self._dies = dies

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        self.asked.append((method, path, body))
        if self._dies:
            raise DemoError("gone")
        return {"seq": 1}


class NotingProcess:
    def __init__(self) -> None:
        self.done: list[str] = []

    async def kill(self) -> None:
        self.done.append("kill")

    async def start(self) -> None:
        self.done.append("start")


class NotingClock:
    def __init__(self) -> None:
        self.advanced_s: list[float] = []

    def advance(self, seconds: float) -> None:
        self.advanced_s.append(seconds)


def hands(service: BenchService, process: Any = None, clock: Any = None) -> BenchHands:
    return BenchHands(service, process, clock)


async def test_each_hand_is_a_control() -> None:
    service = NotingService()
    bench = hands(service)
    await bench.plug(2, seated=False)
    await bench.unplug(1, ev=False)
    await bench.swipe("A")
    await bench.swipe("A", 1)
    assert await bench.fault(0) == "OtherError"
    await bench.clear_fault(0)
    await bench.network(False)
    await bench.fail_local_list()
    assert service.asked == [
        ("POST", "/bench/connectors/2/plug", {"ev": True, "station": True, "seated": False}),
        ("POST", "/bench/connectors/1/unplug", {"ev": False, "station": True}),
        ("POST", "/bench/swipe", {"id_tag": "A"}),
        ("POST", "/bench/swipe", {"id_tag": "A", "connector_id": 1}),
        ("POST", "/bench/connectors/0/fault", {"error_code": "OtherError"}),
        ("DELETE", "/bench/connectors/0/fault", None),
        ("POST", "/bench/network", {"up": False}),
        ("POST", "/bench/local-list", {"fail": True}),
    ]


async def test_time_passes_for_both_ends() -> None:
    service, clock = NotingService(), NotingClock()
    await hands(service, clock=clock).wait(60)
    assert clock.advanced_s == [60]
    assert service.asked == [("POST", "/bench/clock", {"advance_s": 60})]


async def test_a_power_cycle_prepares_nothing() -> None:
    process = NotingProcess()
    await hands(NotingService(), process).power_cycle()
    assert process.done == ["kill", "start"]


async def test_a_station_that_dies_at_once_gives_no_answer() -> None:
    await hands(NotingService(dies=True)).mains_lost()
