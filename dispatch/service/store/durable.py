"""Files that are there for good once a call returns: written aside, synced, renamed, and the folder synced."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

from dispatch.service.store.ids import new_id

UNFINISHED = ".unfinished"
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
    """Make a file of what ``fill`` writes: whole and durable under its name, or not there at all."""
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
