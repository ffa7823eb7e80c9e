"""SQLite's write-ahead log, read without SQLite: what of it is intact, also behind damage (sqlite.org/fileformat2.html, 4).

SQLite stops at the first frame whose checksum does not fit, and silently drops everything behind it. Each checksum continues
the one stored with the frame before, so a frame can be judged by itself, and what was committed behind the damage is found.

What was never synced may be torn too, but that is the last commit only. Damage is therefore certain when an intact commit
stands behind a frame that is not intact.
"""

import struct
from collections.abc import Iterator, Mapping

from eventstore.value import Value

HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
_MAGIC = 0x377F0682
_PAGE_BYTES = 4096
_SECTOR_BYTES = 4096


class WalFrame(Value, frozen=True, kw_only=True):
    """A page as a commit wrote it. `pages_after` is the size of the database for the last frame of a commit, else 0."""

    page: int
    pages_after: int
    content: bytes
    is_intact: bool


class WalContent(Value, frozen=True, kw_only=True):
    """What a WAL holds of committed pages, those behind damage included. `damaged_frames` counts the damage among them."""

    page_bytes: int
    pages: Mapping[int, bytes]
    pages_after: int
    damaged_frames: int


NO_CONTENT = WalContent(page_bytes=_PAGE_BYTES, pages={}, pages_after=0, damaged_frames=0)


def synced_bytes(size: int) -> int:
    """How much of a WAL of this size is on the disk for certain, once a commit has returned.

    With psow=0 a commit is filled up with repetitions of its last frame to the end of a sector, and synced there; the rest of the last
    repetition is written behind that, and not synced.
    """
    return size // _SECTOR_BYTES * _SECTOR_BYTES


def read_wal(raw: bytes) -> WalContent:
    """The committed pages of a WAL file; none when it is empty or too short."""
    page_bytes, frames = _PAGE_BYTES, []
    if len(raw) > HEADER_BYTES + FRAME_HEADER_BYTES:
        page_bytes, salts, seed, is_big = _read_header(raw)
        frames = list(_frames(raw, page_bytes, salts, seed, is_big))
    committed = frames[: _last_commit(frames) + 1]
    return WalContent(
        page_bytes=page_bytes,
        pages={frame.page: frame.content for frame in committed if frame.is_intact},
        pages_after=committed[-1].pages_after if committed else 0,
        damaged_frames=sum(not frame.is_intact for frame in committed),
    )


def _read_header(raw: bytes) -> tuple[int, bytes, tuple[int, int], bool]:
    magic, _, page_bytes, _ = struct.unpack(">4I", raw[:16])
    stored: tuple[int, int] = struct.unpack(">2I", raw[24:32])
    is_big = bool(magic & 1)
    is_size = 512 <= page_bytes <= 65_536 and page_bytes & (page_bytes - 1) == 0
    if is_size and magic & ~1 == _MAGIC and checksum(raw[:24], (0, 0), is_big=is_big) == stored:
        return page_bytes, raw[16:24], stored, is_big
    second = (
        HEADER_BYTES + FRAME_HEADER_BYTES + _PAGE_BYTES
    )  # the header is lost: the second frame knows the salts as well
    return _PAGE_BYTES, raw[second + 8 : second + 16], (0, 0), False


def _frames(raw: bytes, page_bytes: int, salts: bytes, seed: tuple[int, int], is_big: bool) -> Iterator[WalFrame]:
    size = FRAME_HEADER_BYTES + page_bytes
    last = max(
        (at for at in range(HEADER_BYTES, len(raw) - size + 1, size) if raw[at + 8 : at + 16] == salts), default=-1
    )
    for at in range(HEADER_BYTES, last + 1, size):
        header, content = raw[at : at + FRAME_HEADER_BYTES], raw[at + FRAME_HEADER_BYTES : at + size]
        page, pages_after, _, _, *stored = struct.unpack(">6I", header)
        is_intact = (
            page > 0 and header[8:16] == salts and list(checksum(header[:8] + content, seed, is_big=is_big)) == stored
        )
        seed = (stored[0], stored[1])
        yield WalFrame(page=page, pages_after=pages_after, content=content, is_intact=is_intact)


def _last_commit(frames: list[WalFrame]) -> int:
    """The index of the last frame of the last commit that is wholly intact; -1 if there is none.

    With psow=0 a commit repeats its last frame up to the end of the sector: a repetition begins no new commit.
    """
    last, is_whole = -1, True
    for index, frame in enumerate(frames):
        is_repetition = index > 0 and frames[index - 1].is_intact and frames[index - 1].pages_after > 0
        is_repetition = is_repetition and frames[index - 1].content == frame.content
        if is_repetition:
            last = index if last == index - 1 and frame.is_intact else last
            continue
        is_whole = is_whole and frame.is_intact
        if frame.is_intact and frame.pages_after > 0:
            last = index if is_whole else last
            is_whole = True
    return last


def checksum(data: bytes, seed: tuple[int, int], *, is_big: bool) -> tuple[int, int]:
    """SQLite's WAL checksum of some bytes (a multiple of eight), continuing from `seed`."""
    words = struct.unpack(f"{'>' if is_big else '<'}{len(data) // 4}I", data)
    first, second = seed
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
