"""Reference parks B to E over thirty drawn days: how long planning takes, how near to the optimum, audited."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.cases.known_days import DAYS, Run, runs
from benchmarks.rows import row

INPUTS = ("benchmarks/cases/known_days.py", "benchmarks/topics/assets/parks.py", "configs", "dispatch")


@dataclass(frozen=True)
class Park:
    """A reference park, the gap its plans are proved to, and the seconds that a day (or week) of it may take.

    Attributes:
        scenarios: None: as many as the park plans over.
    """

    letter: str
    name: str
    days: str
    gap: float
    usual_s: float
    worst_s: float
    scenarios: int | None = None

    def runs(self) -> tuple[Run, ...]:
        """All drawn days, once per process."""
        return runs(self.name, gap=self.gap, scenarios=self.scenarios)

    def median_seconds(self) -> float:
        return float(np.median([run.seconds for run in self.runs()]))

    def worst_seconds(self) -> float:
        return max(run.seconds for run in self.runs())

    def widest_gap(self) -> float:
        """Of plans with whole numbers [%]: bounds are those of the solver's search."""
        return 100 * max(run.gap for run in self.runs())

    def not_passed(self) -> int:
        return sum(not run.passed for run in self.runs())

    def register(self) -> None:
        """Its four rows."""
        what = f"park {self.letter}"
        timed = f"{what}, {DAYS} {self.days}"
        for name, unit, bar, measure in (
            (f"{timed}, p50", "s", f"<= {self.usual_s:g}", self.median_seconds),
            (f"{timed}, worst", "s", f"<= {self.worst_s:g}", self.worst_seconds),
            (f"{what}, widest gap", "%", f"<= {100 * self.gap:g}", self.widest_gap),
            (f"{what}, plans that the audit does not pass", "", "== 0", self.not_passed),
        ):
            row("assets", name=name, unit=unit, bar=bar, slow=True, inputs=INPUTS)(measure)


ORDOS = Park("B", "ordos", "quarter-hour days", 5e-3, 10, 60)
CHIFENG = Park("C", "chifeng", "weeks of hours", 5e-3, 60, 60, scenarios=1)
SINO_GERMAN = Park("D", "sino_german", "quarter-hour days", 1e-3, 10, 10, scenarios=1)
CAMPUS = Park("E", "campus", "quarter-hour days", 1e-3, 10, 10)

for _park in (ORDOS, CHIFENG, SINO_GERMAN, CAMPUS):
    _park.register()
