"""Folders that commands write to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dispatch.errors import DataError


def folder_for(folder: Path, option: str = "--out") -> Path:
    """A folder to write to, made and tried.

    Raises:
        DataError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / ".trial"
        trial.touch()
        trial.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"{folder}: cannot be written to ({reason}); give another folder with {option}") from error
    return folder


def cache_folder() -> Path:
    """Where downloads are kept: PARKWATT_CACHE, else the platform's folder for caches."""
    if own := os.environ.get("PARKWATT_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "parkwatt"
