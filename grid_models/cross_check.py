"""Two engines must agree before a network is used."""

from __future__ import annotations

import numpy as np

from grid_models import divergence_diagnosis
from grid_models.errors import GridError
from grid_models.network import Array, Network
from grid_models.power_flow import NEWTON, Flows, Injections, solve_batch, solve_reference

VOLTAGE_TOLERANCE_PU = 1e-5
LOADING_TOLERANCE_PU = 1e-4
# Voltages without load; the furthest that ships is CIGRE HV with 1.32 (long cables without their reactors).
_IDLE_MIN_PU, _IDLE_MAX_PU = 0.5, 1.5
POWER_TOLERANCE = 1e-4
"""Relative to the larger of the slack power and 1 kW."""
_APART = (
    "look at the angles (va_degree) of sources that are joined and at the phase shifts (shift_degree) of transformers "
    "in a loop: they must match"
)
_CASES = ("without load", "at half of nameplate load and generation", "at nameplate load and generation")


def assert_engines_agree(network: Network) -> tuple[str, ...]:
    """Solve the network without load, at half and at all of its nameplate by both engines; a note on who answered.

    Raises GridError where either finds no solution or where voltage, loading or slack power differ by more
    than the tolerances of this module; the message names the bus or branch.
    """
    p_kw, q_kvar = (np.hstack([np.zeros_like(a), a / 2.0, a]) for a in network.profiles.at_nameplate())
    injections = Injections(network.bus_names, p_kw, q_kvar)
    reference, batch = solve_reference(network, injections), solve_batch(network, injections)
    if reference.converged[0]:
        _plausible(network, reference)
    for engine, flows in (("pandapower", reference), ("power-grid-model, and Newton's method after it,", batch)):
        if not flows.converged.all():
            case = int(np.argmin(flows.converged))
            where = _CASES[case]
            why = f": {divergence_diagnosis.at_nameplate(network, p_kw[:, 2:], q_kvar[:, 2:])}" if case else ""
            raise GridError(f"network {network.name!r}: {engine} finds no AC solution {where}{why}")
    _compare(network.name, reference, batch)
    return (*_circulating(reference), *_answered(batch))


def _circulating(reference: Flows) -> tuple[str, ...]:
    """A note where a branch is overloaded before anybody draws anything: by sources or transformers out of step."""
    loading = np.nan_to_num(reference.branch_loading_pu[:, 0])
    if not loading.size or loading.max() <= 1.0:
        return ()
    worst = reference.branch_names[int(np.argmax(loading))]
    return (f"without load branch {worst!r} is loaded at {loading.max():.0%}; {_APART}",)


def _answered(batch: Flows) -> tuple[str, ...]:
    """A note where power-grid-model found nothing and Newton's method did, which pandapower has then confirmed."""
    cases = ", ".join(where for where, engine in zip(_CASES, batch.engine, strict=True) if engine == NEWTON)
    return (f"{cases}: power-grid-model finds no AC solution, Newton's method does",) if cases else ()


def _plausible(network: Network, reference: Flows) -> None:
    """A solution without load that no network has is a slip in its numbers, however well the engines agree on it."""
    idle = reference.vm_pu[:, 0]
    worst = int(np.argmax(np.abs(idle - 1.0)))
    if not _IDLE_MIN_PU < idle[worst] < _IDLE_MAX_PU:
        several = f"; {_APART}" if network.ac.slack_node.size > 1 else ""
        raise GridError(
            f"network {network.name!r}: without load bus {reference.bus_names[worst]!r} is at {idle[worst]:.3g} p.u., "
            f"{_IDLE_MIN_PU:g} to {_IDLE_MAX_PU:g} is plausible; look at the capacitance of its lines, at taps and at "
            f"rated voltages{several}"
        )


def _compare(name: str, reference: Flows, batch: Flows) -> None:
    a, b = reference, batch
    power_tolerance_kw = POWER_TOLERANCE * float(np.max(np.abs(a.slack_p_kw), initial=1.0))
    checks = (
        ("voltage of bus", "p.u.", a.bus_names, a.vm_pu, b.vm_pu, VOLTAGE_TOLERANCE_PU),
        (
            "loading of branch", "p.u.", a.branch_names, a.branch_loading_pu, b.branch_loading_pu,
            LOADING_TOLERANCE_PU,
        ),
        ("import at", "kW", ("the slack",), a.slack_p_kw[None], b.slack_p_kw[None], power_tolerance_kw),
    )  # fmt: skip
    for what, unit, names, one, other, tolerance in checks:
        # NaN in both is agreement: a branch without a rating has no loading in either engine.
        difference: Array = np.where(np.isnan(one) & np.isnan(other), 0.0, np.abs(one - other))
        difference = np.nan_to_num(difference, nan=np.inf)
        if difference.size and difference.max() > tolerance:
            row = int(np.unravel_index(np.argmax(difference), difference.shape)[0])
            raise GridError(
                f"network {name!r} refused: the {what} {names[row]!r} differs by {difference.max():.3g} "
                f"{unit} between pandapower and power-grid-model; at most {tolerance:.1g} {unit} is accepted"
            )
