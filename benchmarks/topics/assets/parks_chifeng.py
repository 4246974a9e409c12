"""Reference park C: weeks by the hour without a grid, proved to half a per cent."""

from __future__ import annotations

from benchmarks.rows import row
from benchmarks.topics.assets.parks import CHIFENG
from dispatch.accounts.products import products

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks_chifeng.py", "configs", "dispatch")


@row("assets", name="park C, CO2 of ammonia, all weeks", unit="t/t", bar="<= 4.5", slow=True, inputs=INPUTS)
def ammonia_carbon() -> float:
    """Fuels of the backup by what is made of them; 4.5 t/t is what the founding document says of coal-based ammonia."""
    made = [one for run in CHIFENG.runs() for one in products(run.site, run.schedule) if one.product == "ammonia"]
    return sum(one.kg * one.co2_kg_per_kg for one in made) / sum(one.kg for one in made)
