"""A model learns from what was known at one time and forecasts from what is known at another.

Both times reach it as a `Known`, the only door to the archive, so it cannot see what had not come yet. Backtests,
the fallback ladder and `forecast` treat all models alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import Ns
from forecasting.errors import ForecastError
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]


class CannotForecast(ForecastError):  # noqa: N818 - an answer, not a fault: the next rung of the ladder is asked
    """What this model needs is not known; the text names it."""


class NotMeant(CannotForecast):
    """A model that is not meant for such a target: no reason why nothing can be said of it."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What a model said of past days that it had not learnt from: how its errors hang together is read from it.

    start_ns (I, H): starts of the intervals of I issues; actual (I, H), NaN where unknown; quantiles (I, H, Q) at the
    levels of `forecasting.quantiles.LEVELS`, NaN where nothing was said.
    """

    start_ns: Ns
    actual: Floats
    quantiles: Floats


class Trained(Protocol):
    """A model that has learnt. It can be pickled and kept, and asked for many issue times.

    One that holds days out anyway may show what it said of them, as an attribute `shown`, a mapping from target to
    `Shown`; of others the scenarios learn by asking again for past days.
    """

    @property
    def card(self) -> Mapping[str, Any]:
        """What it is: model and version, training period, features, settings, weights of its parts."""
        ...

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target, quantiles (T, Q) of the means over the T intervals between the edges, issued at `known.time_ns`.

        In the unit of the target's measurements; not falling along Q; within the target's bounds. Raises
        CannotForecast where what is known does not suffice, and never fills a gap with zeros.
        """
        ...


class Model(Protocol):
    """A way to forecast."""

    @property
    def name(self) -> str:
        """What scores, rungs and cards call it."""
        ...

    def train(self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats) -> Trained:
        """Learn all targets from what was known at `known.time_ns`.

        `horizon_ns` (T+1) are the edges of a horizon it will be asked for, relative to the issue time: rows of
        training are made for the same leads. Raises CannotForecast where the past is too thin.
        """
        ...
