"""Several places where a person is told what to do: all say it, and the first answer counts."""

import asyncio

import pytest

from station.certify.prompting import Everywhere


class Place:
    """One that is written to by the test."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.typed: asyncio.Queue[str] = asyncio.Queue()

    def say(self, text: str) -> None:
        self.said.append(text)

    def forget(self) -> None:
        while not self.typed.empty():
            self.typed.get_nowait()

    async def line(self, within_s: float) -> str | None:
        try:
            async with asyncio.timeout(within_s):
                return await self.typed.get()
        except TimeoutError:
            return None


@pytest.mark.asyncio
async def test_what_is_said_is_said_in_all_places() -> None:
    first, second = Place(), Place()
    Everywhere(first, second).say(">>> Plug in")
    assert first.said == second.said == [">>> Plug in"]


@pytest.mark.parametrize("answering", [0, 1])
@pytest.mark.asyncio
async def test_whoever_answers_first_is_heard(answering: int) -> None:
    places = (Place(), Place())
    asked = asyncio.ensure_future(Everywhere(*places).line(60))
    await asyncio.sleep(0)
    places[answering].typed.put_nowait("n")
    assert await asked == "n"


@pytest.mark.asyncio
async def test_nobody_answers_in_time_and_a_late_answer_is_kept_until_it_is_forgotten() -> None:
    places = (Place(), Place())
    everywhere = Everywhere(*places)
    assert await everywhere.line(0) is None
    places[1].typed.put_nowait("r")
    assert await everywhere.line(60) == "r"
    places[0].typed.put_nowait("n")
    everywhere.forget()
    assert await everywhere.line(0) is None
