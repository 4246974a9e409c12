"""How voltages, loadings and losses move with injections while inverters answer on their characteristics."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from grid_models.control import Controlled, Controls, Run, by_position, with_kvar
from grid_models.injections import Injections
from grid_models.linear import Slopes, linearise
from grid_models.network import Index, Network


def controlled_slopes(
    network: Network,
    injections: Injections,
    background: Injections | None,
    controls: Controls,
    found: Controlled,
    buses: Sequence[str],
    steps: Index,
) -> Slopes:
    """Slopes at some steps of a solution, with the inverters answering and the taps where they are.

    With v the voltages of the droops, X = ∂v/∂q among them and f′ the slopes of their characteristics, a quantity y
    moves by dy/dp = ∂y/∂p + ∂y/∂q · (I − f′ X)⁻¹ f′ ∂v/∂p, and likewise by q.
    """
    run = Run(network, injections, background, controls, None)
    if not steps.size:
        return _answered(run, network, found, tuple(buses), steps)
    parts = []
    for taps, group in by_position(found.position[:, steps]):
        at = steps[group]
        parts.append((group, _answered(run, run.at(taps), found, tuple(buses), at)))
    made = {}
    for one in dataclasses.fields(Slopes):
        first = getattr(parts[0][1], one.name)
        made[one.name] = np.empty((*first.shape[:-1], steps.size))
        for group, part in parts:
            made[one.name][..., group] = getattr(part, one.name)
    return Slopes(**made)


def _answered(run: Run, network: Network, found: Controlled, buses: tuple[str, ...], steps: Index) -> Slopes:
    droops = run.controls.droops
    more = tuple(dict.fromkeys(d.bus for d in droops if d.bus not in buses))
    kvar = found.kvar[:, steps]
    point = _once(with_kvar(run.injections.at_steps(steps), tuple(d.bus for d in droops), kvar), (*buses, *more))
    around = None if run.background is None else run.background.at_steps(steps)
    plain = linearise(network, point, around, (*buses, *more)).slopes
    if not droops:
        return plain
    rows, columns = network.bus_index([d.bus for d in droops]), [(*buses, *more).index(d.bus) for d in droops]
    _, bend = run.wanted(steps, found.flows.vm_pu[rows][:, steps])
    effect = plain.voltage_per_kvar[rows][:, columns].transpose(2, 0, 1)
    bend_of = bend.T[:, :, None]
    back = np.linalg.solve(np.eye(len(droops)) - bend_of * effect, bend_of * np.eye(len(droops)))
    made = {}
    for unit in ("kw", "kvar"):
        moved = getattr(plain, f"voltage_per_{unit}")[rows][:, : len(buses)].transpose(2, 0, 1)
        answer = (back @ moved).transpose(1, 2, 0)
        for what in ("voltage", "loading", "losses"):
            own, by_kvar = getattr(plain, f"{what}_per_{unit}"), getattr(plain, f"{what}_per_kvar")
            less = own[..., : len(buses), :] + np.einsum("...ds,dbs->...bs", by_kvar[..., columns, :], answer)
            made[f"{what}_per_{unit}"] = less
    return Slopes(**made)


def _once(injections: Injections, buses: tuple[str, ...]) -> Injections:
    """The injections with each of ``buses`` in one row, first; what is injected elsewhere follows."""
    order = tuple(dict.fromkeys((*buses, *injections.bus)))
    onto = np.array([[float(bus == own) for own in injections.bus] for bus in order])
    onto = onto.reshape(len(order), len(injections.bus))  # a branch out may leave nothing of the park supplied
    return Injections(order, onto @ injections.p_kw, onto @ injections.q_kvar)
