"""OpenSTEF beside us, in an environment of its own: the same feeders, issue times, history, weather and levels."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.cases.feeders import THEIR_MODEL, TRAINED_EVERY_DAYS, Days, score
from benchmarks.cases.shared import Shared
from benchmarks.datasets.openstef_examples import LEVELS, Feeder
from benchmarks.peers import outside
from benchmarks.peers.interface import Answer, Watch

Floats = NDArray[np.float64]
PROGRAM = outside.PROGRAMS / "openstef_run.py"
NOTE = "its published pipelines with their defaults; its time has starting the program and importing in it"

OWN_PROCESS = True


def name() -> str:
    return "OpenSTEF"


def version() -> str:
    return outside.version(name(), "openstef", "openstef")


def can(case: Shared) -> bool:
    return isinstance(case.data, Days)


def solve(case: Shared) -> Answer:
    """Reading and training cannot be told from forecasting from outside: all is called solving."""
    assert isinstance(case.data, Days)
    interpreter()
    feeder = case.data.loaded()
    watch = Watch()
    found = quantiles_kw(feeder, THEIR_MODEL, TRAINED_EVERY_DAYS)
    solve_s = watch.lap()
    return Answer(score(feeder, found), 0.0, solve_s, None, None, keeps=False, solver="xgb", status="ran", note=NOTE)


def interpreter() -> Path:
    """Python of the environment that `make openstef-env` makes."""
    return outside.interpreter(name(), "openstef")


def quantiles_kw(feeder: Feeder, model: str, trained_every: int) -> Floats:
    """Its quantiles (T, Q) of all test days one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        job = _job(feeder, model, trained_every, Path(folder))
        file = Path(folder) / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        outside.run(interpreter(), f"{name()} on {feeder.name}", [str(PROGRAM), str(file)])
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
