"""Four accounts of one run's carbon: traced along the flows, marginal, matched with certificates, and shared by a game.

Which question each answers:

* ``tracing``: which carbon physically reached this bus? Adds up to what was emitted; report on it.
* ``marginal``: what would one more kWh here have emitted? Decide on it; it does not add up.
* ``matching``: which carbon does the law of contracts and certificates put on this meter?
* ``game``: what is each one's fair share of emissions that they caused together?

Here are the methods on arrays, with examples in docs/carbon.md. Of a park's plan: ``park`` and ``marginal_ledger``,
``shares``, ``carriers`` and ``ledger``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from dispatch.carbon.flows import Flows
from dispatch.carbon.game import Sampled, aumann_shapley, shapley, shapley_sampled
from dispatch.carbon.ladder import ladder, ladder_price
from dispatch.carbon.marginal import Dispatch, Marginal
from dispatch.carbon.marginal import marginal as _of_dispatch
from dispatch.carbon.matching import Matching, matching
from dispatch.carbon.quota import Quota, quota
from dispatch.carbon.store_tracing import Stores, TracedStores, tracing_with_stores
from dispatch.carbon.stores import Held, held
from dispatch.carbon.tracing import Traced, tracing

if TYPE_CHECKING:
    from dispatch.carbon.park import ParkMarginal
    from dispatch.problem import Problem

__all__ = [
    "Dispatch",
    "Flows",
    "Held",
    "Marginal",
    "Matching",
    "Quota",
    "Sampled",
    "Stores",
    "Traced",
    "TracedStores",
    "aumann_shapley",
    "held",
    "ladder",
    "ladder_price",
    "marginal",
    "matching",
    "quota",
    "shapley",
    "shapley_sampled",
    "tracing",
    "tracing_with_stores",
]


@overload
def marginal(problem: Dispatch) -> Marginal: ...
@overload
def marginal(problem: Problem) -> ParkMarginal: ...
def marginal(problem: Dispatch | Problem) -> Marginal | ParkMarginal:
    """Local prices and marginal emissions of a dispatch problem, or of the plan that stands in a park's problem.

    See :func:`dispatch.carbon.marginal.marginal` and :func:`dispatch.carbon.park.park_marginal`.
    """
    if isinstance(problem, Dispatch):
        return _of_dispatch(problem)
    from dispatch.carbon.park import park_marginal  # a park's problem brings all kinds of plant with it

    return park_marginal(problem)
