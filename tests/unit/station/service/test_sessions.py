import itertools

from station.service.sessions import COOKIE, IDLE_S, MAX, Session, Sessions, bears_csrf


class World:
    """Sessions with a clock that is moved by hand, and secrets that count."""

    def __init__(self) -> None:
        self.now_s = 0.0
        count = itertools.count()
        self.sessions = Sessions(lambda: self.now_s, lambda: f"secret-{next(count)}")

    def of(self, cookie: bytes) -> Session | None:
        return self.sessions.of([(b"host", b"x"), (b"cookie", cookie)])


def cookie(value: str) -> bytes:
    return f"{COOKIE}={value}".encode()


def test_a_session_is_found_by_its_cookie_among_others() -> None:
    world = World()
    value, session = world.sessions.open(may_act=True)
    assert world.of(cookie(value)) is session
    assert world.of(b"a=b; " + cookie(value) + b"; c=d") is session
    assert world.of(cookie("secret-9")) is None
    assert world.of(b"") is None
    assert world.of(b"\xff;;=;" + COOKIE.encode()) is None
    assert world.of(f"x{COOKIE}={value}".encode()) is None


def test_a_session_that_is_used_stays_and_one_that_is_not_ends() -> None:
    world = World()
    value, session = world.sessions.open(may_act=True)
    world.now_s = IDLE_S - 1
    assert world.of(cookie(value)) is session
    world.now_s += IDLE_S - 1
    assert world.of(cookie(value)) is session
    world.now_s += IDLE_S
    assert world.of(cookie(value)) is None
    assert len(world.sessions) == 0


def test_the_session_that_was_used_longest_ago_makes_room() -> None:
    world = World()
    values = [world.sessions.open(may_act=True)[0] for _ in range(MAX)]
    assert world.of(cookie(values[0])) is not None
    world.sessions.open(may_act=True)
    assert len(world.sessions) == MAX
    assert world.of(cookie(values[0])) is not None
    assert world.of(cookie(values[1])) is None


def test_who_logs_out_is_out() -> None:
    world = World()
    value, _ = world.sessions.open(may_act=True)
    world.sessions.close([(b"cookie", cookie(value))])
    assert world.of(cookie(value)) is None
    world.sessions.close([(b"cookie", cookie(value))])


def test_only_who_bears_the_second_secret_acts_and_nobody_in_a_session_for_reading() -> None:
    world = World()
    _, acting = world.sessions.open(may_act=True)
    _, reading = world.sessions.open(may_act=False)
    assert bears_csrf(acting, [(b"x-csrf-token", acting.csrf.encode())])
    assert not bears_csrf(acting, [(b"x-csrf-token", b"guess")])
    assert not bears_csrf(acting, [])
    assert not bears_csrf(acting, 2 * [(b"x-csrf-token", acting.csrf.encode())])
    assert reading.csrf == ""
    assert not bears_csrf(reading, [(b"x-csrf-token", b"")])
