"""What a log takes on its disk, what is left there, and the reserve."""

from eventstore.archives import Archives
from eventstore.database import DATABASE_NAME
from eventstore.directory import StorageDirectory


class Space:
    """The disk of one storage directory, as an open log tells of it."""

    _directory: StorageDirectory
    archives: Archives

    def bytes_on_disk(self) -> int:
        """What the live segment and its WAL take on the disk."""
        return self._directory.size_of(DATABASE_NAME) + self._directory.size_of(f"{DATABASE_NAME}-wal")

    def archive_bytes(self) -> int:
        """What the closed segments take on the disk."""
        return self.archives.bytes_on_disk()

    async def cut_out(self) -> list[tuple[int, int]]:
        """The first and last event of each range that was cut out of archives for room, in order. Raises OSError."""
        return await self.archives.gaps()

    def disk_bytes(self) -> int:
        """How large the file system is."""
        return self._directory.disk_bytes()

    def free_bytes(self) -> int:
        """What the file system has left for us."""
        return self._directory.free_bytes()

    def make_reserve(self) -> bool:
        """Have the disk reserve stand ready; False while there is too little space. Raises OSError."""
        return self._directory.make_reserve()

    def release_reserve(self) -> bool:
        """Give up the disk reserve, for the last things that must be written; False when it was already gone."""
        return self._directory.release_reserve()
