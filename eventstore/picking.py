"""Events by their place or their kind, from the live segment of a running log and from what lies before it."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from eventstore.archives import Archives
from eventstore.chain import Row
from eventstore.opening import Opening
from eventstore.reading import Reading
from eventstore.rows import SELECT_ROWS

_ROWS = f"{SELECT_ROWS} WHERE seq > ? ORDER BY seq LIMIT ?"


class Picking:
    """Finds the events of one running log.

    `opening` tells where the live segment begins now; `query` gives the rows that a query finds in it, and says the log's word when it fails.
    """

    def __init__(
        self,
        archives: Archives,
        reading: Reading,
        opening: Callable[[], Opening],
        query: Callable[[str, tuple[Any, ...]], Awaitable[list[tuple[Any, ...]]]],
    ) -> None:
        self._archives = archives
        self._reading = reading
        self._opening = opening
        self._query = query

    async def rows(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """At most `limit` rows behind seq `after`, in order, off the loop; fewer only where there are no more. Raises as `kinds`."""
        async with self._reading.lock:
            base_seq = self._opening().head.seq
            past: list[tuple[Any, ...]] = [*await self._archives.rows(after, limit)] if after < base_seq else []
            if len(past) >= limit:
                return past
            return past + await self._query(_ROWS, (max(after, base_seq), limit - len(past)))

    async def kinds(self, after: int, until: int, names: Collection[str]) -> list[Row]:
        """The rows of these types behind seq `after` up to `until`, in order, off the loop; those in archives are not proven.

        Ask for a few thousand events at a time: all that is found is in memory at once. Raises StorageFailed, OutOfDescriptors.
        """
        async with self._reading.lock:
            base_seq = self._opening().head.seq
            past = await self._archives.picked(after, min(until, base_seq), names) if after < base_seq else []
            if until <= base_seq:
                return past
            places = ", ".join("?" * len(names))
            query = f"{SELECT_ROWS} WHERE seq > ? AND seq <= ? AND type IN ({places}) ORDER BY seq"
            rows = await self._query(query, (max(after, base_seq), until, *names))
            return past + [Row._make(row) for row in rows]
