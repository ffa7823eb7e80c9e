"""The visit: one session on the station that runs here already, with a CSMS for as long as it lasts.

Made for the first minute after an installation: the station has a simulated board, and the CSMS of its settings is an address on this
machine where nobody listens. Whatever else is found there is left alone.
"""

from typing import Any
from urllib.parse import urlsplit

from station.demo import ending
from station.demo.bench_service import BenchService, DemoError
from station.demo.books import books_of_csms, books_of_log
from station.demo.csms import Csms
from station.demo.hands import WAIT_S, Hands, charging, is_delivered
from station.demo.screen import Narrator, Screen, Speaker
from station.demo.story import DISAGREED, compare
from station.runtime.clock import SystemClock
from station.settings.loading import Settings

CHARGES_S = 10
LINE_EVERY_S = 2
LOOPBACK = ("127.0.0.1", "::1", "localhost")


async def visit(screen: Screen, settings: Settings, pace: float = 1.0) -> int:
    """Plays one session on the station with these settings; 0 if its log and the CSMS agree, else 1."""
    clock = SystemClock()
    narrator = Narrator(screen, clock)
    try:
        csms, service = Csms(clock, *csms_address(settings)), BenchService(service_url(settings))
    except DemoError as error:
        return _cannot(narrator, error)
    csms.tell = lambda call: narrator.csms(ending.described(call))
    try:
        async with csms:
            return await _play(narrator, Hands(narrator, clock, service, pace), service, csms, settings, pace)
    except DemoError as error:
        return _cannot(narrator, error)
    except OSError as error:
        return _cannot(narrator, DemoError(f"no CSMS can listen at {settings.shown_url}: {error.strerror or error}"))
    finally:
        screen.live("")
        await service.close()


def csms_address(settings: Settings) -> tuple[str, int]:
    """Host and port at which the station looks for its CSMS. Raises DemoError unless they are on this machine."""
    if not settings.board_kind.simulated:
        raise DemoError(f'{settings.source} has [board] kind = "{settings.board.kind}": nobody plays with a real board')
    parts = urlsplit(settings.csms.url)
    if parts.scheme != "ws" or parts.hostname not in LOOPBACK or parts.port is None:
        raise DemoError(
            f"the CSMS of {settings.source} is {settings.shown_url}, and a visit brings one of its own: it needs "
            '[csms] url = "ws://127.0.0.1:9000/ocpp", or another port'
        )
    return parts.hostname, parts.port


def service_url(settings: Settings) -> str:
    """Where the station's own service answers. Raises DemoError if it is off, or asks for a token."""
    if settings.service.address is None or settings.service.token_file is not None:
        raise DemoError(
            f"the service of {settings.source} is off or asks for a token: a visit needs it on loopback, without one"
        )
    host, port = settings.service.address
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _cannot(narrator: Narrator, error: DemoError) -> int:
    narrator.plain(f"The visit cannot go on: {error}", Speaker.BAD)
    return DISAGREED


async def _play(
    narrator: Narrator, hands: Hands, service: BenchService, csms: Csms, settings: Settings, pace: float
) -> int:
    narrator.step(f"A CSMS listens at {settings.shown_url}, and the station finds it at its next attempt.")
    patience_s = WAIT_S + settings.csms.reconnect_max_s + settings.csms.call_timeout_s
    state = await hands.until("the station to be accepted and to deliver what it owes", _is_ready, patience_s)
    if (status := state["connectors"][1]["status"]) != "Available":
        raise DemoError(f"connector 1 is {status}, and a visitor disturbs nobody")
    since, told = state["log"]["last_seq"], len(csms.received)
    narrator.step("A driver plugs a car in, and holds a tag to the reader.")
    await hands.plug()
    await hands.swipe()
    await hands.status("Charging")
    left_s = CHARGES_S * pace
    while left_s > 0:
        await hands.pause(LINE_EVERY_S)
        narrator.station(charging(await service.state()))
        left_s -= LINE_EVERY_S * pace
    narrator.step("The driver holds the tag to the reader again, and takes the cable.")
    await hands.swipe()
    await hands.status("Finishing")
    await hands.take_cable()
    await hands.until("everything to be delivered", is_delivered)
    return compare(narrator, books_of_log(await service.events(after=since)), books_of_csms(csms.received[told:]))


def _is_ready(state: Any) -> bool:
    return state["registration"]["status"] == "Accepted" and is_delivered(state)
