"""What the CSMS is told after a salvage: no energy that was another driver's, nothing twice, and what is whole in the log."""

import asyncio
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eventstore.catalogue.lifecycle import LogSalvaged, StationBooted
from eventstore.catalogue.link import DeliveryRecovered, FrameReceived
from eventstore.catalogue.transactions import (
    MeterSampled,
    TransactionIdAssigned,
    TransactionRecovered,
    TransactionStarted,
    TransactionStopped,
)
from eventstore.database import DATABASE_NAME
from eventstore.errors import StorageError
from eventstore.event import Recorded
from eventstore.log import EventLog
from station.replay.opening.source import open_log
from station.replay.proof.redeciding import decide_again
from tests.logs import execute_behind_its_back
from tests.reliability.aftermath import IDENTITY, STORIES, Aftermath, Past, aftermath, harmed, judge, past
from tests.reliability.disk import GARBAGE
from tests.reliability.test_damage import BLOCK, Damage, block_of, cut_at, flip

SOME, MANY = 16, 400
SEED = "aftermath"


@pytest.fixture(scope="module")
def pasts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Past]:
    """Each story, lived once."""
    base = tmp_path_factory.mktemp("pasts")
    return {story: asyncio.run(past(base / story, story)) for story in STORIES}


def events_of(directory: Path) -> list[Recorded]:
    async def read() -> list[Recorded]:
        log = await EventLog.open(directory, identity=IDENTITY)
        try:
            return await log.read(0, 100_000)
        finally:
            await log.close()

    return asyncio.run(read())


def random_damages(size: int, count: int, story: str) -> Iterator[Damage]:
    chance = random.Random(f"{SEED} {story}")
    for _ in range(count):
        at = chance.randrange(size)
        name, harm = chance.choice(
            [
                (f"bit at {at}", flip(at, at % 8)),
                (f"bit at {at}", flip(at, at % 8)),
                (f"zeros at {at}", block_of(at, bytes(BLOCK))),
                (f"garbage at {at}", block_of(at, GARBAGE)),
                (f"cut at {at}", cut_at(at)),
            ]
        )
        yield Damage(name=name, file=DATABASE_NAME, harm=harm)


def judged(before: Past, directory: Path) -> tuple[Aftermath, tuple[str, ...]]:
    after = asyncio.run(aftermath(directory, before))
    return after, judge(after, before)


def damage_at_random(before: Past, story: str, base: Path, count: int) -> None:
    outcomes: Counter[str] = Counter()
    size = (before.directory / DATABASE_NAME).stat().st_size
    for damage in random_damages(size, count, story):
        directory = harmed(before, base / "log", damage.harm)
        try:
            after, unsure = judged(before, directory)
        except StorageError:  # what only writing meets: the next start salvages
            outcomes["another start"] += 1
            continue
        except Exception as error:
            raise AssertionError(f"{damage.name} of {story}: {error!r}") from error
        outcomes["salvaged" if after.named else "unharmed"] += 1
        outcomes["with sessions behind the damage"] += bool(after.behind)
        outcomes["with sessions that may have been told"] += bool(unsure)
    print(f"seed {SEED!r}, {count} damages of {story}: {dict(outcomes)}")
    assert outcomes["with sessions behind the damage"] * 4 > count, "nothing was recovered: this proves nothing"
    assert outcomes["with sessions that may have been told"] * 8 <= count


@pytest.mark.parametrize("story", STORIES)
def test_no_damage_bills_anothers_energy_or_hides_a_session_that_is_whole(
    pasts: dict[str, Past], base: Path, story: str
) -> None:
    damage_at_random(pasts[story], story, base, SOME)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("story", STORIES)
def test_no_damage_of_many_bills_anothers_energy_or_hides_a_session_that_is_whole(
    pasts: dict[str, Past], base: Path, story: str
) -> None:
    damage_at_random(pasts[story], story, base, MANY)


def without(before: Past, directory: Path, *seqs: int) -> Path:
    """A copy of the log in which these events were changed, so that none of them is believed any more."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(before.directory, directory)
    for seq in seqs:
        execute_behind_its_back(directory, f"UPDATE event SET at_ms = at_ms + 1 WHERE seq = {seq}")
    return directory


def seqs_of(events: list[Recorded], kind: type) -> list[int]:
    return [recorded.seq for recorded in events if isinstance(recorded.event, kind)]


@pytest.mark.parametrize("story", ["told_online", "running_offline"])
def test_whatever_single_event_is_lost_nobody_pays_for_it(pasts: dict[str, Past], base: Path, story: str) -> None:
    """Every seventh one; the kinds that decide are tried each in a test of its own."""
    before = pasts[story]
    for recorded in events_of(before.directory)[1:-1:7]:
        after, unsure = judged(before, without(before, base / "log", recorded.seq))
        assert after.named
        assert not unsure, f"without event {recorded.seq} ({recorded.event.NAME}), {unsure} are not told"


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("story", STORIES)
def test_whatever_event_of_all_is_lost_nobody_pays_for_it(pasts: dict[str, Past], base: Path, story: str) -> None:
    before = pasts[story]
    for recorded in events_of(before.directory)[1:]:
        judged(before, without(before, base / "log", recorded.seq))


def test_a_told_stop_that_is_lost_is_not_told_again(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["told_online"]
    for seq in seqs_of(events_of(before.directory), TransactionStopped):
        after, _ = judged(before, without(before, base / "log", seq))
        assert after.books.stops == before.books.stops
        assert after.books.starts == before.books.starts


def from_on(before: Past, directory: Path, seq: int) -> Path:
    """A copy of the log of which everything from this event on is illegible."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(before.directory, directory)
    execute_behind_its_back(directory, f"UPDATE event SET digest = zeroblob(32) WHERE seq >= {seq}")
    return directory


def test_a_stop_that_may_lie_in_what_is_lost_is_not_told_again(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["told_online"]
    stop = seqs_of(events_of(before.directory), TransactionStopped)[-1]
    after, _ = judged(before, from_on(before, base / "log", stop))
    assert after.books.stops == before.books.stops
    (named,) = [r.event for r in after.events if isinstance(r.event, TransactionRecovered)]
    assert (named.start, named.stop) == ("told", "unsure")


def test_a_stop_that_the_witness_never_saw_cannot_have_been_told(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["running_online"]
    start = seqs_of(events_of(before.directory), TransactionStarted)[-1]
    after, _ = judged(before, from_on(before, base / "log", start + 12))
    assert after.books.told() == before.sessions


def test_a_told_start_that_is_lost_does_not_begin_a_second_transaction(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["told_online"]
    for seq in seqs_of(events_of(before.directory), TransactionStarted):
        after, _ = judged(before, without(before, base / "log", seq))
        assert after.books.starts == before.books.starts


def test_sessions_behind_the_damage_are_told_as_they_were(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["owed_offline"]
    after, unsure = judged(before, without(before, base / "log", 10))
    assert not unsure
    assert after.books.told() == before.sessions
    assert after.books.billed() == before.flowed


def test_a_transaction_that_was_running_ends_with_the_last_stored_reading_and_its_time(
    pasts: dict[str, Past], base: Path
) -> None:
    for story, tag in (("running_offline", "G"), ("running_online", "D")):
        before = pasts[story]
        last = [r.event for r in events_of(before.directory) if isinstance(r.event, MeterSampled)][-1]
        after, _ = judged(before, without(before, base / "log", 10))
        (number,) = [key for key, start in after.books.starts.items() if start["idTag"] == tag]
        (stop,) = after.books.stops[number]
        assert (stop["meterStop"], stop["reason"]) == (last.register_wh, "PowerLoss")
        (closed,) = [
            r.event
            for r in after.events
            if isinstance(r.event, TransactionStopped) and r.event.number == last.number and r.event.meter_stale
        ]
        assert closed.stopped == last.sample.taken


@pytest.mark.parametrize("kinds", [(TransactionIdAssigned,), (TransactionIdAssigned, FrameReceived)])
def test_an_id_that_is_lost_is_taken_from_the_answer_or_from_a_later_message(
    pasts: dict[str, Past], base: Path, kinds: tuple[type, ...]
) -> None:
    before = pasts["running_online"]
    events = events_of(before.directory)
    lost = [seq for kind in kinds for seq in seqs_of(events, kind)]
    after, unsure = judged(before, without(before, base / "log", *lost))
    assert not unsure
    assert after.books.starts == before.books.starts
    assert after.books.told() == before.sessions


def test_a_running_transaction_whose_start_is_lost_is_ended(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["running_online"]
    start = seqs_of(events_of(before.directory), TransactionStarted)[-1]
    after, _ = judged(before, without(before, base / "log", start))
    assert after.books.told() == before.sessions


def test_a_session_that_is_lost_is_named(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["owed_offline"]
    lost = seqs_of(events_of(before.directory), TransactionStarted)[3]
    after, _ = judged(before, without(before, base / "log", lost))
    (named,) = [r.event for r in after.events if isinstance(r.event, TransactionRecovered) and r.event.start == "lost"]
    assert named.number == 4
    assert after.books.told() == before.sessions - {"C"}


def test_a_salvage_that_is_cut_before_its_report_is_gone_is_not_told_twice(
    pasts: dict[str, Past], base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pasts["owed_offline"]
    directory = without(before, base / "log", 10)

    async def died(_: EventLog) -> None:
        return

    with monkeypatch.context() as patched:
        patched.setattr(EventLog, "acknowledge_recovery", died)
        first, _ = judged(before, directory)
    after, _ = judged(replace(before, books=first.books), directory)
    assert after.books == first.books, "the second start has nothing more to tell"
    assert len([r for r in after.events if isinstance(r.event, LogSalvaged)]) == 1
    assert len([r for r in after.events if isinstance(r.event, DeliveryRecovered)]) == 1


def test_boots_and_message_ids_after_a_salvage_are_none_that_are_lost(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["told_online"]
    second = seqs_of(events_of(before.directory), StationBooted)[1]
    after, _ = judged(before, without(before, base / "log", second - 2))
    boots = [r.event for r in after.events if isinstance(r.event, StationBooted)]
    assert [event.boot for event in boots] == [1, 3]
    assert boots[0].installation != boots[1].installation


def test_what_was_recovered_is_decided_again_to_the_byte(pasts: dict[str, Past], base: Path) -> None:
    before = pasts["running_offline"]
    directory = without(before, base / "log", 10, 200)
    judged(before, directory)
    with open_log(directory) as reader:
        assert [decided.recorded[0].seq for decided in decide_again(reader) if not decided.agrees] == []


def test_the_words_of_the_story_say_what_became_of_a_session(pasts: dict[str, Past], base: Path) -> None:
    from station.telling.wording import words

    before = pasts["owed_offline"]
    after, _ = judged(before, without(before, base / "log", 10))
    told = [words(r.event) for r in after.events if isinstance(r.event, TransactionRecovered)]
    assert any(re.search(r"Transaction \d+ .*its start is sent now, its stop is sent now", text) for text in told)
