"""Writes the corpus of field logs, and what the flight recorder says of them, anew.

    PYTHONPATH=. python tests/corpora/replay/make.py [--outputs]

With --outputs the logs stay as they are and only the outputs, and those in docs/replay.md, are written again: look at the
differences before you keep them.
"""

import sys
import tempfile
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eventstore.chain import EMPTY, Head, Row, digest_after
from eventstore.commitments import whole_row
from station.replay.opening.importing import read_events
from station.replay.pages.page import json_text
from station.replay.proof import statement
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


FORGED = HERE / "forged"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Of the operator in the fourth investigation; for the documentation alone."""


def forge() -> None:
    """The disputed bill, 10 kWh higher, and hashed anew: in the bill alone, and wherever the register stands; and what was signed before."""
    rows = [told.row for told in read_events(HERE / "disputed-bill.jsonl")]
    head, between = Head(seq=rows[-1].seq, digest=rows[-1].digest), (rows[0].utc_ms, rows[-1].utc_ms)
    stated = statement.sign(KEY, EMPTY, head, identity="CB-0233", between=between, says="read on site")
    (FORGED / "statement.json").write_text(json_text(stated))
    billed = frozenset({"TransactionStopped", "CallDispatched"})
    for name, kinds in (("bill", billed), ("reading", frozenset(row.type for row in rows))):
        digest, lines = EMPTY.digest, []
        for row in rows:
            payload = row.payload.replace("21780", "31780") if row.type in kinds else row.payload
            forged = row._replace(payload=payload)
            digest = digest_after(digest, whole_row(forged))
            plain = dict(zip(Row._fields[:8], forged[:8], strict=True)) | {"digest": digest.hex()}
            lines.append(orjson.dumps(plain | {"payload": orjson.loads(payload)}, option=orjson.OPT_APPEND_NEWLINE))
        (FORGED / f"{name}.jsonl").write_bytes(b"".join(lines))


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
    if "--outputs" not in sys.argv:
        forge()
    if DOCUMENT.exists():
        DOCUMENT.write_text(with_schema(replayed(DOCUMENT.read_text(), HERE)))


if __name__ == "__main__":
    main()
