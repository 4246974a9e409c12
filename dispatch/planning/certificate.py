"""What stands behind a plan, as plain data: rung, bound, gap, audit, network check, versions, seed, input hashes.

No clock and no path goes in, so that the same inputs give the same bytes.
"""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

import dispatch
from dispatch.audit import Audit
from dispatch.explain import Reason
from dispatch.flow_limits.proof import FlowProof
from dispatch.planning.outlook import Outlook
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site
from dispatch.tables import published

if TYPE_CHECKING:
    from dispatch.network.check import GridProof

_LIBRARIES = (
    "cvxpy",
    "highspy",
    "numpy",
    "pandapower",
    "power-grid-model",
    "pandas",
    "pvlib",
    "pyarrow",
    "pydantic",
    "scipy",
    "simbench",
    "windpowerlib",
    "xgboost",
    "xgboost-cpu",
)


def certificate(
    site: Site,
    issue_time: datetime,
    outlook: Outlook,
    schedule: Schedule,
    audit: Audit,
    grid: GridProof | None,
    hashes: Mapping[str, str],
    reason: Reason | None = None,
    flows: FlowProof | None = None,
) -> dict[str, object]:
    """The certificate of one plan."""
    horizon = schedule.inputs.horizon
    return {
        "park": site.name,
        "issued": issue_time.isoformat(),
        "horizon": [str(horizon.edges[0]) + "Z", str(horizon.edges[-1]) + "Z"],
        "steps": horizon.steps,
        "scenarios": schedule.scenarios,
        "seed": site.planning.seed,
        "solution": _solution(schedule),
        "explanation": None if reason is None else {"why": list(reason.why), "first_fix": reason.first_fix},
        "audit": {
            "numbers_checked": audit.checked,
            "violations": [str(v) for v in audit.violations],
            "limits_passed_as_relaxed": [str(v) for v in audit.relaxed],
        },
        "network": None if grid is None else _network(site, grid, horizon.hours),
        "carbon": _carbon(schedule, site.currency),
        "carbon_flow_limits": None if flows is None else _flow_limits(flows),
        "forecast": _forecast(outlook),
        "expected_of_the_month": _expected(schedule),
        "schedule_sha256": _fingerprint(schedule),
        "inputs_sha256": dict(sorted(hashes.items())),
        "versions": _versions(),
    }


def _solution(schedule: Schedule) -> dict[str, object]:
    """The rung, how good the schedule is, and what kept it from better rungs."""
    proof = schedule.proof
    return {
        "quality": proof.quality,
        "objective": _digits(proof.objective),
        "objective_is": "expected over the scenarios: money, carbon at its price, penalties of missed wishes",
        "expected_money": _digits(float(schedule.weights @ schedule.money)),
        "expected_co2_kg": _digits(float(schedule.weights @ schedule.co2_kg)),
        "expected_penalty": _digits(float(schedule.weights @ schedule.penalty)),
        "here_and_now": "commitment of units, powers of electric stores",
        "bound": _digits(proof.bound),
        "gap": _digits(proof.gap),
        "nodes": proof.nodes,
        "rounds": proof.rounds,
        "clock_limit_fired": proof.clock_fired,
        "relaxed": list(proof.relaxed),
        "reason": proof.reason,
        "attempts": [{"rung": a.rung, "reason": a.reason, "clock_limit_fired": a.clock_fired} for a in proof.attempts],
    }


def _network(site: Site, grid: GridProof, hours: Array) -> dict[str, object]:
    return {
        "model": site.grid.network if site.grid else "",
        "engine": "pandapower, every step; power-grid-model inside the loop",
        "largest_difference_of_engines_pu": _digits(grid.engine_gap_pu, 2),
        "violations_before": grid.before,
        "violations_after": len(grid.breaches),
        "rounds": grid.rounds,
        "stopped": grid.stopped,
        "steps_converged": int(grid.flows.converged.sum()),
        "unsupplied": {state: list(buses) for state, buses in grid.unsupplied.items()},
        "controls_without_rest": list(grid.unsettled),
        "losses": None if grid.loss_kw is None else _losses(grid.loss_kw, grid.flows.losses_kw, hours),
    }


def _carbon(schedule: Schedule, currency: str) -> dict[str, object] | None:
    """Caps on emissions: what is emitted above them, and what a tonne more would be worth, window by window."""
    said = schedule.carbon
    if not (schedule.wish_over_kg or said.quota or said.certificates):
        return None
    prices = schedule.shadow_price_per_t
    caps = {
        text: {
            "expected_over_kg": [_digits(value) for value in schedule.weights @ over],
            "shadow_carbon_price_per_t": [_digits(value) for value in prices[text]] if text in prices else None,
        }
        for text, over in sorted(schedule.wish_over_kg.items())
    }
    return {
        "currency": currency,
        "caps": caps,
        "quota_expected": _expected_of(schedule, said.quota),
        "certificates_expected": _expected_of(schedule, said.certificates),
    }


def _expected_of(schedule: Schedule, said: Mapping[str, Array]) -> dict[str, float | str | None] | None:
    """By name, the expected sum: powers as MWh, everything else in its unit."""
    hours, out = schedule.inputs.horizon.hours, {}
    for name, values in sorted(said.items()):
        power = name.endswith("_kw")
        per_scenario = values @ hours / 1000 if power else values.reshape(schedule.scenarios, -1).sum(axis=1)
        out[name.removesuffix("_kw") + "_mwh" * power] = _digits(float(schedule.weights @ per_scenario))
    return out or None


def _flow_limits(proof: FlowProof) -> dict[str, object]:
    """What is traced at the meters of the published plan, beside what the rows that it was made under count."""
    return {
        "traced_on": proof.basis,
        "plans_traced": proof.rounds,
        "bound_is": "of plans under the last rows; another mix of plant may do with less",
        "windows_passed_before": proof.passed_before,
        "windows_passed": sum(int(limit.passed.sum()) for limit in proof.limits),
        "largest_gap_of_rows_kg": _digits(max((limit.gap_kg for limit in proof.limits), default=0.0), 3),
        "limits": {
            limit.wish.text: {
                "carbon_kg": [_digits(value) for value in limit.counted.carbon_kg[0]],
                "energy_kwh": [_digits(value) for value in limit.counted.energy_kwh[0]],
                "over_kg": [_digits(value) for value in limit.over_kg[0]],
                "gap_of_rows_kg": _digits(limit.gap_kg, 3),
                "least_reached_kg": None
                if limit.reached is None
                else [_digits(value) for value in limit.reached.carbon_kg[0]],
            }
            for limit in proof.limits
        },
    }


def _losses(planned_kw: Array, real_kw: Array, hours: Array) -> dict[str, object]:
    """What the plan pays for against the AC power flow, in the steps that have a solution."""
    solved = np.isfinite(real_kw)
    planned, real = (float(values[solved] @ hours[solved]) for values in (planned_kw, real_kw))
    return {"planned_kwh": _digits(planned), "ac_kwh": _digits(real), "difference_kwh": _digits(planned - real, 3)}


def _forecast(outlook: Outlook) -> dict[str, object] | None:
    if outlook.forecast is None:
        return None
    forecast = outlook.forecast
    return {
        "model": forecast.model_version,
        "issued": forecast.issue_time.isoformat(),
        "rungs": dict(forecast.quality),
    }


def _expected(schedule: Schedule) -> dict[str, dict[str, float]]:
    """Peaks and energy of the month's rest that were forecast, by connection."""
    state = schedule.inputs.state
    found = {name: {k: v for k, v in of.items() if k.startswith("expected_")} for name, of in sorted(state.items())}
    return {name: of for name, of in found.items() if of}


def _fingerprint(schedule: Schedule) -> str:
    """SHA-256 over the names and values of the published series, so that a plan can be told to be the certified one."""
    digest = hashlib.sha256()
    for name, values in sorted(published(schedule).items()):
        digest.update(name.encode() + values.astype("<f8").tobytes())
    return digest.hexdigest()


@cache
def _versions() -> dict[str, str]:
    """Read once: looking through installed packages takes a tenth of a small park's plan."""
    found = {"parkwatt": dispatch.__version__, "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            continue
    return found


def _digits(value: float, digits: int = 9) -> float | str | None:
    """Significant digits; infinity as text and missing as null, since JSON has neither."""
    if math.isnan(value):
        return None
    return float(f"{value:.{digits}g}") if math.isfinite(value) else str(value)
