"""Voltage and loading limits: where an AC result breaks them, and the breaches as linear rows.

The loop: solve AC, find ``violations``, ask for ``linear_limits`` around that point, schedule again under
those rows, repeat. Every call linearises all its rows anew, those it keeps included, so the loop is a
Newton-like iteration (successive linear programming) and not a series of corrections to an old slope.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grid_models.errors import GridError
from grid_models.linear import Slopes, Source, linearise
from grid_models.network import Array, Index, Network
from grid_models.power_flow import Flows, Injections

Kind = Literal["voltage_high", "voltage_low", "branch_loading", "no_solution", "island_power", "unit_off"]
KINDS: tuple[Kind, ...] = ("voltage_high", "voltage_low", "branch_loading", "no_solution", "island_power", "unit_off")
# Of no bus or branch: no row is made of them.
OF_NO_ELEMENT: tuple[Kind, ...] = ("no_solution", "island_power", "unit_off")
_EMPTY = -1

# A row below this slope [p.u./kW] is out of the schedule's reach: a gigawatt moves it by less than 0.1 p.u.
_SMALLEST_SLOPE_PU_PER_KW = 1e-10
# Two rows whose directions have a cosine above this say the same; the less violated one waits for a free
# slot.
_SAME_DIRECTION = 0.999


@dataclass(frozen=True, eq=False)
class Limits:
    """Bounds per bus (N,) and branch (L,) [p.u.]."""

    voltage_min_pu: Array
    voltage_max_pu: Array
    branch_loading_max_pu: Array

    @classmethod
    def of(
        cls,
        network: Network,
        *,
        voltage_min_pu: float | Array | None = None,
        voltage_max_pu: float | Array | None = None,
        branch_loading_max_pu: float | Array | None = None,
    ) -> Limits:
        """The network's own limits, each replaced where an argument is given: a number, or one an element."""
        chosen = (
            _bound("voltage_min_pu", voltage_min_pu, network.voltage_min_pu),
            _bound("voltage_max_pu", voltage_max_pu, network.voltage_max_pu),
            _bound("branch_loading_max_pu", branch_loading_max_pu, network.branch_loading_max_pu),
        )
        bad = np.flatnonzero(chosen[0] > chosen[1])
        if bad.size:
            b = bad[0]
            raise GridError(
                f"bus {network.bus_names[b]!r}: voltage_min_pu {chosen[0][b]:g} is above "
                f"voltage_max_pu {chosen[1][b]:g}"
            )
        return cls(*chosen)


@dataclass(frozen=True)
class Breach:
    """One limit passed in one step.

    ``margin`` is by how much ``value`` passes ``limit``, > 0, in ``unit``. A step without an AC solution is a
    breach of kind "no_solution" of the whole network, with value, limit and margin NaN. "island_power" and
    "unit_off" are for a caller that knows the rating of what feeds an island and whether it runs; no row is made of
    them.
    """

    element: str
    kind: Kind
    step: int
    value: float
    limit: float
    unit: str
    margin: float


@dataclass(frozen=True, eq=False)
class LinearLimits:
    """Rows Σ_b coefficient[k, b, t] · p_kw[b, t] ≤ bound[k, t], at most K in each step.

    coefficient  (K, B, T) each row scaled to a largest magnitude of 1, so a slack on the row is in kW; 0 in
                 an empty slot
    coefficient_kvar  (K, B, T) [kW per kvar] the same for reactive power at the buses; 0 in an empty slot. Where q
                 may move from the q₀ of the point: Σ_b coefficient · p + Σ_b coefficient_kvar · (q − q₀) ≤ bound,
                 q without what already comes along with each kW (``kvar_per_kw``)
    bound        (K, T) [kW]; 1 in an empty slot (0 ≤ 1 always holds)
    buses        (B,) p_kw[b, t] is the total injection row of that bus in the ``Injections`` linearised
                 around
    kind         (K, T) index into ``KINDS``; −1 in an empty slot
    element      (K, T) index of the bus or branch
    limit        (K, T) the physical limit [p.u.]
    slope        (K, T) what the row was divided by [p.u./kW]
    unreachable  breaches that no bus of ``buses`` moves: these rows are left out, the schedule cannot mend
                 them
    """

    buses: tuple[str, ...]
    coefficient: Array
    coefficient_kvar: Array
    bound: Array
    kind: NDArray[np.int8]
    element: Index
    limit: Array
    slope: Array
    unreachable: tuple[Breach, ...] = ()


def violations(network: Network, flows: Flows, limits: Limits, *, tolerance_pu: float = 1e-9) -> list[Breach]:
    """All limits passed by more than ``tolerance_pu``.

    Steps without a solution come first, then the breach that is the largest share of its limit. Buses fused
    by closed switches are reported once each. Branches without a rating (loading NaN) have no limit.
    """
    values = (flows.vm_pu, flows.vm_pu, flows.branch_loading_pu)
    bounds = (limits.voltage_max_pu, limits.voltage_min_pu, limits.branch_loading_max_pu)
    names = (network.bus_names, network.bus_names, network.branch_names)
    nan = float("nan")
    found = [
        Breach(network.name, "no_solution", int(t), nan, nan, "p.u.", nan) for t in np.flatnonzero(~flows.converged)
    ]
    passed: list[Breach] = []
    for code, (value, bound, name) in enumerate(zip(values, bounds, names, strict=True)):
        excess = _excess_pu(code, value, bound[:, None])
        for e, t in np.argwhere(excess > tolerance_pu):
            v, b, x = float(value[e, t]), float(bound[e]), float(excess[e, t])
            passed.append(Breach(name[e], KINDS[code], int(t), v, b, "p.u.", x))
    return found + sorted(passed, key=lambda breach: -breach.margin / breach.limit)


def linear_limits(  # noqa: PLR0913 - a point, what is breached there, what may move, and how the rows are made
    network: Network,
    injections: Injections,
    background: Injections | None,
    flows: Flows,
    breaches: Sequence[Breach],
    buses: Sequence[str],
    slots_per_step: int,
    *,
    previous: LinearLimits | None = None,
    margin_pu: float = 1e-4,
    kvar_per_kw: float | Array = 0.0,
    source: Source = "sensitivities",
    slopes: Callable[[Index], Slopes] | None = None,
) -> LinearLimits:
    """Rows that keep every breached element within its limit, to first order around the AC point ``flows``.

    With v the element's value, v₀ that of ``flows`` and p₀ the injections: v₀ + Σ_b (∂v/∂p_b)(p_b − p₀_b) ≤
    limit − margin_pu (mirrored for a lower limit). v₀ is always the AC value, so the loop ends at the
    limits whichever ``source`` (see ``linear.linearise``) the slopes come from. ``margin_pu`` covers the second
    order. The exact slopes are the default: measured on SimBench MV, 96 steps and 3 buses, they take .04 s, and
    central differences of the power flow .12 s for the same digits.

    injections       the point ``flows`` was solved at; holds each of ``buses`` exactly once
    previous         rows of the last round: they stay, linearised anew, while slots last
    kvar_per_kw      reactive power that comes with each kW at the scheduler's buses, a number or (B,)
    slopes           gives the slopes at the steps it is asked for, in the place of ``source``: where something acts
                     by itself
    slots_per_step   K; where more elements compete the largest excess wins, one per direction first

    Raises GridError for buses unknown or missing from ``injections``. Breaches of kind "no_solution" give no
    row.
    """
    buses = tuple(buses)
    watched = _watched(network, flows, breaches, previous)
    steps, column = np.unique(watched.step, return_inverse=True)
    around = None if background is None else background.at_steps(steps)
    own = slopes(steps) if slopes else linearise(network, injections.at_steps(steps), around, buses, source).slopes
    by_kw, by_kvar = _gradients(watched, column, own)
    gradients = by_kw + by_kvar * np.asarray(kvar_per_kw, dtype=np.float64), by_kvar
    p_kw = injections.p_kw[[injections.bus.index(name) for name in buses]]
    return _fill_slots(network, p_kw, buses, watched, gradients, slots_per_step, margin_pu)


@dataclass(frozen=True, eq=False)
class _Watched:
    """One candidate row each (R,): what, where, when, its limit and AC value."""

    kind: NDArray[np.int8]
    element: Index
    step: Index
    limit: Array
    value: Array


def _bound(name: str, given: float | Array | None, own: Array) -> Array:
    if given is None:
        return own
    array = np.asarray(given, dtype=np.float64)
    if array.ndim > 1 or (array.ndim == 1 and array.shape != own.shape) or not (np.isfinite(array) & (array > 0)).all():
        raise GridError(f"{name} must be positive, one number or {own.size} of them, got {given!r}")
    return np.broadcast_to(array, own.shape).copy()


def _excess_pu(code: int, value: Array, limit: Array) -> Array:
    """How far a value is past its limit; NaN compares as not past."""
    return limit - value if KINDS[code] == "voltage_low" else value - limit


def _watched(network: Network, flows: Flows, breaches: Sequence[Breach], previous: LinearLimits | None) -> _Watched:
    """The breached elements and those of ``previous``, each (kind, element, step) once."""
    limit_of = _breached(network, breaches)
    if previous is not None:
        if previous.kind.shape[1] != flows.converged.size:
            raise GridError(f"previous limits have {previous.kind.shape[1]} steps, the flows {flows.converged.size}")
        for k, t in np.argwhere(previous.kind != _EMPTY):
            key = (int(previous.kind[k, t]), int(previous.element[k, t]), int(t))
            limit_of.setdefault(key, float(previous.limit[k, t]))
    solved = [key for key in limit_of if flows.converged[key[2]]]
    kind, element, step = np.array(solved, dtype=np.int64).reshape(-1, 3).T
    branch = kind == KINDS.index("branch_loading")
    value = np.empty(len(solved))
    value[branch] = flows.branch_loading_pu[element[branch], step[branch]]
    value[~branch] = flows.vm_pu[element[~branch], step[~branch]]
    limit = np.array([limit_of[key] for key in solved], dtype=np.float64)
    return _Watched(kind.astype(np.int8), element, step, limit, value)


def _breached(network: Network, breaches: Sequence[Breach]) -> dict[tuple[int, int, int], float]:
    """(kind, element, step) → limit. Fused buses share a voltage: one row, with the narrowest limit."""
    node = network.ac.bus_node
    _, first_bus, group = np.unique(node, return_index=True, return_inverse=True)
    limit_of: dict[tuple[int, int, int], float] = {}
    for breach in breaches:
        if breach.kind in OF_NO_ELEMENT:
            continue
        if breach.kind == "branch_loading":
            element = int(network.branch_index([breach.element])[0])
        else:
            element = int(first_bus[group[network.bus_index([breach.element])[0]]])
        key = (KINDS.index(breach.kind), element, breach.step)
        narrower = max if breach.kind == "voltage_low" else min
        limit_of[key] = narrower(limit_of.get(key, breach.limit), breach.limit)
    return limit_of


def _gradients(watched: _Watched, column: Index, slopes: Slopes) -> tuple[Array, Array]:
    """(R, B) slopes by active and by reactive power of each candidate; positive means towards its limit."""
    is_branch = watched.kind == KINDS.index("branch_loading")
    sign = np.where(watched.kind == KINDS.index("voltage_low"), -1.0, 1.0)[:, None]

    def of(voltage: Array, loading: Array) -> Array:
        out = np.empty((watched.kind.size, voltage.shape[1]))
        out[is_branch] = loading[watched.element[is_branch], :, column[is_branch]]
        out[~is_branch] = voltage[watched.element[~is_branch], :, column[~is_branch]]
        return sign * out

    return of(slopes.voltage_per_kw, slopes.loading_per_kw), of(slopes.voltage_per_kvar, slopes.loading_per_kvar)


def _fill_slots(
    network: Network,
    p_kw: Array,
    buses: tuple[str, ...],
    watched: _Watched,
    gradients: tuple[Array, Array],
    slots: int,
    margin_pu: float,
) -> LinearLimits:
    """Scale, choose and place the rows; p_kw (B, T) is the point linearised around."""
    gradient, gradient_kvar = gradients
    size = np.max(np.abs(gradient), axis=1, initial=0.0)
    reach = size > _SMALLEST_SLOPE_PU_PER_KW  # false for NaN: a perturbed step has no solution
    low = watched.kind == KINDS.index("voltage_low")
    excess = np.where(low, watched.limit - watched.value, watched.value - watched.limit)
    lost = np.flatnonzero(~reach & (excess > 0.0))
    out = _no_rows(buses, slots, p_kw.shape[1], [_as_breach(network, watched, excess, int(r)) for r in lost])
    for step in np.unique(watched.step[reach]):
        here = np.flatnonzero(reach & (watched.step == step))
        here = here[np.argsort(-excess[here], kind="stable")]
        here = here[_one_per_direction(gradient[here])][:slots]
        k = np.arange(here.size)
        row = gradient[here] / size[here, None]
        out.coefficient[k, :, step] = row
        out.coefficient_kvar[k, :, step] = gradient_kvar[here] / size[here, None]
        out.bound[k, step] = row @ p_kw[:, step] - (excess[here] + margin_pu) / size[here]
        out.kind[k, step], out.element[k, step] = watched.kind[here], watched.element[here]
        out.limit[k, step], out.slope[k, step] = watched.limit[here], size[here]
    return out


def _no_rows(buses: tuple[str, ...], slots: int, steps: int, unreachable: Sequence[Breach]) -> LinearLimits:
    return LinearLimits(
        buses=buses,
        coefficient=np.zeros((slots, len(buses), steps)),
        coefficient_kvar=np.zeros((slots, len(buses), steps)),
        bound=np.ones((slots, steps)),
        kind=np.full((slots, steps), _EMPTY, dtype=np.int8),
        element=np.full((slots, steps), _EMPTY, dtype=np.int64),
        limit=np.full((slots, steps), np.nan),
        slope=np.full((slots, steps), np.nan),
        unreachable=tuple(unreachable),
    )


def _one_per_direction(gradient: Array) -> list[int]:
    """Row order: as given, but a row nearly parallel to an earlier one goes behind all that are not."""
    unit = gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    cosine = unit @ unit.T
    chosen: list[int] = []
    waiting: list[int] = []
    for r in range(len(unit)):
        (waiting if chosen and cosine[r, chosen].max() > _SAME_DIRECTION else chosen).append(r)
    return chosen + waiting


def _as_breach(network: Network, watched: _Watched, excess: Array, r: int) -> Breach:
    kind = KINDS[watched.kind[r]]
    names = network.branch_names if kind == "branch_loading" else network.bus_names
    value, limit = float(watched.value[r]), float(watched.limit[r])
    return Breach(names[watched.element[r]], kind, int(watched.step[r]), value, limit, "p.u.", float(excess[r]))
