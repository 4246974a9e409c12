"""Small fleets of sites with a unit that is on or off, and the same as one program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import block_diag, csc_array, csr_array, vstack

from dispatch.fleet.coordination.portions import Structure
from dispatch.fleet.coupling import Coupling, Rest
from dispatch.fleet.members import Member
from dispatch.fleet.stack import Stack
from dispatch.fleet.template import Template
from dispatch.signals import Array
from dispatch.solver.highs import Matrices
from tests.parks import battery, grid, hours, load, park, unit

STEPS = 12
PRICES = (("low", 0.3, "00:00-04:00"), ("high", 1.0, "04:00-10:00"), ("mid", 0.6, "10:00-24:00"))


def member(number: int, seed: int = 0, units: int = 1, with_unit: bool = True) -> Member:
    """A site whose unit pays in the dear hours, if at all."""
    rng = np.random.default_rng([seed, number])
    size = float(np.exp(rng.uniform(np.log(50), np.log(300))))
    energy = [
        {"name": name, "basis": "energy", "price_per_kwh": price, "calendar": {"hours": [window]}, "source": "test"}
        for name, price, window in (
            ("low", 0.3, "00:00-04:00"),
            ("high", 1.0, "04:00-10:00"),
            ("mid", 0.6, "10:00-24:00"),
        )
    ]
    sold = {"name": "sold", "direction": "export", "basis": "energy", "price_per_kwh": 0.1, "source": "test"}
    plant: list[dict[str, Any]] = [
        load(),
        battery(
            energy_kwh=size * rng.uniform(0.3, 1.0), charge_kw=0.3 * size, discharge_kw=0.3 * size, start_fill=0.5,
            charge_efficiency=0.95, discharge_efficiency=0.95, wear_cost_per_kwh=0.02,
        ),
        grid(
            import_kw=2 * size, export_kw=size, carbon_intensity_kg_per_kwh=0.5,
            tariff={"name": "t", "currency": "EUR", "components": [*energy, sold]},
        ),
    ]  # fmt: skip
    for k in range(units if with_unit else 0):
        most = size * rng.uniform(0.8, 1.3)
        plant.append(
            unit(
                f"unit_{k}", min_kw=0.5 * most, max_kw=most, cost_per_kwh=rng.uniform(0.5, 0.7), min_up_h=2.0,
                start_cost=most * rng.uniform(0.1, 0.5), no_load_cost_per_h=most * 0.06, co2_kg_per_kwh=0.7,
            )
        )  # fmt: skip
    shape = 0.5 + 0.4 * np.sin(np.arange(STEPS) / STEPS * np.pi) + 0.1 * rng.random(STEPS)
    return Member(park(*plant, name=f"site_{number}"), {("load", "demand_kw"): (size * shape)[None]})


def structure(members: Sequence[Member]) -> Structure:
    template = Template(members[0], hours(STEPS))
    at = np.concatenate([template.at[name] for name in template.quantities])
    return Structure(template.stack(members), at)


def limits(structures: Sequence[Structure], import_kw: float, co2_kg: float = np.inf) -> Coupling:
    """A cap on the fleet's import in every step, and one on what it emits."""
    count = sum(len(one.stack) for one in structures)
    upper = np.append(np.full(STEPS, import_kw), co2_kg)
    names = (*(f"import in step {t}" for t in range(STEPS)), "carbon budget")
    share = csr_array(np.ones((STEPS + 1, count)))
    return Coupling(
        names, np.arange(STEPS + 1), share, np.full(STEPS + 1, -np.inf), upper, Rest.none(STEPS + 1), STEPS + 1
    )


def together(stacks: Sequence[Stack], at: Sequence[np.ndarray], coupling: Coupling) -> Matrices:
    """The fleet as one program; the last rows are the shared ones."""
    sites = [
        (stack.matrices(n), quantity) for stack, quantity in zip(stacks, at, strict=True) for n in range(len(stack))
    ]
    reach = []
    share = coupling.share.toarray()
    for n, (site, places) in enumerate(sites):
        own = np.zeros((len(coupling.names), site.cost.size))
        own[np.arange(len(coupling.names)), places[coupling.entry]] = share[:, n]
        reach.append(csr_array(own))
    shared = csr_array(np.hstack([r.toarray() for r in reach]))

    def every(name: str) -> Array:
        return np.concatenate([getattr(site, name) for site, _ in sites])

    return Matrices(
        every("cost"), sum(site.offset for site, _ in sites),
        csc_array(vstack([block_diag([site.rows for site, _ in sites]), shared])),
        np.concatenate([every("row_lower"), coupling.lower]), np.concatenate([every("row_upper"), coupling.upper]),
        every("col_lower"), every("col_upper"), every("integer"),
    )  # fmt: skip
