"""What follows from a controller's words and the currents: just before its time, and at it."""

from msgspec.structs import replace

from devices.evse.watch import (
    ABOVE_MS,
    FLOWS_FROM_MA,
    WELD_MS,
    ContactorJudgement,
    PowerFacts,
    Watch,
    judged,
    offered_anew,
)

CHARGING = PowerFacts(state="C", offered_ma=16_000, current_ma=15_900)
OFF = replace(CHARGING, offered_ma=0)


def after(watch: Watch, facts: PowerFacts, *times_ms: int) -> tuple[Watch, ContactorJudgement]:
    for at_ms in times_ms:
        watch, judgement = judged(watch, facts, at_ms)
    return watch, judgement


def test_it_is_closed_while_a_vehicle_may_draw_or_a_current_flows() -> None:
    for facts, closed in (
        (CHARGING, True),
        (replace(CHARGING, current_ma=0), True),
        (replace(CHARGING, current_ma=None), True),
        (replace(CHARGING, state="B", current_ma=0), False),
        (replace(OFF, current_ma=FLOWS_FROM_MA - 1), False),
        (replace(OFF, current_ma=FLOWS_FROM_MA), True),
        (PowerFacts(state=None, offered_ma=0, current_ma=None), False),
    ):
        judgement = judged(Watch(), facts, 0)[1]
        assert (judgement.closed, judgement.inferred) == (closed, True), facts


def test_a_current_that_nothing_allows_is_a_weld_after_its_time_and_stays_one() -> None:
    for facts in (OFF, replace(CHARGING, state="A"), replace(CHARGING, state="B")):
        watch, judgement = after(Watch(), facts, 0, WELD_MS - 1)
        assert judgement.fault == ""
        watch, judgement = after(watch, facts, WELD_MS)
        assert (judgement.fault, judgement.closed) == ("welded", True)
        _, judgement = after(watch, replace(facts, state="A", current_ma=0), WELD_MS + 1, 10 * WELD_MS)
        assert judgement.fault == "welded"


def test_a_current_that_pauses_begins_anew() -> None:
    watch, _ = after(Watch(), OFF, 0, WELD_MS - 1)
    watch, _ = after(watch, replace(OFF, current_ma=0), WELD_MS)
    assert after(watch, OFF, WELD_MS + 1, 2 * WELD_MS)[1].fault == ""


def test_a_mirror_contact_is_believed_and_proves_that_a_weld_is_gone() -> None:
    closed = replace(OFF, current_ma=0, mirror_closed=True)
    watch, judgement = after(Watch(), closed, 0, WELD_MS)
    assert (judgement.fault, judgement.inferred) == ("welded", False)
    _, judgement = after(watch, replace(closed, mirror_closed=False), WELD_MS + 1)
    assert (judgement.fault, judgement.closed) == ("", False)


def test_a_controller_in_trouble_is_judged_by_the_current_alone() -> None:
    lost = replace(CHARGING, reliable=False)
    assert after(Watch(), replace(lost, current_ma=0), 0, 10 * WELD_MS)[1].closed is False
    judgement = after(Watch(), replace(lost, offered_ma=0), 0, 10 * WELD_MS)[1]
    assert (judgement.closed, judgement.fault) == (True, "")
    assert after(Watch(), replace(lost, current_ma=None), 0)[1].closed is True


def test_more_than_is_offered_is_too_much_after_its_time_and_a_new_offer_gives_it_anew() -> None:
    over = replace(CHARGING, offered_ma=10_000, current_ma=12_001)
    assert after(Watch(), replace(over, current_ma=12_000), 0, 10 * ABOVE_MS)[1].above is False
    watch, judgement = after(Watch(), over, 0, ABOVE_MS - 1)
    assert judgement.above is False
    assert after(watch, over, ABOVE_MS)[1].above is True
    assert after(offered_anew(watch), over, ABOVE_MS)[1].above is False
