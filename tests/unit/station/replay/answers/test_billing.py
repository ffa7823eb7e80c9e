"""Money explained: four sources of one register, side by side, and what does not fit between them."""

from pathlib import Path

import pytest

from eventstore.catalogue.hardware import MeterObserved
from eventstore.event import Recorded
from eventstore.value import replace
from station.cli.main import main
from station.replay.answers.billing import GIVEN_UP, TAKEN, WAITS, Billing, Meter, billing
from station.replay.answers.transactions import transaction_rows
from station.replay.opening.errors import BadQuestion
from station.replay.opening.source import open_log
from station.replay.opening.times import Zone, calendar_of
from station.replay.pages.billing_page import list_page, page
from station.replay.pages.page import plain
from tests.replay_logs import StoryStation, lost_session, metered, session, story, write_log

ZONE = Zone("Europe/Berlin")


def online() -> StoryStation:
    made = metered(story(connectors=1), 60)
    made.online()
    return made


def billed(station: StoryStation, directory: Path, number: int | None = None) -> Billing:
    with open_log(write_log(station, directory / "log")) as reader:
        return billing(reader, calendar_of(reader), number=number)


def told(found: Billing) -> str:
    return plain(list_page(found, ZONE)) + "".join(plain(page(bill, ZONE)) for bill in found.bills)


def test_register_samples_frames_and_the_csms_stand_side_by_side(tmp_path: Path) -> None:
    log = write_log(lost_session(), tmp_path / "log")
    with open_log(log) as reader:
        found = billing(reader, calendar_of(reader))
        rows = transaction_rows(reader, calendar_of(reader))
    second = found.bills[1]
    assert second.register == second.frames == second.csms == Meter(start_wh=7_440, stop_wh=17_008)
    assert (second.samples, second.samples_count) == (Meter(start_wh=8_360, stop_wh=16_640), 10)
    assert (second.values_sent, second.values_taken, second.csms_highest_wh) == (10, 10, 16_640)
    assert (second.start, second.stop, second.previous, second.before_wh) == (TAKEN, TAKEN, 1, 0)
    assert [bill.register.energy_wh for bill in found.bills] == [row.energy_wh for row in rows]
    assert found.energy_wh == found.csms_wh == sum(row.energy_wh or 0 for row in rows)
    assert (found.lost_wh, found.waiting_wh, found.between_wh) == (0, 0, 0)
    assert all(bill.disagreements == () for bill in found.bills)


def test_the_bill_of_one_transaction_is_that_among_all(tmp_path: Path) -> None:
    lost = online()
    session(lost, minutes=5)
    lost.replies["StopTransaction"] = ["InternalError"] * 3
    session(lost, minutes=5)
    lost.advance(3_600)
    for number, make in enumerate((lost_session(), lost)):
        with open_log(write_log(make, tmp_path / str(number))) as reader:
            calendar = calendar_of(reader)
            for bill in billing(reader, calendar).bills:
                assert billing(reader, calendar, number=bill.number).bills == (bill,)


def test_what_was_given_up_is_lost_and_what_waits_is_not(tmp_path: Path) -> None:
    lost = online()
    lost.replies["StartTransaction"] = ["InternalError"] * 3
    session(lost, minutes=5)
    lost.advance(3_600)
    given_up = billed(lost, tmp_path / "lost").bills[0]
    assert (given_up.start, given_up.lost_wh) == (GIVEN_UP, given_up.register.energy_wh)
    assert "can book to no transaction" in told(billed(lost, tmp_path / "again"))

    cut = online()
    session(cut, minutes=5)
    cut.disconnect()
    session(cut, minutes=5)
    waits = billed(cut, tmp_path / "cut")
    assert (waits.bills[1].start, waits.bills[1].stop, waits.bills[1].csms) == (WAITS, WAITS, Meter())
    assert (waits.lost_wh, waits.waiting_wh) == (0, waits.bills[1].register.energy_wh)
    assert "not taken yet" in told(waits)


def test_the_register_goes_on_from_one_transaction_to_the_next(tmp_path: Path) -> None:
    between = online()
    session(between, minutes=5)
    between.energy_wh[1] += 12
    between.at_ms += 3_600_000
    between.read_meter(1)
    between.read_meter(1)
    session(between, minutes=5)
    first, second = billed(between, tmp_path).bills
    assert (second.previous, second.before_wh) == (first.number, 12)
    assert second.disagreements == (
        f"0.012 kWh between the end of transaction {first.number} and its start belong to no transaction",
    )


def test_a_meter_that_was_exchanged_is_named_and_the_bill_goes_on(tmp_path: Path) -> None:
    exchanged = online()
    exchanged.plug(1)
    exchanged.swipe()
    exchanged.advance(300)
    register = exchanged.energy_wh[1]
    for energy_wh in (0, 10, 20, 30):
        exchanged.at_ms += 30_000
        exchanged.observe(MeterObserved(connector_id=1, energy_wh=energy_wh))
    (bill,) = billed(exchanged, tmp_path).bills
    kinds = " ".join(each.words for each in bill.meter)
    assert "FELL" in kinds or "RESET or EXCHANGED" in kinds
    assert bill.register.start_wh == register - (register - (bill.register.start_wh or 0))
    assert bill.meter[0].words in told(billed(exchanged, tmp_path / "again"))


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A log in which the register at the end was made smaller than a sample of it."""
    made = online()
    session(made, minutes=5)

    def change(recorded: Recorded) -> Recorded:
        event = recorded.event
        if event.NAME != "TransactionStopped":
            return recorded
        return replace(recorded, event=replace(event, meter_stop_wh=event.meter_stop_wh - 5_000))  # type: ignore[attr-defined]

    made.log[:] = map(change, made.log)
    return write_log(made, tmp_path / "changed")


def test_what_does_not_fit_is_said(changed: Path) -> None:
    with open_log(changed) as reader:
        (bill,) = billing(reader, calendar_of(reader)).bills
    text = " ".join(bill.disagreements)
    assert "lies above the register at its end" in text
    assert "the frame of its end says" in text


def test_the_command_answers_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = str(write_log(lost_session(), tmp_path / "log"))
    assert main(["replay", log, "billing", "--transaction", "2", "--tz", "Europe/Berlin"]) == 0
    assert "Bill of transaction 2 (Europe/Berlin)" in capsys.readouterr().out
    assert main(["replay", log, "billing", "--json"]) == 0
    assert '"csms_wh": 19872' in capsys.readouterr().out
    assert main(["replay", log, "billing", "--transaction", "9"]) == 2
    assert "there is no transaction 9" in capsys.readouterr().err
    assert main(["replay", log, "billing", "--to", "2"]) == 0
    assert "There is no transaction" in capsys.readouterr().out
    with open_log(Path(log)) as reader, pytest.raises(BadQuestion):
        billing(reader, calendar_of(reader), number=77)
