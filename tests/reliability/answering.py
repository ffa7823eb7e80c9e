"""A CSMS that answers, on a loop and a thread of its own, for tests that drive a daemon without a loop."""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.csms.faulty import FaultyCsms
from tests.integration.ledger import Account, accounts

T = TypeVar("T")
START_S = 60.0


class AnsweringCsms:
    """A faultless CSMS; use it with `with`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="csms", daemon=True)
        self._csms = FaultyCsms()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._csms.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._csms.__aexit__(kind, error, trace))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    @property
    def url(self) -> str:
        """What the station's settings need as `csms.url`."""
        return self._csms.url

    def calls(self) -> list[tuple[str, str]]:
        """The action and the message id of each CALL of the station that came."""
        return self._look(lambda csms: [(str(frame.action), frame.message_id) for frame in csms.calls()])

    def accounts(self) -> list[Account]:
        """Its books. Raises AssertionError for what belongs to no transaction."""
        return self._look(accounts)

    def _look(self, look: Callable[[FaultyCsms], T]) -> T:
        async def looked() -> T:
            return look(self._csms)

        return self._do(looked())

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_S)
