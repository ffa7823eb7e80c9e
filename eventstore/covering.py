"""What the digests of a running log cover: of its live segment, and of what lies before it."""

from eventstore.archives import Archives
from eventstore.batches import Batches
from eventstore.commitments import Commitments


class Covering:
    """The part of a log that knows its commitments."""

    archives: Archives
    _batches: Batches

    @property
    def commitments(self) -> Commitments:
        """What the digests of the live segment cover."""
        return self._batches.commitments

    async def commitments_from(self, seq: int) -> Commitments:
        """What the digests of the events from `seq` on cover, those in closed segments too. Raises OSError."""
        return (await self.archives.commitments(seq)).joined([self.commitments])
