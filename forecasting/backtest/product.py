"""What a user gets from `forecasting.forecast`, as a model of a backtest: the whole ladder, asked at every issue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Archive, Known
from forecasting.clock import Ns, utc_index
from forecasting.errors import ForecastError
from forecasting.forecast import MODEL_VERSION, forecast
from forecasting.models.base import CannotForecast
from forecasting.quantiles import LEVELS
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
NAME = "parkwatt"


@dataclass(frozen=True)
class Product:
    """The forecast that plans are made from. It learns anew at each issue, whatever the schedule."""

    name: str = NAME
    weather_site: str | None = None
    history_days: int | None = None
    seed: int = 0

    def train(
        self,
        known: Known,  # noqa: ARG002 - the protocol's; it learns when it is asked
        targets: Sequence[Target],
        place: Place,
        horizon_ns: Ns,  # noqa: ARG002 - likewise
        levels: Floats,
    ) -> ProductTrained:
        """See `Model`."""
        if not np.array_equal(levels, LEVELS):
            raise ForecastError(f"{self.name} gives the levels {LEVELS.tolist()}, not {levels.tolist()}")
        return ProductTrained(self, tuple(targets), place)


@dataclass(frozen=True, eq=False)
class ProductTrained:
    """See `Trained`; `rungs` are those of the last answer."""

    asked: Product
    targets: tuple[Target, ...]
    place: Place
    rungs: dict[str, str] = field(default_factory=dict)

    @property
    def card(self) -> Mapping[str, Any]:
        """What it is."""
        return {"model": self.asked.name, "version": MODEL_VERSION}

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        """All targets together, or each alone where one of them cannot be forecast."""
        self.rungs.clear()
        try:
            return self._asked(self.targets, known, edges_ns)
        except ForecastError:
            found: dict[str, Floats] = {}
            reasons = []
            for target in self.targets:
                try:
                    found |= self._asked((target,), known, edges_ns)
                except ForecastError as reason:
                    reasons.append(str(reason))
            if not found:
                raise CannotForecast("; ".join(reasons)) from None
            return found

    def _asked(self, targets: Sequence[Target], known: Known, edges_ns: Ns) -> dict[str, Floats]:
        made = forecast(
            targets,
            cast(Archive, known),  # has the one door that is used
            self.place,
            utc_index(np.array([known.time_ns]))[0],
            utc_index(edges_ns),
            weather_site=self.asked.weather_site,
            scenarios=1,
            seed=self.asked.seed,
            history_days=self.asked.history_days,
        )
        self.rungs.update(made.quality)
        return dict(made.quantiles)
