"""docs/replay.md says what is true: its sessions print what stands there, its queries run, its script proves what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from station.cli.main import main
from station.cli.replay import QUESTIONS
from tests.console import replayed, with_schema
from tests.duck import ask
from tests.replay_logs import disputed_bill, write_log

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests" / "corpora" / "replay"
TEXT = (ROOT / "docs" / "replay.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
LOGS = sorted(CORPUS.glob("*.jsonl"))


def test_every_session_prints_what_stands_there() -> None:
    assert replayed(TEXT, CORPUS) == TEXT


def test_the_tables_of_an_export_are_described_as_they_are() -> None:
    assert with_schema(TEXT) == TEXT


def test_every_command_is_in_the_document() -> None:
    assert [name for name in QUESTIONS if f"`{name}" not in TEXT] == []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus, exported as the document says."""
    directory = tmp_path_factory.mktemp("questions")
    for log in LOGS:
        assert main(["replay", str(log), "export", "--output", str(directory / "data"), "--table", "all"]) == 0
    return directory


def test_there_are_ten_questions() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize("query", QUERIES)
def test_a_question_has_an_answer(query: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    found = ask(query)
    assert found or any(rare in query for rare in ("highest_wh > meter_stop_wh", "NOT settled")), "the corpus has some"


@pytest.mark.parametrize("tampered", [False, True])
@pytest.mark.parametrize("words", [[], ["--redact"]], ids=["whole", "redacted"])
def test_the_same_script_checks_what_is_withheld(tmp_path: Path, tampered: bool, words: list[str]) -> None:
    script = next(block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "check_statement" in block)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "check.py").write_text(script)
    statement, events = tmp_path / "statement.json", tmp_path / "events.jsonl"
    log = str(write_log(disputed_bill(), tmp_path / "log"))
    assert main(["replay", log, "sign", "--key", str(tmp_path / "key.pem"), "--output", str(statement)]) == 0
    assert main(["replay", log, "export", "--output", str(events), *words]) == 0
    if tampered:
        events.write_text(events.read_text().replace('"meter_start_wh":2000', '"meter_start_wh":1000'))
    command = [sys.executable, "-W", "ignore", str(tmp_path / "check.py"), str(statement), str(events)]
    done = subprocess.run([*command, key.public_key().public_bytes_raw().hex()], capture_output=True, text=True)
    assert (done.returncode == 0) is not tampered


@pytest.mark.parametrize("tampered", [False, True])
def test_a_third_party_checks_a_statement_with_the_script_alone(tmp_path: Path, tampered: bool) -> None:
    script = next(block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "check_statement" in block)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "check.py").write_text(script)
    statement, events = tmp_path / "statement.json", tmp_path / "events.jsonl"
    log = str(CORPUS / "disputed-bill.jsonl")
    words = ["sign", "--key", str(tmp_path / "key.pem"), "--says", "gelesen in Köln", "--output", str(statement)]
    assert main(["replay", log, *words, "--from", "20", "--to", "300"]) == 0
    assert main(["replay", log, "export", "--output", str(events)]) == 0
    if tampered:
        events.write_text(events.read_text().replace('"meter_start_wh":2000', '"meter_start_wh":1000'))
    words = [sys.executable, "-W", "ignore", str(tmp_path / "check.py"), str(statement), str(events)]
    done = subprocess.run([*words, key.public_key().public_bytes_raw().hex()], capture_output=True, text=True)
    assert (done.returncode == 0) is not tampered
    assert ("are those that were signed\n" in done.stdout) is not tampered
