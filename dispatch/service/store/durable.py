"""Files that are there for good once a call returns: written aside, synced, renamed, and the folder synced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from dispatch.service.store.faults import FullError
from dispatch.service.store.ids import new_id

UNFINISHED = ".unfinished"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_synced: set[Path] = set()


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each name synced in the folder that holds it.

    One that is there already may have been made by a process that was killed before it synced: each process syncs each
    name once.
    """
    folder = folder.absolute()
    if folder in _synced and folder.is_dir():
        return
    if folder.parent != folder:
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        with suppress(PermissionError):  # a folder far above, which is none of ours
            sync_folder(folder.parent)
    _synced.add(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_file(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Make a file of what ``fill`` writes: whole and durable under its name, or not there at all.

    Raises:
        FullError: there is no room for it.
    """
    with room():
        _write_file(path, fill)


@contextmanager
def room() -> Iterator[None]:
    """The system's words for a full disk, or one of which no more may be used, as ours."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise FullError("there is no room left on the disk of the data folder") from error
        raise


def _write_file(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    make_folder(path.parent)
    aside = path.with_name(f"{new_id('part')}{UNFINISHED}")
    try:
        with aside.open("xb") as handle:
            fill(handle)
            handle.flush()
            os.fsync(handle.fileno())
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)
    sync_folder(path.parent)
