"""OpenSTEF beside us, in an environment of its own: the same feeders, issue times, history, weather and levels."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.datasets.openstef_examples import LEVELS, Feeder
from benchmarks.rows import CannotMeasure

Floats = NDArray[np.float64]
ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("openstef_run.py")
LONGEST_S = 1200


def interpreter() -> Path:
    """Python of the environment that `make openstef-env` makes."""
    found = ROOT / ".venv-openstef" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not found.exists():
        raise CannotMeasure("OpenSTEF is not installed beside us: make openstef-env")
    return found


def quantiles_kw(feeder: Feeder, model: str, trained_every: int) -> Floats:
    """Its quantiles (T, Q) of all test days one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        job = _job(feeder, model, trained_every, Path(folder))
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        done = subprocess.run(
            [str(interpreter()), str(PROGRAM), str(file)],
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"OpenSTEF failed on {feeder.name}: {done.stderr.strip()[-300:]}")
        found = pd.read_csv(job["out"], index_col=0, parse_dates=True)
    steps = [found.reindex(feeder.edges(issue)[:-1]) for issue in feeder.issues]
    return np.concatenate([part.to_numpy(dtype=np.float64) for part in steps]) * 1000


def _job(feeder: Feeder, model: str, trained_every: int, folder: Path) -> dict[str, object]:
    feeder.table.to_csv(folder / "table.csv")
    issues = []
    for number, issue in enumerate(feeder.issues):
        edges = feeder.edges(issue)
        stamps = {"at": issue, "first": edges[0], "last": edges[-1]}
        issues.append({k: v.isoformat() for k, v in stamps.items()} | {"train": number % trained_every == 0})
    return {
        "table": str(folder / "table.csv"),
        "out": str(folder / "out.csv"),
        "model": model,
        "quantiles": LEVELS.tolist(),
        "latitude_deg": feeder.place.latitude_deg,
        "longitude_deg": feeder.place.longitude_deg,
        "issues": issues,
    }
