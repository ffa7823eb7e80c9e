"""The daemon: the life of one process, from the lock on the log to its exit status.

    0   done: stopped in order
    1   the listen address is taken
    3   the log is locked, too new, or not writable even so
    70  the storage failed while running: outputs safe, no retry

A Reset replaces the process in place (same pid, same arguments) unless the settings say "exit". Whatever happens, the
process ends: a storage thread that hangs must not keep a dead station alive. A signal that comes during the boot is
obeyed once the boot is on record, or ends the process with 70 if the disk does not answer for so long.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence

from devices.protocols import BoardUnavailable, ReaderCounts
from eventstore.catalogue.hardware import MainsObserved
from eventstore.catalogue.maintenance import ResetFailed
from eventstore.descriptors import raise_limit
from eventstore.errors import LogLocked, LogTooNew, NotWritable, StorageError
from eventstore.event import Recorded
from eventstore.log import EventLog
from eventstore.value import Value
from projections.station import StationState
from station.core.feature import Registry
from station.daemon import bootstrap, life
from station.daemon.bootstrap import Parts
from station.daemon.life import MAINS_LOST, RESET
from station.runtime import firmware_signing, journal, maker_roots, signing, supervisor, tls
from station.runtime.clock import SystemClock
from station.runtime.last_resort import LastResort, end_soon
from station.runtime.live_meters import LiveMeters
from station.service.context import ServiceContext
from station.service.server import Listener, ListenError, bind, serve
from station.settings.loading import Settings

LOGGER = logging.getLogger(__name__)

EXIT_DONE, EXIT_FAILED, EXIT_LOG, EXIT_STORAGE = 0, 1, 3, 70
SIGNALS = (signal.SIGTERM, signal.SIGINT)
SWITCH_INTERVAL_S = 0.0005
"""How long a thread may compute while the event loop, and with it the reflex, waits for the interpreter; Python has 5 ms."""


class ProcessEnding(Value, frozen=True, kw_only=True):
    """How the process ends: its exit status, and whether it is replaced in place."""

    status: int
    replace: bool = False


class _Endings:
    """What asks the process to end: the first one counts, a reset after all others; a second SIGTERM changes nothing."""

    def __init__(self) -> None:
        self.last_resort = LastResort(SIGNALS, EXIT_STORAGE)
        self._asked: list[str] = []
        self._is_asked = asyncio.Event()

    def ask(self, why: str) -> None:
        """Asks for the end."""
        if why not in self._asked:
            self._asked.append(why)
        self._is_asked.set()

    async def asked(self) -> str:
        """Waits until the end is asked for; why."""
        await self._is_asked.wait()
        return next((why for why in self._asked if why != RESET), RESET)

    def forget_reset(self) -> None:
        """It cannot be done; the next thing asked for counts."""
        self._asked.remove(RESET)
        if not self._asked:
            self._is_asked.clear()

    def publish(self, state: StationState, batch: Sequence[Recorded]) -> None:
        """Follows the station: a reset that is due ends the process, and so does a loss of mains with back-up power."""
        if state.maintenance.reset is not None and state.maintenance.reset.due:
            self.ask(RESET)
        if any(isinstance(recorded.event, MainsObserved) and not recorded.event.present for recorded in batch):
            self.ask(MAINS_LOST)  # the board lives on its back-up power, for as long as that lasts


async def run(settings: Settings) -> ProcessEnding:
    """Runs the station until it is asked to end. Raises SettingsError for settings that cannot be used."""
    endings = _Endings()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, endings.ask, number.name)
    endings.last_resort.watch()
    try:
        return await _begin(settings, endings)
    finally:
        endings.last_resort.close()


async def _begin(settings: Settings, endings: _Endings) -> ProcessEnding:
    raise_limit()
    registry = bootstrap.make_registry(settings)
    tls.check_files(settings)
    signing.check_key(settings)
    maker_roots.check_file(settings)
    firmware_signing.check_file(settings)
    try:
        listener = bind(settings)  # before anything else: a taken address must not cost a boot
    except ListenError as error:
        journal.say(str(error), logging.ERROR)
        return ProcessEnding(status=EXIT_FAILED)
    try:
        return await _open(settings, registry, listener, endings)
    finally:
        if listener is not None:
            listener.close()


async def _open(settings: Settings, registry: Registry, listener: Listener | None, endings: _Endings) -> ProcessEnding:
    try:
        log = await EventLog.open(settings.storage.directory, identity=settings.station.identity)
    except (LogLocked, LogTooNew, NotWritable) as error:
        journal.say(str(error), logging.ERROR)
        return ProcessEnding(status=EXIT_LOG)
    try:
        parts = await bootstrap.build(settings, SystemClock(), registry, log)
    except (StorageError, OSError) as error:
        for finding in log.boot_report.recovered:  # no event has recorded it
            LOGGER.error("the log was damaged and has been salvaged: %s", finding)
        journal.say(str(error), logging.ERROR)
        await log.close()
        return ProcessEnding(status=EXIT_LOG)
    except BaseException:
        await log.close()  # its thread would keep a process alive that has failed
        raise
    return await _live(parts, listener, endings)


async def _live(parts: Parts, listener: Listener | None, endings: _Endings) -> ProcessEnding:
    loop = asyncio.get_running_loop()
    gc.freeze()  # what is there by now stays: searching it for garbage takes 50 ms, in which no reflex acts
    parts.station.followers.append(endings.publish)
    endings.last_resort.make_safe = parts.gateway.make_safe
    running = life.start(parts)
    try:
        await life.go_to_work(parts)
        running.append(loop.create_task(_serve(parts, listener, endings), name="service"))
        return await _until_end(parts, endings, running)
    except BoardUnavailable as error:
        journal.say(f"[board]: {error}", logging.ERROR)
        return ProcessEnding(status=EXIT_FAILED)
    except Exception as error:  # noqa: BLE001  # storage or bug: the outputs are made safe and the process ends
        return _failed(parts, error)
    finally:
        await life.wind_up(parts, running)


def _ready() -> None:
    """The station serves: its boot is durable and its service listens."""
    journal.announce("ready")
    supervisor.notify("READY=1")


async def _serve(parts: Parts, listener: Listener | None, endings: _Endings) -> None:
    if listener is None:
        _ready()
        await asyncio.get_running_loop().create_future()  # until cancelled
        return
    context = ServiceContext(
        station=parts.station,
        board=parts.bench,
        link=parts.link,
        settings=parts.settings,
        live=LiveMeters(parts.board, parts.station.registry).shown,
        refused_reads=parts.board.refused_reads if isinstance(parts.board, ReaderCounts) else tuple,
        on_mains_lost=lambda: endings.ask(MAINS_LOST),
        diagnostics=parts.diagnostics.write_all,
    )
    await serve(listener, context, on_listening=_ready)


async def _until_end(parts: Parts, endings: _Endings, running: Sequence[asyncio.Task[None]]) -> ProcessEnding:
    while True:
        asked = asyncio.ensure_future(endings.asked())
        await asyncio.wait({asked, *running}, return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            if task.done():
                task.result()  # it never ends without an error: this raises that error
                raise StorageError(f"{task.get_name()} ended")
        why = asked.result()
        if why == RESET and parts.settings.daemon.on_reset == "exec" and not os.access(sys.executable, os.X_OK):
            endings.forget_reset()  # first: the next attempt is asked for as soon as this failure is durable
            await parts.station.observe(ResetFailed(reason=f"{sys.executable} cannot be executed"))
            continue
        endings.last_resort.obeyed()
        await life.stop(parts, why)
        is_reset = await endings.asked() == RESET  # a signal may have come while the reset was under way
        return ProcessEnding(status=EXIT_DONE, replace=is_reset and parts.settings.daemon.on_reset == "exec")


def _failed(parts: Parts, error: Exception) -> ProcessEnding:
    """Fail-stop: contactors open, nothing is tried again, the supervisor starts a new process (70)."""
    end_soon(EXIT_STORAGE)  # whatever a board, its files or the terminal make of it
    try:
        parts.gateway.make_safe()
        expected = isinstance(error, StorageError)
        LOGGER.critical("ending at once, outputs safe: %s", error, exc_info=None if expected else error)
        journal.flush()
        parts.gateway.close()
    finally:
        os._exit(EXIT_STORAGE)


def replace_process() -> int:
    """Replaces this process by a new one of the same arguments; if that is not possible, returns its exit status."""
    sys.stdout.flush()
    journal.flush()
    try:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own arguments, no shell meant
    except OSError as error:
        journal.say(f"{sys.executable} cannot be executed: {error.strerror}", logging.ERROR)
        return EXIT_FAILED
