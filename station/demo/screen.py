"""Where the story is shown: lines of a kind, each with its time, and one line that is rewritten while something goes on."""

from enum import StrEnum
from typing import Protocol

from station.runtime.clock import StationClock


class Speaker(StrEnum):
    """Whom a line is about."""

    STORY = "story"
    STATION = "station"
    CSMS = "csms"
    GOOD = "good"
    BAD = "bad"
    PLAIN = "plain"


class Screen(Protocol):
    """What the story is shown on."""

    def line(self, voice: Speaker, text: str) -> None:
        """A line that stays."""
        ...

    def live(self, text: str) -> None:
        """The line that the next one takes the place of; "" takes it away."""
        ...


class Narrator:
    """Says things with the seconds since the story began."""

    def __init__(self, screen: Screen, clock: StationClock) -> None:
        self._screen = screen
        self._clock = clock
        self._began_ms = clock.at_ms()

    @property
    def seconds(self) -> float:
        """How long the story has been going on."""
        return (self._clock.at_ms() - self._began_ms) / 1000

    def step(self, text: str) -> None:
        """What happens next."""
        self._say(Speaker.STORY, text)

    def station(self, text: str) -> None:
        """What the station does."""
        self._say(Speaker.STATION, f"  station  {text}")

    def csms(self, text: str) -> None:
        """What reaches the CSMS."""
        self._say(Speaker.CSMS, f"  CSMS  ←  {text}")

    def live(self, text: str) -> None:
        """What is going on at the moment."""
        self._screen.live(f"{self.seconds:5.1f} s    {text}" if text else "")

    def plain(self, text: str, voice: Speaker = Speaker.PLAIN) -> None:
        """A line without a time."""
        self._screen.line(voice, text)

    def _say(self, voice: Speaker, text: str) -> None:
        self._screen.line(voice, f"{self.seconds:5.1f} s  {text}")
