"""Limits on the carbon that reaches a meter: solved, traced exactly, drawn anew around the plan, solved again.

A plan is made without the limits and traced. Around it, with directions, mixes and contents held, every limit becomes a
row (:mod:`dispatch.emissions.flow_limits`), and the next plan is traced again, which says what is really kept. It goes
on until a plan rests or nothing more is gained; where a step makes things worse, the next rows are halfway between the
last ones and new ones. The best plan that was traced counts, and what it passes is the traced amount, not the row's.

Where the best plan passes a limit, the rows are made dear once more: what can be reached at all is said with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from dispatch.audit import audit
from dispatch.carbon.carriers import traced
from dispatch.carbon.operation import Operation
from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.emissions.flow_limits import FlowRow, Lever
from dispatch.errors import DataError, SolveError
from dispatch.flow_limits.linearised import giving, levers, linearised
from dispatch.flow_limits.proof import Counted, FlowLimit, FlowProof, over_limit
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

_MOST_ROUNDS = 12
# Of the rows' prices, one after the other, where the best plan passes a limit.
_DEARER = (10.0, 10.0, 1000.0, 1000.0)
_LEAST_GAIN = 1e-6
_UNDONE = 1e-6

Again = Callable[[Problem], Schedule]
Ran = Callable[[Schedule], Sequence[Operation]]
Rows = Mapping[str, FlowRow]


@dataclass(frozen=True, eq=False)
class _Round:
    """A plan, the rows it was found under, and what tracing says of it.

    Attributes:
        merit: its objective with what is really passed in place of what the rows count.
        undone: penalties for anything else.
    """

    schedule: Schedule
    under: Rows | None
    counted: Mapping[str, Counted]
    merit: float
    undone: float

    @property
    def passed(self) -> list[str]:
        """Limits that it passes in any scenario."""
        return [text for text, found in self.counted.items() if over_limit(found.over_kg, found.carbon_kg).any()]


@dataclass
class _Search:
    """The plans of one loop."""

    site: Site
    problem: Problem
    again: Again
    wishes: Sequence[FlowLimitWish]
    may_give: Collection[Lever]
    ran: Ran
    rounds: list[_Round] = field(default_factory=list)

    def check(self, schedule: Schedule, under: Rows | None) -> _Round:
        """Trace a plan in every scenario."""
        operations = self.ran(schedule)
        counted = {wish.text: counts(self.site, schedule, wish, operations) for wish in self.wishes}
        stated = traces = 0.0
        for wish in self.wishes:
            price = wish.penalty_per_kg * schedule.weights
            stated += float(price @ schedule.wish_over_kg[wish.text].sum(axis=1))
            traces += float(price @ np.maximum(counted[wish.text].over_kg, 0.0).sum(axis=1))
        undone = float(schedule.weights @ schedule.penalty) - stated
        made = _Round(schedule, under, counted, schedule.proof.objective - stated + traces, undone)
        self.rounds.append(made)
        return made

    def around(self, made: _Round) -> dict[str, FlowRow]:
        """All limits around a plan, so that there they count what was traced."""
        operations = self.ran(made.schedule)
        found = linearised(self.site, made.schedule, self.wishes, self.may_give, operations)
        values = levers(made.schedule)
        return {text: row.through(values, made.counted[text].over_kg) for text, row in found.items()}

    def next(self, rows: Rows) -> _Round | None:
        """A plan under some rows, traced; None where none passes the audit."""
        self.problem.update(flows=rows)
        try:
            schedule = self.again(self.problem)
        except SolveError:
            return None
        return self.check(schedule, rows) if audit(schedule).passed else None

    @property
    def best(self) -> _Round:
        """The first of those with the least merit; of equals one made under rows, which say what the limit is worth."""
        least = min(made.merit for made in self.rounds)
        equal = [made for made in self.rounds if made.merit <= least + _LEAST_GAIN * max(1.0, abs(least))]
        return next((made for made in equal if made.under is not None), equal[0])


def hold_flow_limits(
    site: Site,
    problem: Problem,
    schedule: Schedule,
    again: Again,
    progress: Callable[[str], None] = lambda _: None,
    *,
    ran: Ran | None = None,
    rough: Again | None = None,
) -> tuple[Schedule, FlowProof | None]:
    """The best plan under the site's limits on traced carbon, and what became of them; None where there are none.

    What the plan says of its wishes is still what its rows count: see :func:`~dispatch.flow_limits.proof.rewritten`.

    The problem is left with the rows that the best plan was found under, so that prices and margins are those of it.

    Args:
        schedule: a plan of the problem.
        again: a plan of the problem with other data.
        progress: is told what is being done.
        ran: what runs in each scenario of a plan, for tracing; on the park's own balances by default.
        rough: a plan of the problem that may be short of its optimum, for what can be reached at all; ``again`` by
            default. Where rows are dear it may pay to burn energy, and the proof of an optimum takes hours.

    Raises:
        DataError: a limit is of a meter that the traced account does not have.
    """
    wishes = [wish for wish in site.wishes if isinstance(wish, FlowLimitWish)]
    if not wishes:
        return schedule, None
    before = problem.total.carbon.flow_limits.given
    search = _Search(site, problem, again, wishes, giving(problem), ran or partial(inside, site))
    first = search.check(schedule, None)
    if first.passed:
        _improve(search, progress)
    best = search.best
    if best.passed:
        progress("asking how far limits on the carbon of meters can be kept at all")
    reached = _reached(replace(search, again=rough or again), best) if best.passed else {}
    problem.update(flows=before if best.under is None else best.under)
    values = levers(best.schedule)
    limits = tuple(
        FlowLimit(
            wish,
            best.counted[wish.text],
            None if best.under is None else best.under[wish.text].needed_kg(values),
            reached.get(wish.text),
        )
        for wish in wishes
    )
    passed_before = sum(int(over_limit(c.over_kg[0], c.carbon_kg[0]).sum()) for c in first.counted.values())
    return best.schedule, FlowProof(limits, len(search.rounds), passed_before)


def _improve(search: _Search, progress: Callable[[str], None]) -> None:
    """Add plans until one rests: Newton's steps, and halfway between rows as soon as one makes things worse."""
    best, still = search.best, 0
    rows = search.around(best)
    for n in range(_MOST_ROUNDS):
        progress(f"holding limits on the carbon of meters, plan {n + 1} of at most {_MOST_ROUNDS}")
        made = search.next(rows)
        if made is None:
            return
        gained = best.merit - made.merit
        still = still + 1 if abs(gained) <= _LEAST_GAIN * max(1.0, abs(best.merit)) else 0
        if still and (not best.passed or still > 1):
            return
        around = search.around(made)
        rows = around if gained > 0 else {text: row.blended(around[text], 0.5) for text, row in rows.items()}
        best = made if gained > 0 else best


def _reached(search: _Search, best: _Round) -> dict[str, Counted]:
    """The least that a few plans come to for which these limits are dear, and which leave no more undone."""
    probe = replace(search, rounds=[])
    made: _Round | None = best
    for dearer in _DEARER:
        assert made is not None
        rows = {t: row.scaled(dearer) if t in best.passed else row for t, row in probe.around(made).items()}
        made = probe.next(rows)
        if made is None or made.undone > best.undone + _UNDONE * max(1.0, abs(best.undone)):
            break
    sound = [r for r in probe.rounds if r.undone <= best.undone + _UNDONE * max(1.0, abs(best.undone))]
    return {
        text: min((r.counted[text] for r in (best, *sound)), key=lambda c: float(np.maximum(c.over_kg[0], 0.0).sum()))
        for text in best.passed
    }


def inside(site: Site, schedule: Schedule) -> list[Operation]:
    """What runs in each scenario of a plan, on the park's own balances."""
    return [Operation.from_schedule(site, schedule, scenario) for scenario in range(schedule.scenarios)]


def counts(site: Site, schedule: Schedule, wish: FlowLimitWish, operations: Sequence[Operation]) -> Counted:
    """A limit's meter in all scenarios of a plan.

    Raises:
        DataError: the traced account has no such meter.
    """
    windows = site.windows(schedule.inputs.horizon, wish.over)
    return Counted.of(wish, *(np.array(values) for values in zip(*(meter(o, wish, windows) for o in operations),
                                                                 strict=True)))  # fmt: skip


def meter(operation: Operation, wish: FlowLimitWish, windows: Array) -> tuple[Array, Array]:
    """Energy and carbon (window,) of a limit's meter.

    Raises:
        DataError: the traced account has no such meter.
    """
    ledger = traced(operation)
    found = {one.name: one for one in ledger.meters}
    if wish.meter in found and found[wish.meter].role != "store":
        energy, carbon = ledger.of(wish.meter)
        return windows @ energy, windows @ carbon
    units = {unit.name: unit for unit in operation.units}
    named = units.get(wish.meter.split(": ")[0])
    if wish.meter not in found and named is not None and named.stock is None:
        return np.zeros(len(windows)), np.zeros(len(windows))  # it takes nothing in this plan
    accepted = sorted(name for name, one in found.items() if one.role != "store")
    raise DataError(f"wish '{wish.text}': no meter is called so; accepted: {', '.join(accepted) or 'none'}")
