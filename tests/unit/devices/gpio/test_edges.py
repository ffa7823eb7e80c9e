"""The edges of many lines: in order, from one thread, whatever one of them does."""

import os
import threading
from collections.abc import Iterator

import pytest

from devices.gpio.edges import Edge, EdgeThread


class Queue:
    """A line's queue in the kernel; `told` is shared by the lines of a test."""

    def __init__(self, told: list[tuple[str, int]], name: str) -> None:
        self.name = name
        self.told = told
        self.edges: list[Edge] = []
        self.fd, self._write = os.pipe2(os.O_NONBLOCK)
        self.fails = False
        self.refuses = False
        self.came = threading.Event()

    def __str__(self) -> str:
        return self.name

    def put(self, at_ns: int) -> None:
        self.edges.append(Edge(at_ns=at_ns, rising=True))
        os.write(self._write, b"x")

    def take(self) -> list[Edge]:
        os.read(self.fd, 1_000)
        if self.fails:
            raise OSError("unplugged")
        taken, self.edges = self.edges, []
        return taken

    def tell(self, edge: Edge) -> None:
        if self.refuses:
            raise RuntimeError("not today")
        self.told.append((self.name, edge.at_ns))
        self.came.set()

    def hang_up(self) -> None:
        os.close(self._write)


@pytest.fixture
def told() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def edges() -> Iterator[EdgeThread]:
    thread = EdgeThread(threaded=False)
    yield thread
    thread.close()


def test_edges_of_two_lines_are_told_in_the_order_of_their_times(
    edges: EdgeThread, told: list[tuple[str, int]]
) -> None:
    one, two = Queue(told, "D0"), Queue(told, "D1")
    edges.add(two.fd, two)
    edges.add(one.fd, one)
    for line, at_ns in ((one, 1), (one, 4), (two, 2), (two, 3)):
        line.put(at_ns)
    edges.serve()
    assert told == [("D0", 1), ("D1", 2), ("D1", 3), ("D0", 4)]


def test_an_edge_that_comes_while_another_queue_is_emptied_is_in_order_too(
    edges: EdgeThread, told: list[tuple[str, int]]
) -> None:
    early, late = Queue(told, "D0"), Queue(told, "D1")
    edges.add(early.fd, early)
    edges.add(late.fd, late)
    plain = late.take

    def take() -> list[Edge]:
        late.take = plain  # type: ignore[method-assign]
        early.put(1)  # D0 had nothing when the kernel was asked, and D1's edge is the later one
        return plain()

    late.take = take  # type: ignore[method-assign]
    late.put(2)
    edges.serve()
    assert told == [("D0", 1), ("D1", 2)]


def test_a_line_that_oscillates_does_not_hold_up_the_others(edges: EdgeThread, told: list[tuple[str, int]]) -> None:
    wild, calm = Queue(told, "wild"), Queue(told, "calm")
    edges.add(wild.fd, wild)
    edges.add(calm.fd, calm)
    plain = wild.take

    def take() -> list[Edge]:
        taken = plain()
        wild.put(taken[-1].at_ns + 1)
        return taken

    wild.take = take  # type: ignore[method-assign]
    wild.put(1)
    calm.put(2)
    edges.serve()
    assert ("calm", 2) in told


def test_a_line_that_is_gone_is_named_once_and_the_others_go_on(
    edges: EdgeThread, told: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    broken, hung_up, sound = Queue(told, "GPIO1"), Queue(told, "GPIO2"), Queue(told, "GPIO3")
    for line in (broken, hung_up, sound):
        edges.add(line.fd, line)
    broken.fails = True
    broken.put(1)
    hung_up.hang_up()
    sound.put(2)
    edges.serve()
    broken.put(3)
    sound.put(4)
    edges.serve()
    assert told == [("GPIO3", 2), ("GPIO3", 4)]
    assert sorted(record.message for record in caplog.records) == [
        "GPIO1: no more edges: unplugged",
        "GPIO2: no more edges: the kernel has taken the chip away",
    ]


def test_one_who_cannot_take_an_edge_keeps_it_from_nobody_else(
    edges: EdgeThread, told: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    refusing, sound = Queue(told, "GPIO1"), Queue(told, "GPIO2")
    refusing.refuses = True
    for line in (refusing, sound):
        edges.add(line.fd, line)
        line.put(1)
    edges.serve()
    assert told == [("GPIO2", 1)]
    assert "an edge could not be handed over" in caplog.text


def test_a_line_that_was_removed_is_silent(edges: EdgeThread, told: list[tuple[str, int]]) -> None:
    line = Queue(told, "GPIO1")
    edges.add(line.fd, line)
    line.put(1)
    edges.remove(line.fd)
    edges.remove(line.fd)
    edges.serve()
    assert told == []


def test_the_thread_waits_and_ends_when_it_is_closed(told: list[tuple[str, int]]) -> None:
    before = set(threading.enumerate())
    edges = EdgeThread()
    line = Queue(told, "GPIO1")
    edges.add(line.fd, line)
    for at_ns in (1, 2):
        line.came.clear()
        line.put(at_ns)
        assert line.came.wait(10)
    (thread,) = set(threading.enumerate()) - before
    edges.close()
    edges.close()
    assert not thread.is_alive()
    assert told == [("GPIO1", 1), ("GPIO1", 2)]
