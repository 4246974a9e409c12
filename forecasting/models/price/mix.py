"""The members of the average together: processes over days, then trees on what two of them left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecasting.models.price.boosting import Boosting, Trees
from forecasting.models.price.days import Days
from forecasting.models.price.members import Member

Floats = NDArray[np.float64]
# Chosen on the two years before the test years of five markets, mean absolute error of NP / DE: the long process alone
# 1.467 / 3.396, the four 1.401 / 3.359, with trees on the long one 1.351 / 3.309, on the short one too 1.329 / 3.300.
MEMBERS = (
    Member("long", 1456, 0.4),
    Member("level", 728, 0.4, level=True),
    Member("fading", 1456, 0.4, fading_share=0.5),
    Member("short", 84, 0.2),
)
BOOSTED = (Boosting("long with trees", "long"), Boosting("short with trees", "short"))


@dataclass(frozen=True, eq=False)
class Record:
    """What the members said of days: number of the first (rows), forecasts (M, R, 24), NaN where nothing was said.

    `trees` are those of blocks of days, by the number of the ensemble and the block.
    """

    first: int
    said: Floats
    trees: Mapping[tuple[int, int], Trees] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """Number of the day after the last."""
        return self.first + int(self.said.shape[1])

    def until(self, end: int) -> Record:
        """What was said of days before one."""
        return Record(self.first, self.said[:, : max(end - self.first, 0)], self.trees)


@dataclass(frozen=True)
class Mix:
    """Which members; without `boosted` it is about five times as fast."""

    members: tuple[Member, ...] = MEMBERS
    boosted: tuple[Boosting, ...] = BOOSTED

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all, in the order of their forecasts."""
        return (*(member.name for member in self.members), *(boosted.name for boosted in self.boosted))

    def forecast(self, days: Days, first: int, lead: int, earlier: Record | None = None) -> Record:
        """Forecasts of rows `first` … of `days`, and of the rows before them that trees need to learn from.

        What `earlier` holds is not computed again, nor what lies before it; nothing in it depends on days after the one
        it is of.
        """
        begin = max(first - max((b.reach for b in self.boosted), default=0) - 2 * lead, 0)
        if earlier is not None and earlier.first <= int(days.number[-1]):
            begin = max(begin, earlier.first - int(days.number[0]))
        said, have = self._kept(days, begin, earlier)
        rows = len(days.number)
        for m, member in enumerate(self.members):
            said[m, have - begin :] = member.forecast(days, have, rows, lead)
        trees = dict(earlier.trees) if earlier is not None else {}
        for b, boosted in enumerate(self.boosted):
            base = np.full(days.price.shape, np.nan)
            base[begin:] = said[self.names.index(boosted.base)]
            start = max(first, have)
            kept = {block: found for (which, block), found in trees.items() if which == b}
            added, made = boosted.forecast(days, base, start, lead, kept)
            said[len(self.members) + b, start - begin :] = added
            trees |= {(b, block): found for block, found in made.items()}
        return Record(int(days.number[begin]), said, trees)

    def _kept(self, days: Days, begin: int, earlier: Record | None) -> tuple[Floats, int]:
        """Room (M, D − begin, 24) for forecasts, filled with earlier ones; and the first row without."""
        said = np.full((len(self.names), len(days.number) - begin, days.price.shape[1]), np.nan)
        if earlier is None or not earlier.first <= days.number[begin] < earlier.end or len(earlier.said) != len(said):
            return said, begin
        skip = int(days.number[begin]) - earlier.first
        kept = earlier.said[:, skip : skip + said.shape[1]]
        said[:, : kept.shape[1]] = kept
        return said, begin + kept.shape[1]
