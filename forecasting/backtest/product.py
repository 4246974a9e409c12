"""What a user gets from `forecasting.forecast`, as a model of a backtest: the whole ladder, trained on the schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive.known import Known
from forecasting.clock import Ns
from forecasting.errors import ForecastError, LookAheadError
from forecasting.forecast import MODEL_VERSION
from forecasting.ladder import Climber, Ladder
from forecasting.models.base import CannotForecast, Shown
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
NAME = "parkwatt"


@dataclass(frozen=True)
class Product:
    """The forecast that plans are made from; weather stands under the sites that a target names."""

    name: str = NAME
    ladder: Ladder = field(default_factory=Ladder)

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> ProductTrained:
        """See `Model`."""
        together = self.ladder.train(known, targets, place, horizon_ns, levels)
        alone = {t.name: self.ladder.train(known, [t], place, horizon_ns, levels) for t in targets}
        return ProductTrained(self.name, together, alone)


@dataclass(frozen=True, eq=False)
class ProductTrained:
    """See `Trained`; `rungs` are those of the last answer, one for each interval."""

    name: str
    together: Climber
    alone: Mapping[str, Climber]
    rungs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def card(self) -> Mapping[str, Any]:
        """What it is."""
        return {**self.together.card, "model": self.name, "version": MODEL_VERSION}

    @property
    def shown(self) -> Mapping[str, Shown]:
        """What its rungs showed of days that they held out; see `Climber`."""
        return {k: v for one in (*self.alone.values(), self.together) for k, v in one.shown.items()}

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        """All targets together, or each alone where one of them cannot be forecast."""
        self.rungs.clear()
        try:
            return self._said(self.together, known, edges_ns)
        except LookAheadError:
            raise
        except ForecastError:
            return self._one_by_one(known, edges_ns)

    def _one_by_one(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        reasons = []
        for climber in self.alone.values():
            try:
                found |= self._said(climber, known, edges_ns)
            except LookAheadError:
                raise
            except ForecastError as reason:
                reasons.append(str(reason))
        if not found:
            raise CannotForecast("; ".join(reasons))
        return found

    def _said(self, climber: Climber, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        answers = climber.answers(known, edges_ns)
        self.rungs.update({name: answer.rungs for name, answer in answers.items()})
        return {name: answer.quantiles for name, answer in answers.items()}
