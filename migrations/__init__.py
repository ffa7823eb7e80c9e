"""The history of shapes: numbered SQL for the file, upcasters for events (README.md).

A migration that was ever applied is never edited: its SHA-256 is pinned here and kept in the file.
"""

from hashlib import sha256

from msgspec import Struct


class Migration(Struct, frozen=True, kw_only=True):
    """One step of the SQL schema. A version that knows `min_reader` or more may open a file with this step applied."""

    number: int
    name: str
    sha256: str
    min_reader: int

    def sql(self) -> str:
        """The statements, from package data. Raises ValueError when the file is not the one that was pinned."""
        from importlib import resources  # here: most starts apply no migration

        found = resources.files("migrations").joinpath("sql", f"{self.number:04d}_{self.name}.sql").read_bytes()
        digest = sha256(found).hexdigest()
        if digest != self.sha256:
            raise ValueError(f"migration {self.number} ({self.name}) was changed: its SHA-256 is {digest}")
        return found.decode()


MIGRATIONS: tuple[Migration, ...] = (
    Migration(
        number=1,
        name="event_log",
        sha256="389153eebc4f760749705dab1c23eb815cb94d6abb5c59ee31faf8da08bc19e6",
        min_reader=1,
    ),
    Migration(
        number=2,
        name="opening",
        sha256="d676306706cc8c9ec3c43a39f5d734e608e2499639f44a8b1fed3275950b7f56",
        min_reader=1,
    ),
    Migration(
        number=3,
        name="commitment",
        sha256="d08a378801b6d8be5ee5bb589823f775ccf2d2292bec3d013ba424e3dbca81a9",
        min_reader=3,
    ),
)
"""All steps, in order, numbered from 1 without a gap."""
