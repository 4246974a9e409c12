"""Files that are there for good once a call returns: written aside, synced, renamed, and the folder synced."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from dispatch.service.store.ids import new_id

UNFINISHED = ".unfinished"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each entry synced in the folder that holds it."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


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
