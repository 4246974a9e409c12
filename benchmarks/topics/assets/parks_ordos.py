"""Reference park B, Ordos: quarter-hour days, and how much of the use is direct and proved step by step."""

from __future__ import annotations

import numpy as np

from benchmarks.rows import Measured, row
from benchmarks.topics.assets.parks import ORDOS
from dispatch.accounts.matching import matched

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_ordos.py", "configs", "dispatch")


@row("assets", name="park B, direct share of all use of these days", unit="%", bar=">= 80", slow=True, inputs=INPUTS)
def direct() -> Measured:
    """Over the days together, as a year's rule counts; the reference is the share of these days that reach 80 %."""
    found = [matched(run.site, run.schedule) for run in ORDOS.runs()]
    used = sum(float(one.use_kw @ one.horizon.hours) for one in found)
    own = sum(float(one.direct_kw @ one.horizon.hours) for one in found)
    return Measured(100 * own / used, 100 * float(np.mean([one.direct_share >= 0.8 for one in found])))


@row("assets", name="park B, direct and contracted step by step, mean", unit="%", bar=">= 80", slow=True, inputs=INPUTS)
def proved() -> float:
    """What stores held at the start has no known origin and counts as nothing."""
    return 100 * float(np.mean([matched(run.site, run.schedule).green_share for run in ORDOS.runs()]))
