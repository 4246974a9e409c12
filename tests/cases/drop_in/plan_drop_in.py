"""Plans a park with the dropped-in kind and prints what came out, as JSON."""

from __future__ import annotations

import json

from parkwatt_docs.files import kind_page

from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.site import schema
from dispatch.solve import solve
from tests.parks import given, grid, hours, load, park, tariff

turbine = {
    "kind": "extraction_turbine",
    "name": "turbine",
    "bus": "main",
    "heat_bus": "heat",
    "max_kw": 117,
    "cost_per_kwh": 0.05,
}
site = park(load(), load("warmth", bus="heat"), grid(tariff=tariff(0.1)), turbine)
series = {("load", "demand_kw"): 150.0, ("warmth", "demand_kw"): 60.0}
problem = Problem(site, given(site, hours(3), series), template=True)
plan, rules = solve(problem), rule_based(problem)
print(
    json.dumps(
        {
            "power_kw": plan.asset("turbine", "power_kw").tolist(),
            "heat_kw": plan.asset("turbine", "heat_kw").tolist(),
            "money": plan.money[0],
            "rules": rules.money[0],
            "violations": len(audit(plan).violations) + len(audit(rules).violations),
            "in_schema": "ExtractionTurbine" in schema()["$defs"],
            "page": "\n".join(kind_page("extraction_turbine")),
        }
    )
)
