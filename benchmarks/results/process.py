"""Measures rows of one piece in a process of its own: ``python -m benchmarks.results.process TOPIC FOLDER CHANNEL``.

What to measure comes as JSON on standard input: modules to import, and names of rows. What happens is told on the
descriptor CHANNEL, a line of JSON each: a row has begun, a row is in its manifest. What a measurement prints goes where
the caller put the output.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks import manifests
from benchmarks.rows import REGISTER, Measurement, Row


def main(topic: str, folder: Path, channel: int) -> None:
    os.set_inheritable(channel, False)
    wanted = json.load(sys.stdin)
    for module in wanted["modules"]:
        importlib.import_module(module)
    by_name = {m.name: m for m in REGISTER.of(topic)}
    with os.fdopen(channel, "w", encoding="utf-8", buffering=1) as told:

        def tell(**what: Any) -> None:
            told.write(json.dumps(what) + "\n")

        for name in wanted["names"]:
            measurement = by_name[name]
            key = manifests.key(measurement)
            tell(began=name)
            sys.stdout.write(f"---- {name}\n")
            row = measurement.measure()
            _keep(measurement, row, key, folder)
            tell(kept=name, state=row.state, seconds=row.seconds)


def _keep(measurement: Measurement, row: Row, key: manifests.Key, folder: Path) -> None:
    if row.state == "not measured":  # what it needs is not here: that takes away no value measured elsewhere or before
        manifests.keep_hindrance(measurement, key, row.note, folder=folder)
    else:
        manifests.keep(measurement, row, key, folder)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
