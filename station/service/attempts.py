"""Wrong tokens: whoever tries many has to wait for each answer, and nobody else has to.

Each peer may be wrong FREE times; from then on every wrong answer is held back for HELD_S. While HELD_MAX answers are, that
peer is answered 429 without a look at its token: a guesser who does not wait for the answer gains nothing. Only this machine
is looked at even so, since a proxy on it may serve many peers. FORGIVEN_S without a wrong one, and all begins anew. PEERS_MAX
peers are remembered at most.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 5
HELD_S = 1.0
HELD_MAX = 4
FORGIVEN_S = 60.0
PEERS_MAX = 256


@dataclass(slots=True)
class _Record:
    wrong: int = 0
    held: int = 0
    last_s: float = 0.0


class Attempts:
    """The wrong tokens of late, by peer. `now_s` is any clock that runs evenly."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def is_busy_with(self, peer: str) -> bool:
        """Whether as many answers to this peer are held back as may be."""
        record = self._records.get(peer)
        return record is not None and record.held >= HELD_MAX

    def note(self, peer: str) -> bool:
        """A wrong token; whether its answer is to be held back."""
        record = self._records.setdefault(peer, _Record())
        self._records.move_to_end(peer)
        if self._now_s() - record.last_s >= FORGIVEN_S:
            record.wrong = 0
        record.last_s = self._now_s()
        record.wrong += 1
        while len(self._records) > PEERS_MAX:
            self._records.popitem(last=False)
        return record.wrong > FREE

    async def hold(self, peer: str) -> None:
        """Hold an answer to this peer back."""
        record = self._records.setdefault(peer, _Record())
        record.held += 1
        try:
            await asyncio.sleep(HELD_S)
        finally:
            record.held -= 1
