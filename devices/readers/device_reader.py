"""What readers on a device file have in common: presentations out of reads, and a device that may be pulled out and put in again."""

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct

from devices.readers.presentation import Field, read
from devices.readers.refused_reads import RefusedReads
from devices.readers.uid import uid_from_text

REOPEN_MS = 5_000
INFO_LENGTH_MAX = 50  # info of StatusNotification: CiString50
LINE_LENGTH_MAX = 64


class ReaderDevice(Struct, frozen=True, kw_only=True):
    """A reader on a device file: where it is, and what its lines of text mean (`uid.uid_from_text`)."""

    device: str
    baudrate: int = 9_600
    format: str = "hex"
    uid_bytes: int = 4
    last_first: bool = False
    repeat_ms: int = 1_500


Serve = Callable[[ReaderDevice, Callable[[], None], Callable[[str], None]], Awaitable[None]]
"""Opens a device, says that it is open, and hands over each line of text until it is lost."""


def shown_failure(device: str, reason: str) -> str:
    """Which device and why, in as many characters as a StatusNotification takes: of a long name the end, the reason first of all."""
    text = f"{device}: {reason}"
    if len(text) <= INFO_LENGTH_MAX:
        return text
    room = INFO_LENGTH_MAX - len(f"...: {reason}")
    return f"...{device[-room:]}: {reason}" if room > 0 else reason[:INFO_LENGTH_MAX]


class Presenter:
    """Reports each presentation of what is read."""

    def __init__(self, now_ms: Callable[[], int], repeat_ms: int, report: Callable[[str], None]) -> None:
        self._now_ms = now_ms
        self._repeat_ms = repeat_ms
        self._report = report
        self._field = Field()

    def read(self, uid: str) -> None:
        """The reader has read this UID."""
        self._field, presented = read(self._field, uid, self._now_ms(), self._repeat_ms)
        if presented:
            self._report(uid)


class DeviceReader:
    """An `IdTagReader` on a device that `serve` opens and reads until it is lost.

    `serve` calls its second argument once the device is open, and its third with each line of text. When it raises OSError or
    returns, it is called again after `REOPEN_MS`.
    """

    def __init__(
        self,
        place: ReaderDevice,
        serve: Serve,
        *,
        now_ms: Callable[[], int],
        pause_ms: Callable[[int], Awaitable[None]],
    ) -> None:
        self._place = place
        self._serve = serve
        self._now_ms = now_ms
        self._pause_ms = pause_ms
        self._presenter: Presenter | None = None
        self._report_failure: Callable[[str | None], None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._refused = RefusedReads(place.device, now_ms)

    @property
    def refused(self) -> int:
        """How many lines were no card."""
        return self._refused.count

    def on_tag(self, report: Callable[[str], None]) -> None:
        """See `IdTagReader.on_tag`; to be called on the running event loop."""
        assert self._task is None, "the reader reports already"
        self._presenter = Presenter(self._now_ms, self._place.repeat_ms, report)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"reader {self._place.device}")

    def on_failure(self, report: Callable[[str | None], None]) -> None:
        """Report why the device cannot be read, None once it can."""
        self._report_failure = report

    def close(self) -> None:
        """See `IdTagReader.close`; `wait_closed` says when the device is released."""
        self._report_failure = None
        self._closing = True
        if self._task is not None:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Return when the device is released."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while not self._closing:
            try:
                await self._serve(self._place, lambda: self._fail(None), self._line)
                reason = "closed"
            except (OSError, ImportError) as error:
                reason = str(error)
            self._fail(shown_failure(self._place.device, reason))
            await self._pause_ms(REOPEN_MS)

    def _line(self, text: str) -> None:
        place = self._place
        uid = uid_from_text(text, kind=place.format, uid_bytes=place.uid_bytes, last_first=place.last_first)
        if uid is None:
            if text.strip():  # some readers end a line twice
                self._refused.refuse(f"a line of {len(text)} characters that is not {place.format}")
        elif self._presenter is not None:
            self._presenter.read(uid)

    def _fail(self, reason: str | None) -> None:
        if self._report_failure is not None:
            self._report_failure(reason)
