"""Where a person gets instructions and answers: a terminal, a page, or both at once."""

import asyncio
from typing import Protocol


class Prompting(Protocol):
    """A place where lines are said and typed."""

    def say(self, text: str) -> None:
        """A line, or several."""
        ...

    def forget(self) -> None:
        """What was typed before is no answer to what is said next."""
        ...

    async def line(self, within_s: float) -> str | None:
        """The next line that is typed, without its ends and in lower case; None if there is none in time."""
        ...


class Everywhere:
    """Several places: what is said is said in all of them, and whoever answers first is heard."""

    def __init__(self, *places: Prompting) -> None:
        self._places = places

    def say(self, text: str) -> None:
        """A line, or several."""
        for place in self._places:
            place.say(text)

    def forget(self) -> None:
        """What was typed before is no answer to what is said next."""
        for place in self._places:
            place.forget()

    async def line(self, within_s: float) -> str | None:
        """The first line that is typed anywhere; None if there is none in time."""
        asked = [asyncio.ensure_future(place.line(within_s)) for place in self._places]
        try:
            for heard in asyncio.as_completed(asked):
                if (typed := await heard) is not None:
                    return typed
            return None
        finally:
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
