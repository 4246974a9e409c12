"""Models that workers can import: one that learns a mean, and some that should not be trusted."""

# ruff: noqa: ARG002 - a model has the arguments of the protocol, whether it needs them or not

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.archive import Archive, Known
from forecasting.clock import Ns
from forecasting.models.base import CannotForecast
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flat:
    """Quantiles of all that was known in training, the same for every interval."""

    found: Mapping[str, Floats]
    card: Mapping[str, Any] = field(default_factory=dict)

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        return {name: np.tile(levels, (len(edges_ns) - 1, 1)) for name, levels in self.found.items()}


@dataclass(frozen=True)
class Mean:
    """Learns the distribution of what was known; writes a line for each training where asked to."""

    name: str = "mean"
    log: str = ""

    def train(self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats) -> Flat:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{known.time_ns}\n")
        found = {}
        for target in targets:
            value = known.measurements(target.site, target.name).value
            if not len(value):
                raise CannotForecast(f"{target.name}: nothing known")
            found[target.name] = np.quantile(value, levels)
        return Flat(found)


@dataclass(frozen=True)
class AsksForLater(Mean):
    """Asks for what was known a day later."""

    name: str = "asks for later"

    def train(self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats) -> Flat:
        later = pd.Timestamp(known.time_ns, tz="UTC") + pd.Timedelta("1D")
        return super().train(known.as_of(later), targets, place, horizon_ns, levels)


@dataclass(frozen=True, eq=False)
class _Reads:
    card: Mapping[str, Any] = field(default_factory=dict)

    def quantiles(self, known: Known, edges_ns: Ns) -> dict[str, Floats]:
        rows = known._rows["park", "wind"]
        last = rows.value[np.argmax(rows.valid_ns)]
        return {"wind": np.full((len(edges_ns) - 1, 3), last)}


@dataclass(frozen=True)
class ReadsTheRows:
    """Goes behind the door and takes the newest value of the whole store."""

    name: str = "reads the rows"

    def train(self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats) -> _Reads:
        return _Reads()


@dataclass(frozen=True, eq=False)
class BringsItsOwn(Mean):
    """Holds the archive."""

    name: str = "brings its own"
    archive: Archive = field(default_factory=Archive.empty)


@dataclass(frozen=True)
class Fails(Mean):
    """Stops at one training."""

    name: str = "mean"
    at_ns: int = 0

    def train(self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats) -> Flat:
        if known.time_ns == self.at_ns:
            raise RuntimeError("power cut")
        return super().train(known, targets, place, horizon_ns, levels)
