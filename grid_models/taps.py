"""Tap changers at other positions than the network's own."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence

import numpy as np

from grid_models.errors import GridError, unknown_name
from grid_models.network import Index, Network, Taps


def tapped(network: Network, position: dict[str, int]) -> Network:
    """The network with tap changers at other positions; for ``solve_batch`` only.

    A tap on the to side changes the voltage that the impedance is meant at, and with it r and x by the square.
    """
    branch = network.branch_index(tuple(position))
    taps, m = taps_of(network, tuple(position)), network.ac.named_branch[branch]
    new, old, at_from = np.array(list(position.values()), float), taps.position[branch], taps.at_from[branch]
    neutral, step = taps.neutral[branch], taps.step_pu[branch]
    factor = (1.0 + (new - neutral) * step) / (1.0 + (old - neutral) * step)
    ac, square = network.ac, np.where(at_from, 1.0, factor**2)
    scaled = {name: getattr(ac, name).copy() for name in ("tap", "r_pu", "x_pu", "g_pu", "b_pu", "to_g_pu", "to_b_pu")}
    scaled["tap"][m] *= np.where(at_from, factor, 1.0 / factor)
    for name in ("r_pu", "x_pu"):
        scaled[name][m] *= square
    for name in ("g_pu", "b_pu", "to_g_pu", "to_b_pu"):
        scaled[name][m] /= square
    moved = taps.position.copy()
    moved[branch] = new
    model = dataclasses.replace(ac, **scaled)
    return dataclasses.replace(network, reference=None, ac=model, taps=dataclasses.replace(taps, position=moved))


def taps_of(network: Network, names: tuple[str, ...]) -> Taps:
    """Tap changers of the network. Raises GridError for a transformer that cannot step, listing those that can."""
    branch = network.branch_index(names)
    taps = network.taps
    fit = (
        [] if taps is None else [n for n, p in zip(network.branch_names, taps.position, strict=True) if np.isfinite(p)]
    )
    for name, row in zip(names, branch, strict=True):
        if taps is None or not np.isfinite(taps.position[row]):
            raise unknown_name("transformer with a tap changer that changes the ratio by steps", name, fit)
    assert taps is not None
    return taps


def tapped_reference(network: Network, names: Sequence[str], position: Index) -> Network:
    """The network with its pandapower net at other tap positions, for ``solve_reference``."""
    reference = network.reference
    if reference is None:
        raise GridError(f"network {network.name!r} carries no pandapower net; load it again to solve the reference")
    lines = len(reference.lines)
    rows = network.branch_index(list(names)) - lines
    net = copy.deepcopy(reference.net)
    net.trafo.loc[reference.transformers[rows], "tap_pos"] = position
    return dataclasses.replace(network, reference=dataclasses.replace(reference, net=net))
