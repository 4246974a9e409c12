r"""Limits and ramps of a unit in the basic form of three binaries, without what makes the tight form tight.

For studies that compare formulations: the same whole-number points as the tight form, and a relaxation that holds more.
With p' the output above minimum P, r and d the reserve offered up and down [kW], u, v, w on, start and stop:

.. math::
    p'_t + r_t ≤ (P̄-P) u_t, \quad p'_t + r_t ≤ (P̄-P) u_t - (P̄-SD) w_{t+1} \\
    p_t + r_t - p_{t-1} ≤ RU u_{t-1} + SU v_t, \quad p_{t-1} - p_t + d_t ≤ RD u_t + SD w_t, \quad d_t ≤ p'_t

with p = P u + p' and u_{t-1} = u_t - v_t + w_t, which also holds in the first step. Of cost segments, s_l ≤ S_l u.

Sources: Carrión & Arroyo 2006, doi 10.1109/TPWRS.2006.876672 (available output, ramps); Ostrowski, Anjos & Vannelli
2012, doi 10.1109/TPWRS.2011.2162008 (the same with three binaries).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatch.asset import Given

if TYPE_CHECKING:
    import cvxpy as cp


def limits(
    given: Given,
    states: tuple[cp.Expression, cp.Expression, cp.Expression, cp.Expression],
    raised: cp.Expression,
    rising: cp.Expression,
    falling: cp.Expression,
    before: cp.Expression,
) -> list[cp.Constraint]:
    """The equations above, without those of the reserve alone.

    Args:
        given: coefficients of the tight form; ``ramp_start_kw`` is SU - P - RU, ``ramp_stop_kw`` SD - P - RD.
        states: (row, step) on, start, stop, and the stop of the next step.
        raised: (row, step) output above minimum with the reserve up [kW].
        rising, falling: the same, and output less the reserve down, with that reserve alone which must be there within
            the step; where the site says when a called one must be, see :mod:`dispatch.units.spinning`.
        before: (row, step) output above minimum of the step before [kW].
    """
    on, start, stop, stop_next = states
    room = _times(given["range_kw"], on)
    up, down, low = given["ramp_up_kw"], given["ramp_down_kw"], given["min_kw"]
    rise = _times(up, on + stop) + _times(given["ramp_start_kw"], start) + _times(low, stop)
    fall = _times(down, on + stop) + _times(given["ramp_stop_kw"], stop) + _times(low, start)
    return [
        raised <= room,
        raised <= room - _times(given["stop_cut_short_kw"], stop_next),
        rising - before <= rise,
        before - falling <= fall,
        *([] if rising is raised else [raised <= room - _times(given["start_cut_kw"], start)]),
    ]


def _times(coefficient: Any, expression: Any) -> Any:
    import cvxpy as cp

    return cp.multiply(coefficient, expression)
