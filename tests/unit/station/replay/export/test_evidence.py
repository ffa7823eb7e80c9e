"""Evidence: what is in the file, what is not, and that it is checked without this project."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from eventstore.commitments import PERSONAL
from station.cli.main import main
from station.replay.export import check_evidence
from station.replay.opening.source import open_log
from station.replay.pages.page import json_text
from station.replay.proof.verify import verify
from tests.forgeries.honest import KEY, OTHER_KEY, OTHER_TAG, PUBLIC, TAG, Honest, make
from tests.replay_logs import lost_session, write_log

OTHERS = OTHER_KEY.public_key().public_bytes_raw().hex()


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    return make(tmp_path_factory.mktemp("evidence") / "log")


def make_evidence(honest: Honest, file: Path, number: int, *words: str) -> int:
    return main(["replay", str(honest.directory), "evidence", "--transaction", str(number), "--out", str(file), *words])


@pytest.fixture(scope="module")
def file(honest: Honest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the session of the other tag, among those of the first."""
    target = tmp_path_factory.mktemp("file") / "evidence.zip"
    assert make_evidence(honest, target, 3) == 0
    return target


def lines(file: Path) -> list[dict[str, Any]]:
    with zipfile.ZipFile(file) as archive:
        return [json.loads(line) for line in archive.read("events.jsonl").splitlines()]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package cryptography, and what that needs, and nothing else."""
    import cryptography

    source, target = Path(cryptography.__file__).parents[1], tmp_path_factory.mktemp("bare")
    for path in source.iterdir():
        if re.match(r"(cryptography|cffi|_cffi_backend|pycparser|typing_extensions)($|[.-])", path.name):
            (target / path.name).symlink_to(path)
    return target


@pytest.fixture
def checked(bare: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Runs the program that lies in the evidence, by an interpreter that finds neither this project nor its packages."""

    def run(file: Path, *keys: str) -> tuple[int, str]:
        with zipfile.ZipFile(file) as archive:
            (tmp_path / "check.py").write_bytes(archive.read("check_evidence.py"))
        begin = (
            f"import sys, runpy; sys.path.append({str(bare)!r}); "
            "assert not any('site-packages' in each for each in sys.path); sys.argv = sys.argv[1:]; "
            "runpy.run_path(sys.argv[0], run_name='__main__')"
        )
        words = [sys.executable, "-I", "-S", "-W", "error", "-c", begin, str(tmp_path / "check.py"), str(file), *keys]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


Checked = Callable[..., tuple[int, str]]


def test_a_third_party_checks_it_without_this_project(file: Path, checked: Checked) -> None:
    status, told = checked(file, PUBLIC)
    assert status == 0, told
    assert "PROVEN: the signer vouches for every event up to" in told
    assert "TransactionStarted 3, register" in told
    assert f"tag '{OTHER_TAG}'" in told


def test_the_project_is_not_there_where_it_is_checked(bare: Path) -> None:
    words = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.append({str(bare)!r}); import station"]
    assert "No module named 'station'" in subprocess.run(words, capture_output=True, text=True).stderr


@pytest.mark.parametrize("keys", [(), (OTHERS,)])
def test_without_the_signers_key_it_is_consistent_only(file: Path, checked: Checked, keys: tuple[str, ...]) -> None:
    status, told = checked(file, *keys)
    assert status == 4
    assert "CONSISTENT ONLY" in told


def test_a_key_in_a_pem_file_will_do(file: Path, checked: Checked, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem = tmp_path / "public.pem"
    pem.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert checked(file, str(pem))[0] == 0


def test_verify_accepts_it_and_says_what_is_withheld(honest: Honest, file: Path) -> None:
    with open_log(file) as reader:
        verdict = verify(reader, keys=[PUBLIC])
        assert (verdict.verdict, verdict.findings, verdict.source) == ("unchecked", (), "evidence")
        assert verdict.anchored_seq == verdict.last_seq in honest.ends
        assert all(each.chained and each.anchored_by and each.state in ("here", "withheld") for each in verdict.ranges)
        withheld = sum("content" in line for line in lines(file))
        assert withheld > 20
        assert sum(each.last_seq - each.first_seq + 1 for each in verdict.ranges if each.withheld) == withheld
        assert any("withheld as a whole" in each for each in verdict.skipped)


def test_nothing_of_others_is_in_it(honest: Honest, file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist()).decode()
    assert OTHER_TAG in whole
    assert TAG.casefold() not in whole.casefold()
    numbers = {line["payload"].get("number") for line in lines(file) if "payload" in line}
    assert numbers <= {3, None}


def test_all_of_the_transaction_is_in_it(honest: Honest, file: Path) -> None:
    told = {line["seq"]: line for line in lines(file) if "payload" in line}
    for row in honest.rows:
        if json.loads(row.payload).get("number") == 3:
            assert told[row.seq]["payload"] == json.loads(row.payload)
            assert told[row.seq]["digest"] == row.digest.hex()
    kinds = {line["type"] for line in told.values()}
    assert kinds >= {
        *("StationBooted", "StationDescribed", "TransactionStarted", "TransactionStopped", "MeterObserved"),
        *("MeterSampled", "CallDispatched", "CallSettled", "FrameReceived", "TransactionConfirmed", "LimitChanged"),
    }


def test_it_answers_as_the_log_does(honest: Honest, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = []
    for log in (honest.directory, file):
        assert main(["replay", str(log), "transaction", "3", "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0]["row"] == told[1]["row"]
    assert told[0]["samples"] == told[1]["samples"]
    assert [each["energy_wh"] for each in told[0]["curve"]] == [each["energy_wh"] for each in told[1]["curve"]]


def test_what_is_withheld_is_no_noise_in_an_answer(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(file), "timeline", "--tz", "UTC"]) == 0
    told = capsys.readouterr().out
    assert "Transaction 3 started on connector 2" in told
    assert "ILLEGIBLE" not in told
    assert main(["replay", str(file), "verify", "--public-key", PUBLIC]) == 4
    told = capsys.readouterr().out
    assert re.search(r"3 to 12 +withheld +no +statement", told)
    assert "not decidable: event 3 is withheld, or a part of it" in told


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("path", "polyline", "rect")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_report_is_one_page_that_needs_nothing_else(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        html = archive.read("report.html").decode()
    page = _Page()
    page.feed(html)
    assert page.links == []
    assert page.open == []
    assert "<svg" in html
    assert "script" not in html
    for told in ("Charging transaction 3 at station CB-0417", OTHER_TAG, "What is proven", "StartTransaction", PUBLIC):
        assert told in page.text


def test_the_procedure_and_the_program_speak_of_the_same_members(file: Path) -> None:
    assert check_evidence.PERSONAL == PERSONAL
    with zipfile.ZipFile(file) as archive:
        assert set(archive.namelist()) >= {
            *("evidence.json", "events.jsonl", "report.html", "PROCEDURE.txt", "check_evidence.py"),
        }
        assert "SHA-256(proof.salt + JSON of [1, seq" in archive.read("PROCEDURE.txt").decode()


def test_the_same_log_gives_the_same_file(honest: Honest, file: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    assert (
        make_evidence(honest, again, 3, "--tz", "UTC")
        == make_evidence(honest, tmp_path / "b.zip", 3, "--tz", "UTC")
        == 0
    )
    assert again.read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_transaction_behind_the_last_statement_is_not_vouched_for(
    honest: Honest, tmp_path: Path, checked: Checked
) -> None:
    bare_of_statements = shutil.copytree(honest.directory, tmp_path / "log")
    shutil.rmtree(bare_of_statements / "statements")
    target = tmp_path / "evidence.zip"
    words = ["evidence", "--transaction", "4", "--out", str(target)]
    assert main(["replay", str(bare_of_statements), *words]) == 0
    assert checked(target, PUBLIC)[0] == 4
    statement = tmp_path / "statement.json"
    statement.write_text(json_text(honest.statements[-1]))
    assert main(["replay", str(bare_of_statements), *words, "--statement", str(statement)]) == 0
    assert checked(target, PUBLIC)[0] == 0


def test_the_first_and_the_last_transaction_make_evidence_too(honest: Honest, tmp_path: Path, checked: Checked) -> None:
    for number in (1, 2, 4):
        target = tmp_path / f"{number}.zip"
        assert make_evidence(honest, target, number) == 0
        assert checked(target, PUBLIC)[0] == 0
        with zipfile.ZipFile(target) as archive:
            assert OTHER_TAG.encode() not in archive.read("events.jsonl") + archive.read("report.html")


def test_there_is_none_of_what_is_not_there(honest: Honest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_evidence(honest, tmp_path / "x.zip", 99) == 2
    assert "no transaction 99" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_transaction_of_version_0_1_0_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = Path(__file__).resolve().parents[4] / "corpora" / "replay" / "disputed-bill.jsonl"
    words = ["replay", str(log), "evidence", "--transaction", "1", "--out", str(tmp_path / "x.zip")]
    assert main(words) == 1
    assert "version 0.1.0" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_was_altered_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(lost_session(), tmp_path / "log")
    exported = tmp_path / "events.jsonl"
    assert main(["replay", str(log), "export", "--output", str(exported)]) == 0
    exported.write_text(exported.read_text().replace('"meter_start_wh":7440', '"meter_start_wh":7000'))
    capsys.readouterr()
    words = ["replay", str(exported), "evidence", "--transaction", "2", "--out", str(tmp_path / "x.zip")]
    assert main(words) == 1
    assert "verify the log" in capsys.readouterr().err


# ---- forgeries, as whoever has only the file meets them --------------------------------------------------------------


def forged(file: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def on_lines(change: Callable[[list[dict[str, Any]]], None]) -> Callable[[dict[str, bytes]], None]:
    def changed(members: dict[str, bytes]) -> None:
        found = [json.loads(line) for line in members["events.jsonl"].splitlines()]
        change(found)
        members["events.jsonl"] = b"".join(json.dumps(each).encode() + b"\n" for each in found)

    return changed


def stop(found: list[dict[str, Any]]) -> dict[str, Any]:
    return next(each for each in found if each.get("type") == "TransactionStopped")


def another_bill(found: list[dict[str, Any]]) -> None:
    stop(found)["payload"]["meter_stop_wh"] += 10_000


def another_tag(found: list[dict[str, Any]]) -> None:
    stop(found)["payload"]["id_tag"] = TAG


def another_time(found: list[dict[str, Any]]) -> None:
    stop(found)["utc_ms"] += 3_600_000


def one_withheld_less(found: list[dict[str, Any]]) -> None:
    place = next(place for place, each in enumerate(found) if "content" in each)
    del found[place]
    for each in found[place:]:
        each["seq"] -= 1


def two_withheld_exchanged(found: list[dict[str, Any]]) -> None:
    first, second = [each for each in found if "content" in each][:2]
    first["content"], second["content"] = second["content"], first["content"]


def own_withheld(found: list[dict[str, Any]]) -> None:
    """An event that speaks against the forger is passed off as one of others."""
    sampled = next(each for each in found if each.get("type") == "MeterSampled")
    seq = sampled["seq"]
    sampled.clear()
    sampled.update({"seq": seq, "content": "00" * 32})


def a_reading_put_in(found: list[dict[str, Any]]) -> None:
    place = next(place for place, each in enumerate(found) if "content" in each)
    sampled = next(each for each in found if each.get("type") == "MeterSampled")
    found[place] = sampled | {"seq": found[place]["seq"]}


def a_member_behind_a_commitment(found: list[dict[str, Any]]) -> None:
    proof = stop(found)["proof"]
    proof["commitments"]["id_tag"] = "00" * 32
    del proof["salts"]["id_tag"]


def without_proof(found: list[dict[str, Any]]) -> None:
    del stop(found)["proof"]


LINES = (
    *(another_bill, another_tag, another_time, one_withheld_less, two_withheld_exchanged, own_withheld),
    *(a_reading_put_in, a_member_behind_a_commitment, without_proof),
)


def other_statement(members: dict[str, bytes]) -> None:
    name = next(name for name in members if name.startswith("statements/"))
    members[name] = members[name].replace(b'"identity":"CB-0417"', b'"identity":"CB-9999"')


def other_ends(members: dict[str, bytes]) -> None:
    about = json.loads(members["evidence.json"])
    members["evidence.json"] = json.dumps(about | {"before": "11" * 32}).encode()


@pytest.fixture
def each_forgery(file: Path, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    changes = {change.__name__: on_lines(change) for change in LINES}
    changes |= {change.__name__: change for change in (other_statement, other_ends)}
    return ((name, forged(file, tmp_path / f"{name}.zip", change)) for name, change in changes.items())


def test_no_forged_evidence_is_proven_to_anybody(each_forgery: Iterator[tuple[str, Path]], checked: Checked) -> None:
    for name, path in each_forgery:
        status, told = checked(path, PUBLIC)
        assert status == 1, f"{name}: {told}"
        assert told.splitlines()[-1].startswith("DOES NOT FIT"), f"{name}: {told}"
        with open_log(path) as reader:
            verdict = verify(reader, keys=[PUBLIC])
        assert verdict.verdict == "faulty", name


def test_who_makes_all_of_it_anew_has_no_statement(
    honest: Honest, file: Path, tmp_path: Path, checked: Checked
) -> None:
    """Every digest fits, and the statement is gone: nothing outside vouches for it, and nothing says that it is proven."""

    def made_anew(members: dict[str, bytes]) -> None:
        found = [json.loads(line) for line in members["events.jsonl"].splitlines()]
        another_bill(found)
        about = json.loads(members["evidence.json"])
        digest = bytes.fromhex(about["before"])
        for each in found:
            digest = sha256(digest + check_evidence.content(each)).digest()
            if "digest" in each:
                each["digest"] = digest.hex()
        members["evidence.json"] = json.dumps(about | {"digest": digest.hex()}).encode()
        members["events.jsonl"] = b"".join(json.dumps(each).encode() + b"\n" for each in found)
        for name in [name for name in members if name.startswith("statements/")]:
            del members[name]

    path = forged(file, tmp_path / "anew.zip", made_anew)
    assert checked(path, PUBLIC)[0] == 4
    with open_log(path) as reader:
        verdict = verify(reader, keys=[PUBLIC])
        assert (verdict.verdict, verdict.proven) == ("unchecked", "consistent")


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\5\6" + bytes(18), b"no zip", b"PK\3\4" + b"\xff" * 100],
    ids=["empty", "bare", "text", "broken"],
)
def test_what_is_no_evidence_is_told_in_one_line(content: bytes, tmp_path: Path, file: Path, checked: Checked) -> None:
    with zipfile.ZipFile(file) as archive:
        (tmp_path / "check.py").write_bytes(archive.read("check_evidence.py"))
    path = tmp_path / "x.zip"
    path.write_bytes(content)
    assert check_evidence.main([str(path)]) == 1
    assert main(["replay", str(path), "verify"]) == 1


def test_a_wrong_call_says_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_evidence.main([]) == 2
    assert "python check_evidence.py EVIDENCE.zip PUBLIC_KEY" in capsys.readouterr().out
