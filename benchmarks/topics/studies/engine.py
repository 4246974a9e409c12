"""That a study is what it says: the same bytes whoever runs it and however often it is killed, true bounds."""

from __future__ import annotations

import csv
import random
import shutil
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.cases.folder import FOLDERS, find, names
from benchmarks.rows import CannotMeasure, row
from benchmarks.study import command
from benchmarks.study.checking import check
from benchmarks.study.statistics import holm, paired

if TYPE_CHECKING:
    import pandas as pd

TOPIC = "studies"
INPUTS = ("benchmarks/study", "benchmarks/methods", "benchmarks/cases", "configs", "dispatch")
KILLS = 8
SPEC = """
title: Small enough to be run again and again
cases: [two_prices, cloudy_days]
methods: [rule_based, day_ahead, rolling, stochastic, cvar, convex, exact, perfect]
baseline: rule_based
seeds: [0, 1]
settings: {every_h: 2}
show: {metrics: [objective, cost, co2_kg, violations], pictures: [objective]}
"""


def _small(folder: Path) -> Path:
    path = folder / "small.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def _apart(one: dict[str, str], other: dict[str, str]) -> int:
    """How many files differ, or are in one of them alone."""
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())


@row(TOPIC, name="files that differ between executors", unit="files", bar="== 0", slow=True, inputs=INPUTS)
def executors() -> int:
    """Of parts, results, tables and pictures made by serial, processes and ray."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        told = {e: command.ran(_small(folder), folder / e, "--executor", e) for e in ("serial", "processes", "ray")}
        files = {name: of["same_bytes"] for name, of in told.items()}
        if not files["serial"]:
            raise RuntimeError("the study made no files")
        return sum(_apart(files["serial"], files[name]) for name in ("processes", "ray"))


@row(TOPIC, name="files that differ after kill -9 at random points and resume", unit="files", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def after_kills() -> int:
    """One study killed again and again, each time further on, and resumed, against one that never stopped."""
    draws = random.Random(53)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        began = time.perf_counter()
        whole = command.ran(_small(folder), folder / "whole", "--executor", "processes")["same_bytes"]
        seconds = time.perf_counter() - began
        ended = [
            command.killed(_small(folder), folder / "killed", draws.uniform(0.2, 0.9) * seconds, "--resume")
            for _ in range(KILLS)
        ]
        if sum(ended) < KILLS // 4:
            raise RuntimeError(f"only {sum(ended)} of {KILLS} runs were ended before they were done")
        return _apart(whole, command.ran(_small(folder), folder / "killed", "--resume")["same_bytes"])


@row(TOPIC, name="statistics: largest difference to known answers", unit="", bar="<= 1e-9", inputs=INPUTS)
def known_answers() -> float:
    """t interval, Wilcoxon's exact p and Holm's correction, against SciPy's tests and figures worked out by hand."""
    from scipy import stats

    values = np.random.default_rng(1).normal(-1.0, 2.0, 15)
    found = paired(values, 0.95, 1000)
    interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    five = paired(np.arange(1.0, 6.0), 0.95, 1000).p
    corrected = [one.p_holm for one in holm([replace(found, p=p) for p in (0.01, 0.04, 0.03, 0.005)])]
    assert found.t is not None
    assert five is not None
    apart = [found.t[0] - interval.low, found.t[1] - interval.high, five - 2 / 2**5]
    apart += [float(p or 0.0) - known for p, known in zip(corrected, (0.03, 0.06, 0.06, 0.02), strict=True)]
    return float(np.abs(apart).max())


@row(TOPIC, name="statistics: how often a 95 % bootstrap interval of 20 days holds the mean", unit="%", bar=">= 91",
     inputs=INPUTS)  # fmt: skip
def coverage() -> float:
    """Of 200 samples of 20 days from a normal distribution whose mean is known."""
    draws = np.random.default_rng(2)
    held = 0
    for _ in range(200):
        low, high = paired(draws.normal(3.0, 1.0, 20), 0.95, 400).bootstrap or (0.0, 0.0)
        held += low <= 3.0 <= high
    return 100 * held / 200


@row(TOPIC, name="a dropped case folder: published figures that hold", unit="of 3", bar="== 3", inputs=INPUTS)
def dropped() -> int:
    with tempfile.TemporaryDirectory() as made:
        more = Path(made)
        shutil.copytree(FOLDERS / "two_prices", more / "dropped_in")
        if "dropped_in" not in names(more):
            return 0
        return sum(one.holds for one in check(find("dropped_in", more), more).held)


@cache
def _methods_study() -> Path:
    """The study of all methods on the reference parks, going on from what is kept of it."""
    out = command.STUDIES / "methods"
    command.ran("methods", out, "--resume")
    return out


def _objectives() -> pd.Series:
    """By case, method and seed."""
    import pandas as pd

    days = pd.read_parquet(_methods_study() / "results.parquet")
    found: pd.Series = days.groupby(["case", "method", "seed"], dropna=False)["objective"].sum()
    return found


@row(TOPIC, name="methods on reference parks: largest saving over perfect foresight", unit="% of its objective",
     bar="<= 0.02", slow=True, inputs=INPUTS)  # fmt: skip
def never_better_than_perfect() -> float:
    """One solve over the span bounds them all, but for the solver's gap of 0.01 % and the same again for rounding."""
    found = _objectives()
    worst = -np.inf
    for case, of in found.groupby(level="case"):
        least = float(found[case]["perfect"].iloc[0])
        worst = max(worst, float((least - of).max()) / abs(least))
    return 100 * worst


def _rolling_less_rules(case: str) -> float:
    path = _methods_study() / "tables" / f"differences-{case}-objective.csv"
    if not path.is_file():
        raise CannotMeasure(f"the study has no differences of {case}")
    with path.open(encoding="utf-8") as file:
        found = {line["method"]: line for line in csv.DictReader(file)}
    return float(found["rolling"]["bootstrap 95% to"])


@row(TOPIC, name="yizhuang: rolling less rules, upper end of the 95 % interval by day", unit="CNY/day", bar="<= 0",
     slow=True, inputs=INPUTS)  # fmt: skip
def rolling_yizhuang() -> float:
    return _rolling_less_rules("yizhuang")


@row(TOPIC, name="ordos: rolling less rules, upper end of the 95 % interval by day", unit="CNY/day", bar="<= 0",
     slow=True, inputs=INPUTS)  # fmt: skip
def rolling_ordos() -> float:
    return _rolling_less_rules("ordos")


@row(TOPIC, name="the study 'quick' on this machine", unit="s", bar="<= 60", slow=True, inputs=INPUTS)
def quick_seconds() -> float:
    with tempfile.TemporaryDirectory() as made:
        began = time.perf_counter()
        command.ran("quick", Path(made) / "quick")
        return time.perf_counter() - began
