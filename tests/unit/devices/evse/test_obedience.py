"""Whether a controller does as it was told."""

from devices.evse.obedience import LOST_MAX, Obedience, read_back, told
from devices.evse.said import DISOBEYS, RESTARTED


def test_what_was_never_told_is_not_judged() -> None:
    assert read_back(Obedience(), 13_000, armed=True) == (Obedience(), None)


def test_what_shows_agrees_and_telling_the_same_changes_nothing() -> None:
    agreed, trouble = read_back(told(Obedience(), 6_000), 6_000, armed=True)
    assert (agreed.agreed, trouble) == (True, None)
    assert told(agreed, 6_000) is agreed
    assert told(agreed, 7_000) == Obedience(told_ma=7_000)


def test_what_showed_once_and_does_no_longer_was_forgotten() -> None:
    agreed, _ = read_back(told(Obedience(), 6_000), 6_000, armed=True)
    for offered_ma, armed, words in ((13_000, True, "13 A instead of 6 A"), (6_000, False, "failsafe is not armed")):
        after, trouble = read_back(agreed, offered_ma, armed=armed)
        assert after == Obedience()
        assert trouble is not None
        assert trouble.code == RESTARTED
        assert words in trouble.reason


def test_a_write_that_never_shows_is_repeated_until_it_is_disobedience() -> None:
    state = Obedience()
    for count in range(1, LOST_MAX + 1):
        state, trouble = read_back(told(state, 0), 13_000, armed=True)
        assert state == Obedience(lost=count)
        assert (trouble is None) == (count < LOST_MAX)
    assert trouble is not None
    assert trouble.code == DISOBEYS
    assert read_back(told(state, 0), 0, armed=True)[0].lost == 0
