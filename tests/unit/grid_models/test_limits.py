from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from grid_models.errors import GridError
from grid_models.limits import KINDS, Breach, Limits, LinearLimits, linear_limits, violations
from grid_models.linear import Source
from grid_models.network import Network
from grid_models.power_flow import Flows, Injections, solve_batch

REMOTE = ("MV2.101 Bus 25", "MV2.101 Bus 116", "MV2.101 Bus 60")
HOURS = pd.date_range("2016-06-20", periods=24, freq="h")


@pytest.fixture(scope="module")
def summer(semiurb: Network) -> Injections:
    return semiurb.background(HOURS, step_h=1.0)


def wind_and_pv_kw() -> np.ndarray[Any, Any]:
    """(B, T) what could be injected: wind at two buses, PV on top; the nights fit, noon does not."""
    sun = np.clip(np.sin(np.pi * (np.arange(24) - 5.0) / 14.0), 0.0, None)
    return np.stack([1500.0 + 6000.0 * sun, 1500.0 + 8000.0 * sun, 5000.0 * sun])


def schedule(available_kw: np.ndarray[Any, Any], rows: LinearLimits | None) -> np.ndarray[Any, Any]:
    """The most that may be injected under the rows: one LP per step."""
    if rows is None:
        return available_kw
    result = np.empty_like(available_kw)
    for t in range(available_kw.shape[1]):
        bounds = [(0.0, float(most)) for most in available_kw[:, t]]
        answer = linprog(-np.ones(len(bounds)), A_ub=rows.coefficient[:, :, t], b_ub=rows.bound[:, t], bounds=bounds)
        assert answer.status == 0, f"step {t}: {answer.message}"
        result[:, t] = answer.x
    return result


def loop(
    network: Network,
    background: Injections,
    limits: Limits,
    available_kw: np.ndarray[Any, Any],
    slots: int,
    source: Source = "sensitivities",
) -> tuple[list[float], np.ndarray[Any, Any], Flows]:
    """Largest violation after each AC check, until it is below 1e-4 p.u., for at most five rounds."""
    rows, worst = None, []
    for _ in range(6):
        p_kw = schedule(available_kw, rows)
        injections = Injections(REMOTE, p_kw, np.zeros_like(p_kw))
        flows = solve_batch(network, injections, background)
        breaches = violations(network, flows, limits)
        worst.append(max((breach.margin for breach in breaches), default=0.0))
        if worst[-1] < 1e-4:
            break
        rows = linear_limits(
            network, injections, background, flows, breaches, REMOTE, slots, previous=rows, source=source
        )
    return worst, p_kw, flows


@pytest.mark.parametrize(
    ("slots", "source"), [(2, "sensitivities"), (4, "sensitivities"), (4, "lindistflow"), (4, "ptdf")]
)
def test_wind_and_pv_at_remote_buses_are_fitted_into_the_limits(
    semiurb: Network, summer: Injections, slots: int, source: Source
) -> None:
    """Whatever the slopes come from, the rows hold at the AC point: every loop ends at the limits."""
    limits = Limits.of(semiurb)
    available_kw = wind_and_pv_kw()
    worst, p_kw, flows = loop(semiurb, summer, limits, available_kw, slots, source)
    assert worst[0] > 0.01  # there is something to mend
    assert worst[-1] < 1e-4
    # The margin of the rows keeps the end inside the limits, as far as the slopes are exact.
    assert source != "sensitivities" or violations(semiurb, flows, limits) == []
    # No more was given up than the limits ask for: where something was cut, a limit is nearly reached.
    cut = (p_kw < available_kw - 1.0).any(axis=0)
    room_pu = np.minimum(
        (limits.voltage_max_pu[:, None] - flows.vm_pu).min(axis=0),
        (limits.branch_loading_max_pu[:, None] - flows.branch_loading_pu).min(axis=0),
    )
    assert cut.any()
    assert not cut.all()
    assert (room_pu[cut] < 5e-4).all()


def test_rows_predict_the_ac_voltage_to_second_order(semiurb: Network, summer: Injections) -> None:
    noon = summer.at_steps(np.array([12]))
    p_kw = np.array([[3000.0], [2000.0], [1000.0]])
    at = Injections(REMOTE, p_kw, np.zeros_like(p_kw))
    flows = solve_batch(semiurb, at, noon)
    bus = semiurb.bus_index(["MV2.101 Bus 25"])[0]
    value = float(flows.vm_pu[bus, 0])
    breach = Breach("MV2.101 Bus 25", "voltage_high", 0, value, value, "p.u.", 0.0)
    rows = linear_limits(semiurb, at, noon, flows, [breach], REMOTE, 1, margin_pu=0.0)
    assert rows.coefficient[0].max() == pytest.approx(1.0)
    error = []
    for size in (1.0, 2.0):
        move = size * np.array([[400.0], [-300.0], [200.0]])
        moved = solve_batch(semiurb, Injections(REMOTE, p_kw + move, np.zeros_like(p_kw)), noon).vm_pu[bus, 0]
        step_kw = float(rows.coefficient[0, :, 0] @ (p_kw + move)[:, 0] - rows.bound[0, 0])
        error.append(abs(moved - value - rows.slope[0, 0] * step_kw))
        assert abs(moved - value) > 20.0 * error[-1]
    assert error[1] / error[0] == pytest.approx(4.0, rel=0.1)


def test_breaches_are_ordered_by_their_share_of_the_limit(case33: Network) -> None:
    """A voltage .05 above 1.05 is .048 of it, a loading .08 above 2 is .04."""
    none = Injections((), np.zeros((0, 1)), np.zeros((0, 1)))
    flows = solve_batch(case33, none)
    vm_pu, loading = np.ones_like(flows.vm_pu), np.zeros_like(flows.branch_loading_pu)
    vm_pu[4], loading[6] = 1.10, 2.08
    limits = Limits.of(case33, voltage_min_pu=0.9, voltage_max_pu=1.05, branch_loading_max_pu=2.0)
    found = violations(case33, replace(flows, vm_pu=vm_pu, branch_loading_pu=loading), limits)
    assert [(one.kind, one.element) for one in found] == [
        ("voltage_high", case33.bus_names[4]),
        ("branch_loading", case33.branch_names[6]),
    ]
    assert violations(case33, replace(flows, vm_pu=vm_pu), limits, tolerance_pu=0.06) == []


def test_a_low_voltage_asks_for_less_consumption(case33: Network) -> None:
    background = case33.background(pd.DatetimeIndex(["2016-01-01"]))
    bus = case33.bus_names[17]
    charging = Injections((bus,), np.array([[-300.0]]), np.zeros((1, 1)))
    flows = solve_batch(case33, charging, background)
    limits = Limits.of(case33, voltage_min_pu=0.91)
    breaches = violations(case33, flows, limits)
    assert {breach.kind for breach in breaches} == {"voltage_low"}
    assert breaches[0].element == bus
    assert breaches[0].margin == pytest.approx(0.91 - flows.vm_pu[17, 0])
    rows = linear_limits(case33, charging, background, flows, breaches, [bus], 2)
    assert rows.coefficient[0, 0, 0] == -1.0
    least_kw = -rows.bound[0, 0]
    assert least_kw > -300.0
    mended = Injections((bus,), np.array([[least_kw]]), np.zeros((1, 1)))
    assert solve_batch(case33, mended, background).vm_pu[17, 0] == pytest.approx(0.91, abs=1e-3)


def test_an_overloaded_line_is_relieved(
    semiurb: Network, summer: Injections, inject: Callable[..., Injections]
) -> None:
    noon = summer.at_steps(np.array([12]))
    export = inject({"MV2.101 Bus 25": [9500.0]})
    flows = solve_batch(semiurb, export, noon)
    limits = Limits.of(semiurb, voltage_max_pu=1.5)
    breaches = violations(semiurb, flows, limits)
    assert {breach.kind for breach in breaches} == {"branch_loading"}
    assert breaches[0].value == pytest.approx(flows.branch_loading_pu.max())
    rows = linear_limits(semiurb, export, noon, flows, breaches, ["MV2.101 Bus 25"], 3)
    most_kw = float((rows.bound / rows.coefficient[:, 0]).min())
    relieved = solve_batch(semiurb, inject({"MV2.101 Bus 25": [most_kw]}), noon)
    assert relieved.branch_loading_pu.max() == pytest.approx(1.0, abs=5e-3)


def test_slots_hold_the_worst_then_the_kept_and_are_otherwise_empty(
    semiurb: Network, summer: Injections, inject: Callable[..., Injections]
) -> None:
    steps = summer.at_steps(np.array([0, 12]))
    strong = inject({bus: [0.0, 9000.0] for bus in REMOTE})
    flows = solve_batch(semiurb, strong, steps)
    breaches = violations(semiurb, flows, Limits.of(semiurb))
    assert {breach.step for breach in breaches} == {1}
    rows = linear_limits(semiurb, strong, steps, flows, breaches, REMOTE, 3)
    assert not rows.coefficient[:, :, 0].any()
    assert (rows.bound[:, 0] == 1.0).all()
    assert (rows.kind[:, 1] >= 0).all()
    np.testing.assert_allclose(np.abs(rows.coefficient[:, :, 1]).max(axis=1), 1.0)
    worst = max(breaches, key=lambda breach: breach.margin)
    assert KINDS[rows.kind[0, 1]] == worst.kind
    # A harmless point: nothing is breached, the rows stay and now leave room.
    weak = inject({bus: [0.0, 100.0] for bus in REMOTE})
    calm = solve_batch(semiurb, weak, steps)
    assert violations(semiurb, calm, Limits.of(semiurb)) == []
    kept = linear_limits(semiurb, weak, steps, calm, [], REMOTE, 4, previous=rows)
    before = set(zip(rows.kind[:, 1].tolist(), rows.element[:, 1].tolist(), strict=True))
    after = set(zip(kept.kind[:, 1].tolist(), kept.element[:, 1].tolist(), strict=True))
    assert after == before | {(-1, -1)}
    filled = kept.kind[:, 1] >= 0
    assert (kept.coefficient[filled, :, 1] @ weak.p_kw[:, 1] < kept.bound[filled, 1]).all()


def test_what_no_bus_moves_is_said_and_not_put_into_a_row(semiurb: Network, inject: Callable[..., Injections]) -> None:
    """The slack bus holds its voltage whatever the schedule does."""
    slack = semiurb.bus_names[int(np.flatnonzero(semiurb.ac.bus_node == semiurb.ac.slack_node[0])[0])]
    quiet = inject({"MV2.101 Bus 25": [0.0]})
    flows = solve_batch(semiurb, quiet)
    limits = Limits.of(semiurb, voltage_max_pu=1.02)
    breaches = [breach for breach in violations(semiurb, flows, limits) if breach.element == slack]
    assert len(breaches) == 1
    rows = linear_limits(semiurb, quiet, None, flows, breaches, ["MV2.101 Bus 25"], 2)
    assert not rows.coefficient.any()
    assert [breach.element for breach in rows.unreachable] == [slack]


def test_a_step_without_solution_is_a_breach_without_a_row(semiurb: Network, inject: Callable[..., Injections]) -> None:
    absurd = inject({"MV2.101 Bus 25": [1e6, 100.0]})
    flows = solve_batch(semiurb, absurd)
    (breach,) = violations(semiurb, flows, Limits.of(semiurb))
    assert (breach.kind, breach.step) == ("no_solution", 0)
    assert np.isnan(breach.value)
    rows = linear_limits(semiurb, absurd, None, flows, [breach], ["MV2.101 Bus 25"], 2)
    assert not rows.coefficient.any()


def test_fused_buses_share_one_row_with_the_narrowest_limit(
    semiurb: Network, inject: Callable[..., Injections]
) -> None:
    fused = np.flatnonzero(semiurb.ac.bus_node == semiurb.ac.bus_node[semiurb.branch_to[-1]])  # the busbar
    assert fused.size > 1
    at = inject({"MV2.101 Bus 25": [0.0]})
    flows = solve_batch(semiurb, at)
    value = float(flows.vm_pu[fused[0], 0])
    for kind, offsets in (("voltage_high", (-0.01, -0.02)), ("voltage_low", (0.01, 0.02))):
        breaches = [
            Breach(semiurb.bus_names[b], kind, 0, value, value + offset, "p.u.", abs(offset))
            for b, offset in zip(fused[:2], offsets, strict=True)
        ]
        for order in (breaches, breaches[::-1]):
            rows = linear_limits(semiurb, at, None, flows, order, ["MV2.101 Bus 25"], 2)
            assert rows.kind[1, 0] == -1
            assert rows.limit[0, 0] == value + offsets[1]


def test_reactive_power_that_comes_along_lowers_the_slope(semiurb: Network, inject: Callable[..., Injections]) -> None:
    """An inverter that draws reactive power as it injects raises the voltage less."""
    at = inject({"MV2.101 Bus 25": [9000.0]})
    flows = solve_batch(semiurb, at)
    breaches = [b for b in violations(semiurb, flows, Limits.of(semiurb)) if b.kind == "voltage_high"]
    slopes = [
        linear_limits(semiurb, at, None, flows, breaches, ["MV2.101 Bus 25"], 1, kvar_per_kw=q).slope[0, 0]
        for q in (0.0, -0.3)
    ]
    assert slopes[1] < 0.95 * slopes[0]


def test_reactive_rows_predict_what_drawing_reactive_power_does(
    semiurb: Network, inject: Callable[..., Injections]
) -> None:
    at = inject({"MV2.101 Bus 25": [9000.0], "MV2.101 Bus 60": [100.0]})
    flows = solve_batch(semiurb, at)
    limits = Limits.of(semiurb)
    breaches = [b for b in violations(semiurb, flows, limits) if b.kind == "voltage_high"]
    rows = linear_limits(semiurb, at, None, flows, breaches[:2], at.bus, 4, margin_pu=0.0)
    assert (rows.coefficient_kvar[0, :, 0] > 0.0).all()
    filled = rows.kind[:, 0] >= 0
    assert not filled.all()
    assert not rows.coefficient_kvar[~filled].any()
    drawn = Injections(at.bus, at.p_kw, np.array([[-500.0], [-200.0]]))
    moved = solve_batch(semiurb, drawn).vm_pu[rows.element[0, 0], 0]
    before = flows.vm_pu[rows.element[0, 0], 0]
    predicted = rows.slope[0, 0] * float(rows.coefficient_kvar[0, :, 0] @ drawn.q_kvar[:, 0])
    assert moved < before - 1e-3
    assert predicted == pytest.approx(moved - before, rel=0.05)


def test_wrong_arguments_are_named(semiurb: Network, inject: Callable[..., Injections]) -> None:
    with pytest.raises(GridError, match="voltage_max_pu must be positive"):
        Limits.of(semiurb, voltage_max_pu=float("nan"))
    with pytest.raises(GridError, match=r"voltage_min_pu 1\.1 is above"):
        Limits.of(semiurb, voltage_min_pu=1.1)
    quiet = inject({"MV2.101 Bus 25": [0.0]})
    flows = solve_batch(semiurb, quiet)
    with pytest.raises(GridError, match=r"'MV2\.101 Bus 60' must appear exactly once in the injections, found 0"):
        linear_limits(semiurb, quiet, None, flows, [], ["MV2.101 Bus 60"], 1)
    rows = linear_limits(semiurb, quiet, None, flows, [], ["MV2.101 Bus 25"], 1)
    day = inject({"MV2.101 Bus 25": [0.0, 0.0]})
    with pytest.raises(GridError, match="previous limits have 1 steps, the flows 2"):
        linear_limits(semiurb, day, None, solve_batch(semiurb, day), [], ["MV2.101 Bus 25"], 1, previous=rows)
