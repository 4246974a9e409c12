"""A whole replay: forecasts first, then every method as a chunk of its own, then what they came to.

Time is not cut into chunks: a store's level, a unit's hours and the month's peak run on from day to day, and a cut
would begin them anew. What runs side by side are the forecasts, in pieces of a week, and the methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from dispatch.errors import DataError, SolveError
from dispatch.executor import Executor, Failure, Result
from dispatch.replay.case import ASKED_FOR, METHODS, Case, Issued, checked
from dispatch.replay.forecasts import Forecaster, chunks
from dispatch.replay.journal import Journal
from dispatch.replay.ledger import Ledger, ledger
from dispatch.replay.methods import Ran, Runner
from dispatch.replay.pieces import buses
from dispatch.replay.windows import not_valued, store_values_of

V = TypeVar("V")


@dataclass(frozen=True)
class Replayed:
    """A finished replay.

    Attributes:
        case: with its forecasts.
        ran: by method.
        ledgers: by method, in the order of METHODS.
        bound: is perfect foresight one solve over the whole span, so that nothing can be better?
    """

    case: Case
    ran: Mapping[str, Ran]
    ledgers: Mapping[str, Ledger]
    bound: bool


def replay(
    case: Case,
    executor: Executor,
    journal: Journal,
    *,
    deadline: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Run all methods of a case and account for them.

    Forecasts that the case already holds are those that plans are made from.

    Args:
        executor: where forecasts and methods run; the result is the same bytes.
        journal: what is done so far, and where more is kept.
        deadline: seconds for forecasts and for methods each.
        progress: told what is being done.

    Raises:
        DataError: the case cannot be replayed, or a chunk failed for a reason of the user's data.
        SolveError: a chunk failed otherwise; what is done is kept, and a resumed replay goes on from it.
    """
    case = checked(case)
    progress("forecasting")
    case = replace(case, issued=_forecasts(case, executor, journal, deadline))
    methods = [m for m in (*METHODS, *ASKED_FOR) if m in case.settings.methods]
    progress(f"running {', '.join(methods)}")
    ran: dict[str, Ran] = {}
    for method, answer in executor.map(Runner(case, journal), [(m, m) for m in methods], deadline):
        ran[method] = _value(answer, method)
    progress("; ".join(filter(None, ("accounting", not_valued(case)))))
    at, worth = buses(case), store_values_of(case)
    short = float(case.span.edge_h[-1]) <= case.settings.single_solve_days * 24
    ledgers = {m: ledger(case, ran[m].piece, at, worth, whole=short and m == "perfect") for m in methods}
    return Replayed(case, {m: ran[m] for m in methods}, ledgers, short)


def _forecasts(case: Case, executor: Executor, journal: Journal, deadline: float | None) -> tuple[Issued, ...]:
    if case.issued or not (case.needs or case.feeds) or not set(case.settings.methods) - {"rule_based", "perfect"}:
        return case.issued
    wanted = chunks(case)
    made = {name: kept for name, _ in wanted if (kept := journal.load_forecasts(name)) is not None}
    forecaster = Forecaster(case.site, case.archive, case.step_s, case.weather_site)
    for name, answer in executor.map(forecaster, [(n, part) for n, part in wanted if n not in made], deadline):
        made[name] = _value(answer, f"forecasts from {name}")
        journal.save_forecasts(name, made[name])
    return tuple(issued for name, _ in wanted for issued in made[name])


def _value(answer: Result[V] | Failure, what: str) -> V:
    if isinstance(answer, Failure):
        raise (DataError if answer.ours else SolveError)(f"{what}: {answer.text}")
    return answer.value
