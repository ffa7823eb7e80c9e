"""The model of a disk: what is on it for certain, what may be, and every directory that a power cut may leave.

Certain is what a sync that has ended covers: the content of a file by its own sync, the names in a directory by the
directory's. Everything else may be there or not: any subset of the writes, each cut at sectors of 512 bytes or blocks of
4096, a block under way turned to garbage; and of the changes of names a beginning, in the order in which they were made
(what journalling file systems promise), or none of one directory and all of another.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.interposer import Op, Record

SECTOR, BLOCK = 512, 4096
GARBAGE = bytes(range(1, 252)) * 17
ROOT = 1
SINGLED_OUT_MAX = 48
"""Of more unsynced writes than that, which a working disk does not come to, only some are lost or torn by rule."""
Tree = dict[str, bytes]
"""The files of a directory by their relative path; "name/" is a directory."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes on their way into a file; `size` instead of data: its new length."""

    at: int
    file: int
    offset: int
    data: bytes = b""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """A change of names: `names` are set to these inodes, 0 removes one. `directories` are those whose sync covers it."""

    at: int
    names: tuple[tuple[str, int], ...]
    directories: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How many random subsets of what is not certain are made at each moment, and at how many places each write is torn."""

    subsets: int = 3
    tears: int = 3


@dataclass(frozen=True, slots=True)
class Cut:
    """What had reached the disk when the power went, of all that was not certain."""

    namings: Sequence[Naming]
    writes: Sequence[Write]


@dataclass
class Disk:
    """Fed with a trace, record by record."""

    contents: dict[int, bytearray] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    pending: list[Write] = field(default_factory=list)
    namings: list[Naming] = field(default_factory=list)
    _inodes: dict[int, int] = field(default_factory=dict)
    _next: int = ROOT + 1
    _now: int = 0
    _present: dict[str, int] = field(default_factory=dict)
    _paths: dict[int, str] = field(default_factory=dict)
    _begun: dict[int, list[int]] = field(default_factory=dict)
    _bytes: dict[int, bytes] = field(default_factory=dict)  # of `contents`, which seldom change

    @classmethod
    def holding(cls, tree: Tree) -> "Disk":
        """A disk with these files on it, all certain."""
        disk = cls()
        for name, content in tree.items():
            inode = disk._new_inode()
            disk.contents[inode] = bytearray(content)
            disk.names[name] = inode
        disk._present = dict(disk.names)
        return disk

    def _new_inode(self) -> int:
        self._next += 1
        return self._next

    def apply(self, record: Record) -> None:
        """The next operation of the trace; operations on sockets change nothing."""
        self._now += 1
        name = record.path.removeprefix("/")
        match record.op:
            case Op.OPEN:
                self._open(record, name)
            case Op.WRITE:
                self.pending.append(Write(self._now, self._inodes[record.file], record.offset, record.data))
            case Op.TRUNCATE:
                self.pending.append(Write(self._now, self._inodes[record.file], 0, size=record.offset))
            case Op.SYNC_BEGIN:
                self._begun.setdefault(record.file, []).append(self._now)
            case Op.SYNC_END:
                self._synced(record.file)
            case Op.RENAME:
                target = record.data.decode().removeprefix("/")
                self._rename(name, target)
            case Op.LINK:
                target = record.data.decode().removeprefix("/")
                self._name(((target, self._present[name]),))
            case Op.UNLINK:
                self._name(((name if name in self._present else f"{name}/", 0),))
            case Op.MKDIR:
                self._name(((f"{name}/", self._new_inode()),))
            case _:
                return

    def _open(self, record: Record, name: str) -> None:
        if record.offset:
            self._paths[record.file] = name
            return
        self._paths.pop(record.file, None)
        if record.flags & 1:
            inode = self._new_inode()
            self.contents[inode] = bytearray()
            self._name(((name, inode),))
        self._inodes[record.file] = self._present[name]
        if record.flags & 2:
            self.pending.append(Write(self._now, self._present[name], 0, size=0))

    def _rename(self, name: str, target: str) -> None:
        if f"{name}/" in self._present:
            name, target = f"{name}/", f"{target}/"
        self._name(((name, 0), (target, self._present[name])))

    def _name(self, names: tuple[tuple[str, int], ...]) -> None:
        directories = frozenset(_parent(name) for name, _ in names)
        self.namings.append(Naming(self._now, names, directories))
        _set_names(self._present, names)

    def _synced(self, file: int) -> None:
        begun = self._begun[file].pop(0)
        if file in self._paths:
            directory = self._paths[file]
            covered = [change for change in self.namings if change.at < begun and directory in change.directories]
            for change in covered:
                _set_names(self.names, change.names)
            self.namings = [change for change in self.namings if change not in covered]
            return
        inode = self._inodes[file]
        for write in [write for write in self.pending if write.file == inode and write.at < begun]:
            _put(self.contents[inode], write)
            self._bytes.pop(inode, None)
            self.pending.remove(write)

    # ---- what a power cut may leave ------------------------------------------------------------------------------

    def tree(self, cut: Cut) -> Tree:
        """The certain, with the cut's changes of names and its writes upon it."""
        names = dict(self.names)
        for change in cut.namings:
            _set_names(names, change.names)
        changed: dict[int, bytearray] = {}
        for write in cut.writes:
            if write.file not in changed:
                changed[write.file] = bytearray(self.contents[write.file])
            _put(changed[write.file], write)
        return {name: self._content(inode, changed) for name, inode in names.items() if _is_reached(name, names)}

    def _content(self, inode: int, changed: Mapping[int, bytearray]) -> bytes:
        if inode in changed:
            return bytes(changed[inode])
        if inode not in self._bytes:
            self._bytes[inode] = bytes(self.contents.get(inode, b""))
        return self._bytes[inode]

    def everything(self) -> Tree:
        """What the running system sees."""
        return self.tree(Cut(self.namings, self.pending))

    def cuts(self, chance: random.Random, effort: Effort) -> Iterator[Cut]:
        """What may be left of a power cut now: what is made by rule, then by chance."""
        writes, namings = list(self.pending), list(self.namings)
        for count in range(len(namings) + 1):
            yield Cut(namings[:count], writes)
            yield Cut(namings[:count], ())
        for directory in sorted({name for change in namings for name in change.directories}):
            yield Cut([change for change in namings if directory not in change.directories], writes)
        for index in range(0, len(writes), 1 + len(writes) // SINGLED_OUT_MAX):
            write = writes[index]
            before, after = writes[:index], writes[index + 1 :]
            yield Cut(namings, before)
            yield Cut(namings, [*before, *after])
            yield Cut(namings, [write])
            for torn in _torn(write, effort.tears):
                yield Cut(namings, [*before, torn])
                yield Cut(namings, [*before, torn, *after])
            yield Cut(namings, [*before, self._garbage(write, before)])
        for _ in range(effort.subsets if writes else 0):
            kept = [part for write in writes for part in _some_of(write, chance)]
            yield Cut(namings[: chance.randrange(len(namings) + 1)], kept)

    def _garbage(self, write: Write, before: Sequence[Write]) -> Write:
        """The blocks that were being written hold nothing sensible, also where they held something before."""
        if write.size is not None:
            return write
        length = len(self.contents[write.file])
        for earlier in (*before, write):
            if earlier.file == write.file:
                length = earlier.size if earlier.size is not None else max(length, earlier.offset + len(earlier.data))
        first = write.offset // BLOCK * BLOCK
        end = min(length, -(-(write.offset + len(write.data)) // BLOCK) * BLOCK)
        return Write(write.at, write.file, first, (GARBAGE * (1 + (end - first) // len(GARBAGE)))[: end - first])


def _parent(name: str) -> str:
    return name.rstrip("/").rpartition("/")[0]


def _is_reached(name: str, names: Mapping[str, int]) -> bool:
    """Whether each directory on the way has its name: with that, all that is in it is lost."""
    parent = _parent(name)
    return not parent or (f"{parent}/" in names and _is_reached(f"{parent}/", names))


def _set_names(names: dict[str, int], changes: Iterable[tuple[str, int]]) -> None:
    for name, inode in changes:
        if inode:
            names[name] = inode
        else:
            names.pop(name, None)


def _put(content: bytearray, write: Write) -> None:
    if write.size is not None:
        del content[write.size :]
        content.extend(bytes(write.size - len(content)))
        return
    if len(content) < write.offset:
        content.extend(bytes(write.offset - len(content)))
    content[write.offset : write.offset + len(write.data)] = write.data


def _parts(write: Write, unit: int) -> list[Write]:
    """The write, cut where the disk's sectors or blocks end."""
    found, at, end = [], write.offset, write.offset + len(write.data)
    while at < end:
        until = min(end, (at // unit + 1) * unit)
        found.append(Write(write.at, write.file, at, write.data[at - write.offset : until - write.offset]))
        at = until
    return found


def _torn(write: Write, tears: int) -> Iterator[Write]:
    """A beginning of it, and an end of it, of some lengths."""
    for unit in (SECTOR, BLOCK):
        parts = _parts(write, unit)
        if len(parts) < 2:
            continue
        places = {len(parts) * number // (tears - 1) for number in range(1, tears - 1)}
        for count in sorted({1, *places, len(parts) - 1} - {0, len(parts)}):
            yield Write(write.at, write.file, write.offset, b"".join(part.data for part in parts[:count]))
            yield Write(write.at, write.file, parts[count].offset, b"".join(part.data for part in parts[count:]))


def _some_of(write: Write, chance: random.Random) -> list[Write]:
    if write.size is not None or chance.random() < 0.6:
        return [write] if chance.random() < 0.6 else []
    return [part for part in _parts(write, chance.choice([SECTOR, BLOCK])) if chance.random() < 0.6]


def read_tree(root: Path) -> Tree:
    """A real directory."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        found[f"{name}/" if path.is_dir() else name] = b"" if path.is_dir() else path.read_bytes()
    return found


def write_tree(tree: Tree, root: Path) -> None:
    """Makes the directory; long runs of zeros take no room."""
    root.mkdir(parents=True, exist_ok=True)
    for name in sorted(tree):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
            continue
        with path.open("wb") as file:
            content = tree[name]
            if content != bytes(len(content)):
                file.write(content)
            file.truncate(len(content))
