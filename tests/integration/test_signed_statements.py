"""The real daemon with a signing key: what it states of its log is what `replay verify`, and anyone else, accepts."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eventstore.statements import statement_files
from station.cli.main import main
from station.replay.proof import statement
from station.runtime.signing import DAILY, SEGMENT
from tests.daemon import ROOT, Daemon

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()
SETTINGS: dict[str, dict[str, Any]] = {
    "station": {"identity": "CB-0001"},
    "csms": {"url": "ws://127.0.0.1:1/ocpp", "reconnect_min_s": 300},
    "storage": {"segment_bytes": 65_536},
}


async def signed(daemon: Daemon, storage: Path, says: str, *, count: int = 1, advance_s: int = 20) -> list[Path]:
    """Waits until so many statements say this; station time is pushed on meanwhile, as nothing is signed in haste."""
    async with asyncio.timeout(20):
        while True:
            found = [each.path for each in statement_files(storage) if statement.read(each.path).says == says]
            if len(found) >= count:
                return found
            await daemon.api.clock(advance_s=advance_s)


@pytest.mark.asyncio
async def test_a_daemon_with_a_key_signs_each_closed_segment_and_its_head_daily(tmp_path: Path) -> None:
    storage, key = tmp_path / "storage", tmp_path / "key.pem"
    key.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    async with Daemon(tmp_path, SETTINGS | {"storage": SETTINGS["storage"] | {"signing_key_file": str(key)}}) as daemon:
        await signed(daemon, storage, DAILY)
        for number in range(150):
            await daemon.api.meter(1, energy_wh=number)
        (closed, *_) = await signed(daemon, storage, SEGMENT)
        await daemon.kill()
        await daemon.start()
        await signed(daemon, storage, DAILY, count=2, advance_s=6 * 3_600)
        types = [event["type"] for event in await daemon.api.events()]
        assert await daemon.stop() == 0
    assert "BooksClosed" in types
    assert not {"LogDamageFound", "LogSalvaged", "DecisionFailed"} & set(types)
    files = statement_files(storage)
    for each in files:
        words = ["replay", str(storage), "verify", "--statement", str(each.path), "--public-key", PUBLIC]
        assert await asyncio.to_thread(main, words) == 0
    newest, segment = statement.read(files[-1].path), statement.read(closed)
    assert (segment.identity, segment.from_seq, segment.public_key) == ("CB-0001", 1, PUBLIC)
    assert newest.from_seq > segment.to_seq
    await asyncio.to_thread(_check_as_a_third_party, tmp_path, storage, closed)


def _check_as_a_third_party(directory: Path, storage: Path, file: Path) -> None:
    """By the script in docs/replay.md, from exported events."""
    text = (ROOT / "docs" / "replay.md").read_text()
    script = next(block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "check_statement" in block)
    (directory / "check.py").write_text(script)
    events = directory / "events.jsonl"
    assert main(["replay", str(storage), "export", "--output", str(events)]) == 0
    words = [sys.executable, "-W", "ignore", str(directory / "check.py"), str(file), str(events), PUBLIC]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == "the events are those that were signed\n", done.stderr
