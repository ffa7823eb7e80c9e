"""A screen that keeps what the demonstration showed."""

from station.demo.screen import Speaker


class Paper:
    """Implements station.demo.screen.Screen."""

    def __init__(self) -> None:
        self.lines: list[tuple[Speaker, str]] = []

    def line(self, voice: Speaker, text: str) -> None:
        """A line that stays."""
        self.lines.append((voice, text))

    def live(self, text: str) -> None:
        """Nothing: paper cannot take a line back."""

    def text(self) -> str:
        """All lines."""
        return "\n".join(text for _, text in self.lines)
