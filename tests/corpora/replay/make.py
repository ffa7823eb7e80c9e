"""Writes the corpus of field logs, and what the flight recorder says of them, anew.

    PYTHONPATH=. python tests/corpora/replay/make.py [--outputs]

With --outputs the logs stay as they are and only the outputs, and those in docs/replay.md, are written again: look at the
differences before you keep them.
"""

import sys
import tempfile
from pathlib import Path

from tests.console import printed, replayed, with_schema
from tests.replay_logs import STORIES, write_log

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[2] / "docs" / "replay.md"
ZONE = "Europe/Berlin"
COMMANDS = {
    "summary": f"summary --tz {ZONE}",
    "timeline": f"timeline --detail --seq --tz {ZONE}",
    "transactions": f"transactions --tz {ZONE}",
    "transaction": f"transaction 1 --tz {ZONE}",
    "conversation": f"conversation --tz {ZONE}",
    "state": f"state --at 120 --tz {ZONE}",
    "outbox": f"outbox --at 180 --tz {ZONE}",
    "verify": f"verify --level chain --tz {ZONE}",
}
"""Outputs that follow from a log alone, whatever this version would decide."""


def command(name: str, question: str) -> str:
    """The command line of one golden output."""
    return f"chargebox replay {name}.jsonl {COMMANDS[question]} --no-cache"


def main() -> None:
    for name, make in STORIES.items():
        if "--outputs" not in sys.argv:
            with tempfile.TemporaryDirectory() as directory:
                log = write_log(make(), Path(directory) / "log")
                printed(f"chargebox replay {log} export --output {HERE / name}.jsonl", HERE)
        for question in COMMANDS:
            target = HERE / name / f"{question}.txt"
            target.parent.mkdir(exist_ok=True)
            target.write_text(printed(command(name, question), HERE))
    if DOCUMENT.exists():
        DOCUMENT.write_text(with_schema(replayed(DOCUMENT.read_text(), HERE)))


if __name__ == "__main__":
    main()
