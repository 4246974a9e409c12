"""Reference park E, a data-centre campus: quarter-hour days, work that moves, carbon-free shares step by step."""

from __future__ import annotations

import numpy as np

from benchmarks.cases import published
from benchmarks.rows import Measured, row
from benchmarks.topics.assets.parks import CAMPUS
from dispatch.accounts.matching import matched
from dispatch.carbon.matching import cfe_score

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_campus.py", "configs", "dispatch")


@row("assets", name="T9, carbon-free energy step by step: largest difference", unit="", bar="<= 1e-9")
def published_score() -> Measured:
    """With the grid's clean share and with the contract alone; the reference is the former."""
    case = published.golden("carbon.json")["T9_cfe"]
    load, clean, grid = (np.array(case[name], float) for name in ("load", "contracted", "grid_cfe"))
    apart = cfe_score(load, clean, grid) - case["CFE"], cfe_score(load, clean) - case["hourly_contract_only"]
    return Measured(max(map(abs, apart)), float(case["CFE"]))


@row("assets", name="park E, carbon-free step by step, mean of these days", unit="%", bar="> 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def carbon_free() -> float:
    """The clean part of the grid's own mix included."""
    return 100 * float(np.mean([matched(run.site, run.schedule).cfe for run in CAMPUS.runs()]))


@row("assets", name="park E, direct and contracted step by step, mean", unit="%", bar="> 0", slow=True, inputs=INPUTS)
def proved() -> Measured:
    """The reference is what a claim by volume over each day would say."""
    found = [matched(run.site, run.schedule) for run in CAMPUS.runs()]
    shares = ([one.green_share for one in found], [one.by_volume for one in found])
    return Measured(*(100 * float(np.mean(share)) for share in shares))


@row("assets", name="park E, batch work done in the other hall", unit="%", bar="> 0", slow=True, inputs=INPUTS)
def moved() -> float:
    """Of all batch work of these days."""
    sent, done = 0.0, 0.0
    for run in CAMPUS.runs():
        series, hours = run.schedule.kinds["data_centre"].series, run.schedule.inputs.horizon.hours
        sent += float((series["sent_kw"] @ hours).sum())
        done += sum(float((flow @ hours).sum()) for name, flow in series.items() if name.startswith("batch_"))
    return 100 * sent / done
