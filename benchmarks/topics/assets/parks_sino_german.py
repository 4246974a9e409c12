"""Reference park D: quarter-hour days of five carriers and three levels of heat."""

from __future__ import annotations

from benchmarks.rows import row
from benchmarks.topics.assets.parks import SINO_GERMAN
from dispatch.accounts.cascade import levels

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_sino_german.py", "configs", "dispatch")


@row("assets", name="park D, heat that arrives on a level out of a hotter one", unit="%", bar="> 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def cascaded() -> float:
    """Of all heat that demand takes at 60 and 40 degC."""
    there = [
        x for run in SINO_GERMAN.runs() for x in levels(run.site, run.schedule) if x.bus in ("heat_60c", "heat_40c")
    ]
    return 100 * sum(level.from_above_kwh for level in there) / sum(level.used_kwh for level in there)
