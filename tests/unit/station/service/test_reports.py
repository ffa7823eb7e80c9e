"""Which refused requests are recorded: few, whoever knocks."""

from station.service.reports import EVERY_S, PEERS_MAX, Reports


def test_of_each_peer_one_an_hour_is_recorded() -> None:
    now_s = 0.0
    reports = Reports(lambda: now_s)
    assert [reports.is_due("a"), reports.is_due("a"), reports.is_due("b")] == [True, False, True]
    now_s = EVERY_S - 1
    assert not reports.is_due("a")
    now_s = EVERY_S
    assert reports.is_due("a")


def test_many_peers_do_not_fill_the_log() -> None:
    now_s = 0.0
    reports = Reports(lambda: now_s)
    assert sum(reports.is_due(str(number)) for number in range(1_000)) == PEERS_MAX
    now_s = EVERY_S
    assert reports.is_due("one more")
