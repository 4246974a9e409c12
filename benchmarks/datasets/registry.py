"""Where the data sets lie: below ``data/`` of the folder at PARKWATT_SHARED, else beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.rows import CannotMeasure


def folder(name: str) -> Path:
    """The folder of a data set; CannotMeasure where it is not on this machine."""
    shared = Path(os.environ.get("PARKWATT_SHARED") or Path(__file__).resolve().parents[3] / "shared")
    found = shared / "data" / name
    if not found.is_dir():
        raise CannotMeasure(f"the data set {name} is not here: set PARKWATT_SHARED to the folder that holds data/")
    return found
