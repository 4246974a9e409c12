r"""Limits on traced carbon as rows of a plan: linear in the powers, with coefficients that come back as data.

What reaches a meter with the flows is no linear function of a plan: it is the product of a power with a mix that other
powers make. Around a plan that has been traced, with its directions, mixes and contents held, it is one,

.. math:: G_{sw}(x) ≈ Σ_{l,r ∈ s,t} g_{lwrt} \, x_{lrt} + c_{sw} ≤ e_{sw}

for scenario s and window w, over levers l: the powers of ports, what stores take, give and hold, and emissions. g and c
are parameters, zero until a plan has been traced, so that tracing again recompiles nothing. e is the excess, a wish's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.asset import Rows
from dispatch.carbon_wanted.flow_limits import FlowLimitWish
from dispatch.emissions.quota import Defined
from dispatch.errors import ContractError
from dispatch.part import Part
from dispatch.signals import Array, Horizon
from dispatch.site import Site

if TYPE_CHECKING:
    import cvxpy as cp

EMITTED = "co2_step_kg"
PAIRS = (("discharge_kw", "charge_kw"), ("import_kw", "export_kw"))
"""Series of what a port gives and takes, where a kind decides both."""
HELD = "stored_kwh"
Lever = tuple[str, str]
"""Kind, and the name of a port, a series or :data:`EMITTED`."""


@dataclass(frozen=True)
class FlowRow:
    """One wish's row around a plan.

    Attributes:
        slope: by lever, (window, row, step) kg per unit.
        constant_kg: (scenario, window) what the levers do not decide.
    """

    slope: Mapping[Lever, Array]
    constant_kg: Array

    def needed_kg(self, values: Mapping[Lever, Array]) -> Array:
        """(scenario, window) kg over the limit at some values (row, step) of the levers, as the row counts it."""
        scenarios, out = len(self.constant_kg), self.constant_kg.copy()
        for lever, slope in self.slope.items():
            each = (slope * values[lever]).sum(axis=2)
            out += each.reshape(len(each), scenarios, -1).sum(axis=2).T
        return out

    def through(self, values: Mapping[Lever, Array], needed_kg: Array) -> FlowRow:
        """The row with the constants that make it count so much (scenario, window) at some values."""
        return FlowRow(self.slope, self.constant_kg + needed_kg - self.needed_kg(values))

    def blended(self, other: FlowRow, share: float) -> FlowRow:
        """This row with so much of another."""
        slope = {lever: (1 - share) * own + share * other.slope[lever] for lever, own in self.slope.items()}
        return FlowRow(slope, (1 - share) * self.constant_kg + share * other.constant_kg)

    def scaled(self, factor: float) -> FlowRow:
        """The same limit with an excess that counts so many times."""
        return FlowRow({lever: factor * own for lever, own in self.slope.items()}, factor * self.constant_kg)


class FlowLimitRows:
    """All flow limits of a site: levers, and by wish what it needs.

    Attributes:
        constraints: that define the levers.
        defined: their values for a fixed schedule.
    """

    def __init__(self, site: Site, horizon: Horizon, rows: Mapping[str, Rows[Any]], parts: Mapping[str, Part]) -> None:
        self._site, self._horizon = site, horizon
        self._scenarios = next(iter(rows.values())).scenarios
        self._count = {kind: own.count for kind, own in rows.items()}
        self.constraints: list[Any] = []
        self.defined: list[Defined] = []
        self._levers: dict[Lever, cp.Variable] = {}
        self._filled: dict[str, tuple[dict[Lever, list[cp.Parameter]], cp.Parameter]] = {}
        if any(isinstance(wish, FlowLimitWish) for wish in site.wishes):
            for kind, part in parts.items():
                for name, term in _levers(part).items():
                    self._levers[kind, name] = self._lever(kind, name, term)

    def _lever(self, kind: str, name: str, term: Any) -> Any:
        """A variable: expressions may hold parameters, which no other parameter may multiply."""
        import cvxpy as cp

        if isinstance(term, cp.Variable) and term.shape == (self._count[kind], self._horizon.steps):
            return term
        x = cp.Variable((self._count[kind], self._horizon.steps))
        self.constraints.append(x == term if term.is_affine() else x >= term)
        self.defined.append(Defined(x, lambda: term.value, f"{name} of {kind} as traced", ""))
        return x

    def needed(self, wish: FlowLimitWish) -> Any:
        """(scenario, window) expression, nothing until :meth:`take`."""
        import cvxpy as cp

        windows = len(self._site.windows(self._horizon, wish.over))
        constant = cp.Parameter((self._scenarios, windows), value=np.zeros((self._scenarios, windows)))
        factors: dict[Lever, list[cp.Parameter]] = {}
        total: Any = constant
        for lever, x in self._levers.items():
            size = x.size // self._scenarios
            factors[lever] = [
                cp.Parameter((windows, size), value=np.zeros((windows, size))) for _ in range(self._scenarios)
            ]
            flat = cp.reshape(x, (self._scenarios, size), order="C")
            each = [cp.reshape(f @ flat[s], (1, windows), order="C") for s, f in enumerate(factors[lever])]
            total = total + (each[0] if len(each) == 1 else cp.vstack(each))
        self._filled[wish.text] = factors, constant
        return total

    def take(self, found: Mapping[str, FlowRow]) -> None:
        """Rows around another plan, by a wish's text.

        Raises:
            ContractError: there is no such limit.
        """
        for text, row in found.items():
            if text not in self._filled:
                raise ContractError(f"'{text}' is no flow limit; there are {sorted(self._filled) or 'none'}")
            factors, constant = self._filled[text]
            constant.value = row.constant_kg
            for lever, parameters in factors.items():
                slope = row.slope[lever]
                for parameter, own in zip(parameters, np.split(slope, self._scenarios, axis=1), strict=True):
                    parameter.value = own.reshape(len(own), -1)

    @property
    def given(self) -> dict[str, FlowRow]:
        """The rows that hold now, by a wish's text."""
        steps = self._horizon.steps
        return {
            text: FlowRow(
                {
                    lever: np.concatenate([p.value.reshape(len(p.value), -1, steps) for p in parameters], axis=1)
                    for lever, parameters in factors.items()
                },
                np.asarray(constant.value),
            )
            for text, (factors, constant) in self._filled.items()
        }

    def as_in(self, other: FlowLimitRows) -> None:
        """The data of another problem of the same structure."""
        for text in self._filled.keys() & other._filled.keys():
            (factors, constant), (theirs, their_constant) = self._filled[text], other._filled[text]
            constant.value = their_constant.value
            for lever, parameters in factors.items():
                for own, their in zip(parameters, theirs[lever], strict=True):
                    own.value = their.value


def _levers(part: Part) -> dict[str, Any]:
    """What of a kind moves carbon, by name."""
    out = {name: port.power_kw for name, port in part.ports.items()}
    if part.co2_step_kg is not None:
        out[EMITTED] = part.co2_step_kg
    named: Sequence[str] = [name for pair in PAIRS if set(pair) <= part.series.keys() for name in pair]
    if named and len(part.ports) == 1:
        out |= {name: part.series[name] for name in named}
    if HELD in part.series:
        out[HELD] = part.series[HELD]
    return {name: term for name, term in out.items() if term.ndim == 2}
