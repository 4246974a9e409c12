"""A disk that loses power: from a record of what a program did, what may be found afterwards.

The model, weaker than any journalling file system we know of:

- ``fsync`` and ``fdatasync`` of a file make its content and length last, and nothing else; of a folder, its names.
- Of what was written since, each sector of 512 bytes is as after any of the writes to it, or as before them, whatever
  became of its neighbours: writes are torn, reordered and dropped. The length is any that the file had meanwhile.
  Where it is longer than what was written lies nothing or rubbish.
- Names that were made, changed or removed since the folder was synced last are there up to any point in their order,
  folder by folder. A rename is whole or not at all.
- What was synced is there, as it was. (Disks that lie about that are beyond any program.)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SECTOR = 512
_HEAD = struct.Struct("<IIqqqII")
_MAGIC = 0x5741
OPS = ("", "write", "truncate", "sync", "create", "rename", "unlink", "mkdir", "rmdir", "mark", "mapped")
_WITH_DATA = ("write", "mark")
_EXCHANGE = 2  # RENAME_EXCHANGE


@dataclass(frozen=True)
class Event:
    """One call that succeeded; paths are relative to the folder."""

    op: str
    inode: int
    offset: int
    path: str
    other: str
    data: bytes


def events(log: Path, root: Path) -> Iterator[Event]:
    """What was recorded, in order; a last record that was cut off is none."""
    content, at = memoryview(log.read_bytes()), 0
    while at + _HEAD.size <= len(content):
        magic, op, inode, offset, size, path, other = _HEAD.unpack_from(content, at)
        if magic != _MAGIC:
            raise ValueError(f"the record is broken at byte {at}")
        at += _HEAD.size
        length = size if OPS[op] in _WITH_DATA else 0
        if at + path + other + length > len(content):
            return
        name, new = bytes(content[at : at + path]), bytes(content[at + path : at + path + other])
        data = bytes(content[at + path + other : at + path + other + length])
        yield Event(OPS[op], inode, offset, _inside(name, root), _inside(new, root), data)
        at += path + other + length


def _inside(path: bytes, root: Path) -> str:
    text = path.decode().removesuffix(" (deleted)")
    return text.removeprefix(f"{root}").strip("/")


@dataclass
class _File:
    """Content that lasts, and what was done to it since: (offset, data), or a length where data is None."""

    lasting: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)

    def sync(self) -> None:
        for offset, data in self.since:
            _apply(self.lasting, offset, data)
        self.since = []

    def now(self) -> bytes:
        content = bytearray(self.lasting)
        for offset, data in self.since:
            _apply(content, offset, data)
        return bytes(content)

    def found(self, random: np.random.Generator, mood: str) -> bytes:
        """What may be read after power came back."""
        if mood == "nothing" or not self.since:
            return bytes(self.lasting)
        if mood == "everything":
            return self.now()
        lengths = [len(self.lasting)]
        for offset, data in self.since:
            lengths.append(offset if data is None else max(lengths[-1], offset + len(data)))
        length = lengths[random.integers(len(lengths))]
        hole = bytes(1) if random.random() < 0.5 else random.bytes(1)
        content = bytearray(self.lasting[:length]) + hole * (max(lengths) - min(length, len(self.lasting)))
        self._written(content, random)
        return bytes(content[:length])

    def _written(self, content: bytearray, random: np.random.Generator) -> None:
        """Each sector up to some of the writes to it."""
        upto: dict[int, int] = {}
        sure = random.random()  # how much of everything arrives, in this image
        for number, (offset, data) in enumerate(self.since):
            if data is None:
                continue
            for sector in range(offset // SECTOR, -(-(offset + len(data)) // SECTOR)):
                if sector not in upto:
                    last = random.integers(len(self.since) + 1) if random.random() < 0.5 else len(self.since)
                    upto[sector] = int(last) if random.random() < sure else 0
                if number < upto[sector]:
                    first, end = max(offset, sector * SECTOR), min(offset + len(data), (sector + 1) * SECTOR)
                    content[first:end] = data[first - offset : end - offset]


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(offset - len(content), 0)))
        content[offset : offset + len(data)] = data


# A change of names: in which folder, from which name to which file or folder; None takes the name away.
Change = tuple[tuple[str, str, int | None], ...]


class Disk:
    """Files by number, folders by path with their names; a folder's own number stands for it in the folder above.

    Args:
        unsynced: calls of ``fsync`` for these paths are taken as never made: what a program without them would leave.
    """

    def __init__(self, unsynced: str = "") -> None:
        self.files: dict[int, _File] = {}
        self.folders: dict[str, dict[str, int]] = {"": {}}  # names that last; a folder is a negative number
        self.since: dict[str, list[Change]] = {"": []}
        self.leave_out(unsynced)
        self._numbers: dict[str, int] = {}

    def leave_out(self, unsynced: str) -> None:
        """Take syncs of these paths as never made."""
        self._unsynced = re.compile(unsynced) if unsynced else None

    def begin(self, root: Path, path: str = "") -> None:
        """Take a folder as it is, synced with all that is in it, for where the record begins."""
        for entry in sorted((root / path).iterdir()):
            name = f"{path}/{entry.name}".strip("/")
            if entry.is_dir():
                self._mkdir(Event("mkdir", 0, 0, name, "", b""))
                self.begin(root, name)
            else:
                self.files[entry.stat().st_ino] = _File(bytearray(entry.read_bytes()))
                self._changed(((*_split(name), entry.stat().st_ino),))
        self._sync(Event("sync", 0, 0, path, "", b""))

    def do(self, event: Event) -> None:
        """One call; those that are none of the disk's business are let pass."""
        found = getattr(self, f"_{event.op}", None)
        if found is not None:
            found(event)

    def _file(self, event: Event) -> _File:
        return self.files.setdefault(event.inode, _File())

    def _write(self, event: Event) -> None:
        self._file(event).since.append((event.offset, event.data))

    def _truncate(self, event: Event) -> None:
        self._file(event).since.append((event.offset, None))

    def _sync(self, event: Event) -> None:
        if self._unsynced is not None and self._unsynced.search(event.path):
            return
        if event.path in self.since:
            for change in self.since[event.path]:
                self._name(self.folders, change)
            self.since[event.path] = []
            return
        self._file(event).sync()

    def _create(self, event: Event) -> None:
        self.files[event.inode] = _File()
        self._changed(((*_split(event.path), event.inode),))

    def _mkdir(self, event: Event) -> None:
        number = -1 - len(self._numbers)
        self._numbers[event.path] = number
        self.folders[event.path], self.since[event.path] = {}, []
        self._changed(((*_split(event.path), number),))

    def _unlink(self, event: Event) -> None:
        self._changed(((*_split(event.path), None),))

    _rmdir = _unlink

    def _rename(self, event: Event) -> None:
        if event.offset & _EXCHANGE or event.path in self._numbers:
            raise NotImplementedError(f"renaming a folder or exchanging names: {event.path}")
        moved = self.names(event.path)
        self._changed(((*_split(event.path), None), (*_split(event.other), moved)))

    def names(self, path: str) -> int | None:
        """What a name stands for now."""
        folder, name = _split(path)
        now = dict(self.folders[folder])
        for change in self.since[folder]:
            for where, what, number in change:
                if where == folder:
                    _put(now, what, number)
        return now.get(name)

    def _changed(self, change: Change) -> None:
        self.since[change[-1][0]].append(change)
        if len({where for where, _, _ in change}) > 1:
            raise NotImplementedError("renaming from folder to folder")

    @staticmethod
    def _name(folders: dict[str, dict[str, int]], change: Change) -> None:
        for folder, name, number in change:
            _put(folders[folder], name, number)

    def leave(self, folder: Path, random: np.random.Generator) -> None:
        """Write what may be found after the power went at this moment."""
        mood = str(random.choice(["nothing", "everything", "torn"], p=[0.15, 0.1, 0.75]))
        folders = {path: dict(names) for path, names in self.folders.items()}
        for changes in self.since.values():
            upto = {"nothing": 0, "everything": len(changes)}.get(mood, int(random.integers(len(changes) + 1)))
            for change in changes[:upto]:
                self._name(folders, change)
        self._write_folder("", folder, folders, random, mood)

    def _write_folder(
        self, path: str, into: Path, folders: dict[str, dict[str, int]], random: np.random.Generator, mood: str
    ) -> None:
        into.mkdir(parents=True, exist_ok=True)
        for name, number in folders[path].items():
            if number < 0:
                self._write_folder(f"{path}/{name}".strip("/"), into / name, folders, random, mood)
            else:
                (into / name).write_bytes(self.files[number].found(random, mood))

    def differs(self, folder: Path) -> list[str]:
        """Files that are not in the folder as all that was recorded makes them: what the record has missed."""
        wrong = []
        for path in self.folders:
            for name in {*self.folders[path], *(n for change in self.since[path] for _, n, _ in change)}:
                number = self.names(f"{path}/{name}".strip("/"))
                here = folder / path / name
                if number is None or number < 0:
                    wrong += [f"{path}/{name}"] if here.exists() != (number is not None) else []
                elif not here.is_file() or here.read_bytes() != self.files[number].now():
                    wrong.append(f"{path}/{name}")
        return wrong


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _put(names: dict[str, int], name: str, number: int | None) -> None:
    if number is None:
        names.pop(name, None)
    else:
        names[name] = number
