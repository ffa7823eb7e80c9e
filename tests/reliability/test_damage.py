"""A medium that forgets: a wrong bit, a block of zeros or of garbage anywhere, a file cut short or gone.

Whatever it is, the station starts; what it then has is a beginning of what was, unchanged; what is missing is named; and
the next start finds nothing more to mend. By default at some places, with -m long everywhere.
"""

import asyncio
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from eventstore.chain import Row
from eventstore.database import open_reader
from eventstore.errors import LogTooNew, NotWritable, StorageError
from eventstore.integrity import CheckProgress
from eventstore.log import EventLog
from eventstore.rows import SELECT_ROWS
from eventstore.salvage import Recovery
from eventstore.witness import read_witness
from migrations import MIGRATIONS
from station.runtime import recovery
from tests.daemon import ROOT
from tests.reliability.disk import GARBAGE, Tree, read_tree, write_tree
from tests.reliability.oracle import IDENTITY, rebooted
from tests.reliability.scenarios import of_an_older_version

BLOCK = 4096
BYTES_APART = 149
STARTS_MAX = 3
REFUSED = "taken for another version's, and left alone"
REFUSED_PER_MILLE_MAX = 20
"""The few bytes that say which version made the log have no checksum."""
DATABASE, WAL, WITNESS = "chargebox.db", "chargebox.db-wal", "witness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """What happens to a file: a function of its bytes; None is a file that is gone."""

    name: str
    file: str
    harm: Callable[[bytes], bytes | None]

    @property
    def is_end_of_wal(self) -> bool:
        """Whether something of the WAL is left, so that its end may be what a cut would have left too."""
        return self.file == WAL and bool(self.harm(bytes(1_000_000)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A log as a kill left it, and what it held."""

    tree: Tree
    rows: Sequence[Row]
    witnessed: int


@pytest.fixture(scope="module", params=["die", "create"], ids=["killed", "closed"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """Either with its last commits in the WAL only, or with all of it in the database."""
    directory = tmp_path_factory.mktemp("log") / "storage"
    child = [sys.executable, "-m", "tests.reliability.log_child", request.param, str(directory)]
    subprocess.run(child, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    tree = read_tree(directory)
    assert (WAL in tree) == (request.param == "die")
    witnessed = read_witness(directory)
    assert witnessed is not None
    return Whole(tree=tree, rows=asyncio.run(_rows(directory)), witnessed=witnessed.seq)


async def _rows(directory: Path) -> list[Row]:
    log = await EventLog.open(directory, identity=IDENTITY)
    try:
        return await log.read_rows(0, 100_000)
    finally:
        await log.close()


def flip(at: int, bit: int) -> Callable[[bytes], bytes]:
    def harm(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[at % len(changed)] ^= 1 << bit
        return bytes(changed)

    return harm


def block_of(at: int, filling: bytes) -> Callable[[bytes], bytes]:
    def harm(content: bytes) -> bytes:
        first = at % len(content) // BLOCK * BLOCK
        length = min(BLOCK, len(content) - first)
        return content[:first] + filling[:length] + content[first + length :]

    return harm


def end_of_block(at: int) -> Callable[[bytes], bytes]:
    """A block that was written in part: its end is zero. (SQLite reads what its cells were as rows with the number 0.)"""

    def harm(content: bytes) -> bytes:
        first = at % len(content) // BLOCK * BLOCK + 1024
        length = max(0, min(BLOCK - 1024, len(content) - first))
        return content[:first] + bytes(length) + content[first + length :]

    return harm


def cut_at(at: int) -> Callable[[bytes], bytes]:
    return lambda content: content[: at % len(content)]


def damages(tree: Tree, every: int | None) -> Iterator[Damage]:
    """Of each kind in each file: at some places, or (`every`) in every so many bytes a bit, and in every block."""
    chance = random.Random("damage")
    for file in (file for file in (DATABASE, WAL, WITNESS) if file in tree):
        size = len(tree[file])
        places = range(0, size, every) if every else [chance.randrange(size) for _ in range(12)]
        blocks = range(0, size, BLOCK) if every else chance.sample(range(0, size, BLOCK), min(4, size // BLOCK))
        for at in places:
            yield Damage(name=f"bit at {at} of {file}", file=file, harm=flip(at, at % 8))
        for at in blocks:
            yield Damage(name=f"zeros at {at} of {file}", file=file, harm=block_of(at, bytes(BLOCK)))
            yield Damage(name=f"garbage at {at} of {file}", file=file, harm=block_of(at, GARBAGE))
            yield Damage(name=f"half a block of zeros at {at} of {file}", file=file, harm=end_of_block(at))
            yield Damage(name=f"{file} cut at {at}", file=file, harm=cut_at(at))
        yield Damage(name=f"{file} gone", file=file, harm=lambda content: None)
        yield Damage(name=f"{file} empty", file=file, harm=lambda content: b"")
    for name in sorted(tree):
        if name not in (DATABASE, WAL, WITNESS) and not name.endswith("/"):
            yield Damage(name=f"{name} gone", file=name, harm=lambda content: None)
            yield Damage(name=f"garbage in {name}", file=name, harm=block_of(0, GARBAGE))


def harmed(tree: Tree, damage: Damage) -> Tree:
    content = damage.harm(tree[damage.file])
    rest = {name: kept for name, kept in tree.items() if name != damage.file}
    return rest if content is None else {**rest, damage.file: content}


async def _start(directory: Path) -> tuple[Recovery | None, bool]:
    """As the daemon does: opened, folded, booted on record, and checked whole in the background.

    What was salvaged, and whether the process ended by it and must be started anew. Raises LogTooNew.
    """
    log = await EventLog.open(directory, identity=IDENTITY)
    report = log.boot_report.recovery
    try:
        state, _ = await recovery.fold_log(log)
        await log.append(rebooted(state).log)
        if report is not None:
            await log.acknowledge_recovery()
        progress = CheckProgress()
        while not progress.done:
            progress = await log.check_slice(progress)
    except LogTooNew:
        raise
    except StorageError:  # exit 70, or 3: the supervisor starts it again
        return report, True
    finally:
        await log.close()
    return report, bool(progress.findings)


def mended(directory: Path, whole: Whole, damage: Damage) -> str:
    """Starts until nothing is found any more; how it ended. Raises AssertionError."""
    gaps: list[Recovery] = []
    for _ in range(STARTS_MAX):
        try:
            report, again = asyncio.run(_start(directory))
        except LogTooNew:
            return REFUSED
        gaps += [] if report is None else [report]
        if not again:
            break
    else:
        raise AssertionError("found damaged at each start, for ever")
    rows = asyncio.run(_rows(directory))
    kept = next(
        (at for at, pair in enumerate(zip(rows, whole.rows, strict=False)) if pair[0] != pair[1]), len(whole.rows)
    )
    kept = min(kept, len(rows))
    lost = len(whole.rows) - kept
    if not gaps:
        # Commits at the end of the WAL leave no trace when they go, but for those that the witness saw: what is billed by is
        # seen at once, and with it how long the WAL is. So a WAL that is gone is always missed.
        assert not lost or damage.is_end_of_wal, f"{lost} events are missing, and nobody says so"
        assert kept >= whole.witnessed, "events that the witness saw are missing, and nobody says so"
        return "nothing lost" if not lost else "the end of the WAL lost, nothing that is billed by"
    named = gaps[0]
    assert min(named.kept_seq, len(whole.rows)) <= kept, (
        f"{named} says that {named.kept_seq} are kept, there are {kept}"
    )
    if damage.file != WITNESS:
        assert named.known_seq >= whole.witnessed, f"{named} does not know of what the witness saw"
    return "salvaged whole" if not lost else "salvaged, the gap is named"


def damage_everywhere(whole: Whole, base: Path, every: int | None) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for damage in damages(whole.tree, every):
        directory = base / "storage"
        shutil.rmtree(directory, ignore_errors=True)
        write_tree(harmed(whole.tree, damage), directory)
        try:
            outcomes[mended(directory, whole, damage)] += 1
        except Exception as error:
            raise AssertionError(f"{damage.name}: {error!r}") from error
    print(f"{sum(outcomes.values())} damages: {dict(outcomes)}")
    assert outcomes[REFUSED] * 1000 <= REFUSED_PER_MILLE_MAX * sum(outcomes.values())
    return outcomes


def test_damage_at_some_places_is_mended_or_named(whole: Whole, base: Path) -> None:
    outcomes = damage_everywhere(whole, base, None)
    assert outcomes["salvaged, the gap is named"] > 5, "nothing was ever damaged: this proves nothing"


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_damage_anywhere_is_mended_or_named(whole: Whole, base: Path) -> None:
    damage_everywhere(whole, base, BYTES_APART)


def test_damage_that_only_writing_meets_is_salvaged_by_the_next_start(whole: Whole, base: Path) -> None:
    """The count of free pages (sqlite.org/fileformat2.html, 1.3.7) is asked for when a page is needed, never by reading."""
    free_pages = Damage(name="the count of free pages", file=DATABASE, harm=flip(37, 5))
    write_tree(harmed(whole.tree, free_pages), base / "storage")
    assert mended(base / "storage", whole, free_pages) in ("nothing lost", "salvaged whole")


def test_a_schema_that_is_no_text_any_more_and_a_record_of_nothing_are_damage(whole: Whole, base: Path) -> None:
    """SQLite quotes the one in its message, which the binding cannot decode; the other is no error of SQLite's at all."""
    for marker, harm in ((b" BLOB", lambda at: flip(at, 7)), (MIGRATIONS[0].sha256.encode(), end_of_block)):
        file = DATABASE if marker in whole.tree[DATABASE] else WAL
        damage = Damage(name=f"{marker!r} in {file}", file=file, harm=harm(whole.tree[file].index(marker)))
        shutil.rmtree(base / "storage", ignore_errors=True)
        write_tree(harmed(whole.tree, damage), base / "storage")
        assert mended(base / "storage", whole, damage) != REFUSED


def test_damage_that_only_a_migration_meets_is_salvaged_by_the_next_start(base: Path) -> None:
    directory = base / "storage"
    of_an_older_version(directory)
    before = _rows_as_they_are(directory)
    path = directory / DATABASE
    path.write_bytes(flip(37, 5)(path.read_bytes()))
    with pytest.raises(NotWritable, match="malformed"):
        asyncio.run(_start(directory))
    report, again = asyncio.run(_start(directory))
    assert report is not None
    assert (report.lost_events, again) == (0, False)
    assert asyncio.run(_rows(directory))[: len(before)] == before


def _rows_as_they_are(directory: Path) -> list[Row]:
    with closing(open_reader(directory / DATABASE)) as connection:
        return [Row._make(row) for row in connection.execute(f"{SELECT_ROWS} ORDER BY seq")]
