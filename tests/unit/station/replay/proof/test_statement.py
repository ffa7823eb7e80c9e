"""Signed statements: made of a whole range, checked with the key alone, and refused for whatever does not fit."""

import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from station.cli.main import main
from station.replay.opening.errors import BadQuestion
from station.replay.proof import statement
from station.replay.proof.statement import StatementRefused
from tests.replay_logs import lost_session, write_log
from tests.tampering import rehash, tamper

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(lost_session(), tmp_path_factory.mktemp("statement") / "log")


@pytest.fixture
def log(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "log"))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key.pem"
    file.write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "public.pem").write_bytes(
        KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return file


def sign(log: Path, key: Path, *more: str) -> Path:
    file = key.with_name("statement.json")
    assert main(["replay", str(log), "sign", "--key", str(key), "--output", str(file), *more]) == 0
    return file


def check(log: Path, file: Path, public_key: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    words = ["replay", str(log), "verify", "--statement", str(file), "--public-key", public_key, "--json"]
    status = main(words)
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else {"error": captured.err}


@pytest.mark.parametrize("form", ["pem", "hex"])
def test_a_statement_proves_the_log_that_it_was_made_of(
    log: Path, key: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign(log, key, "--says", "as copied from the card")
    public = str(key.with_name("public.pem")) if form == "pem" else KEY.public_key().public_bytes_raw().hex()
    status, verdict = check(log, file, public, capsys)
    assert (status, verdict["proven"], verdict["anchored_seq"]) == (0, "anchored", verdict["last_seq"])


def test_a_log_that_was_edited_and_rehashed_contradicts_the_statement(
    log: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign(log, key)
    tamper(log, "UPDATE event SET utc_ms = utc_ms + 1 WHERE seq = 5", also=lambda connection: rehash(connection, 5))
    (log / "witness").unlink()
    status, verdict = check(log, file, str(key.with_name("public.pem")), capsys)
    assert status == 1
    assert "replaced" in {finding["kind"] for finding in verdict["findings"]}


def test_a_cut_log_contradicts_the_statement(log: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = sign(log, key)
    tamper(log, "DELETE FROM event WHERE seq > 400")
    (log / "witness").unlink()
    status, verdict = check(log, file, str(key.with_name("public.pem")), capsys)
    assert status == 1
    assert "truncated" in [finding["kind"] for finding in verdict["findings"] if finding["seq"] == 401]


def test_a_range_is_stated_with_the_digest_before_it(log: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = sign(log, key, "--from", "100", "--to", "200")
    stated = statement.read(file)
    assert (stated.from_seq, stated.to_seq, stated.identity) == (100, 200, "CB-0417")
    _, verdict = check(log, file, str(key.with_name("public.pem")), capsys)
    assert (verdict["proven"], verdict["anchored_seq"]) == ("anchored", 200)


@pytest.mark.parametrize("member", ["identity", "to_digest", "to_seq", "says", "from_utc", "signature"])
def test_a_changed_statement_is_refused(log: Path, key: Path, member: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = sign(log, key)
    plain = json.loads(file.read_text())
    value = plain[member]
    plain[member] = (
        value + 1
        if isinstance(value, int)
        else value[:-2] + ("01" if value.endswith("00") else "00")
        if member == "signature"
        else value + "0"
    )
    file.write_text(json.dumps(plain))
    status, found = check(log, file, str(key.with_name("public.pem")), capsys)
    assert status == 1
    assert "signature does not fit" in found["error"]


def test_a_statement_of_another_key_is_refused(log: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = sign(log, key)
    status, found = check(log, file, OTHER.public_key().public_bytes_raw().hex(), capsys)
    assert status == 1
    assert "another key" in found["error"]


def test_a_statement_without_a_key_to_check_it_is_a_bad_question(log: Path, key: Path) -> None:
    assert main(["replay", str(log), "verify", "--statement", str(sign(log, key))]) == 2


def test_nothing_is_stated_of_a_broken_chain(log: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper(log, "UPDATE event SET utc_ms = utc_ms + 1 WHERE seq = 5")
    assert main(["replay", str(log), "sign", "--key", str(key)]) == 1
    assert "nothing can be stated" in capsys.readouterr().err


def test_a_key_of_another_kind_is_a_bad_question(log: Path, tmp_path: Path) -> None:
    file = tmp_path / "rsa.pem"
    rsa = generate_private_key(65537, 2048)
    file.write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert main(["replay", str(log), "sign", "--key", str(file)]) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"chargebox_statement": 1}', "[]"])
def test_a_file_that_is_no_statement_is_a_bad_question(tmp_path: Path, content: str) -> None:
    file = tmp_path / "statement.json"
    file.write_text(content)
    with pytest.raises(BadQuestion):
        statement.read(file)


@pytest.mark.parametrize("public_key", ["abcd", "/no/such/file", ""])
def test_a_public_key_that_is_none_is_a_bad_question(log: Path, key: Path, public_key: str) -> None:
    with pytest.raises((BadQuestion, StatementRefused)):
        statement.check_signature(statement.read(sign(log, key)), public_key)
