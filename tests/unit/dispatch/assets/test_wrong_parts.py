"""A mistake in what a kind tells the optimiser is found by the audit, which is written apart from it. All kinds.

Each case alters coefficients of one kind, for the optimiser only, as a wrong formula would; the plan that follows must
break a limit that ``check`` or the audit states from the members' fields.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from dispatch.asset import Asset
from dispatch.audit import audit
from dispatch.problem import Problem
from dispatch.signals import Array
from dispatch.solve import solve
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.assets.mistakes import (
    WRONG_STORE,
    WRONG_STORE_BY_FILL,
    Change,
    Wrong,
    by_family,
    plus,
    times,
    zero,
)
from tests.unit.dispatch.assets.templates import ALL_KINDS

_WORN = [
    Wrong("first segment too large", {"segment_1_size_kwh": times(1.5)}, "outside its size"),
    Wrong("deep cycles too cheap", {"segment_2_cost": times(0.5)}, "money differs"),
    Wrong("segments start full", {"segment_2_carried_kwh": plus(1)}, "segment differs"),
]
_HOLDING = [
    Wrong("discharge without loss in a call", {"out_kwh_per_kwh": times(0.8)}, "no energy behind", template=3),
    Wrong("energy of a call below the band", {"call_least_kwh": plus(-9)}, "up has no energy", template=3),
    Wrong("energy of a call above the band", {"call_most_kwh": plus(9)}, "down has no energy", template=3),
    Wrong("taper forgotten in a call", {"charge_call_kw_1": plus(99)}, "down has no power", template=2),
    Wrong("power near empty in a call", {"discharge_call_kw_0": plus(99)}, "up has no power", template=2),
]
_GENERATOR = [
    Wrong("more than the weather gives", {"available_kw": times(1.1)}, "than is available"),
    Wrong("running cost", {"cost_per_kw": times(0.5)}, "money differs", fields={"cost_per_kwh": 0.01}),
]
_CHEAP = {"cost_per_kwh": 0.01, "no_load_cost_per_h": 0.0, "start_cost": 0.0}
_SELLS = {"export_price_per_kwh": 2.0, "export_share_max": 1.0}
_PPA = {"name": "ppa", "price_per_kwh": 0.0, "replaces_energy_price": True, "share_max": 0.3}
_GREEN_WINS = {"green_power": [_PPA]}
_GREEN_DEAR = {"green_power": [_PPA | {"price_per_kwh": 9.0, "share_min": 0.1}]}
_HIGH_USE = {"month_to_date_kwh": 390.0}
WRONG: dict[str, list[Wrong]] = {
    "battery": [*WRONG_STORE, *WRONG_STORE_BY_FILL, *_WORN, *_HOLDING],
    "cable": [Wrong("rating too high", {"rating_kw": times(1.2)}, "flow above rating")],
    "direct_line": [
        Wrong("more than the weather gives", {"available_kw": times(1.1)}, "than is available"),
        Wrong("export limit too high", {"export_kw": plus(50)}, "than its connection takes", fields=_SELLS),
        Wrong("own use too cheap", {"price_per_kw": times(0.5)}, "money differs"),
        Wrong("export too dear", {"earned_per_kw": times(2)}, "money differs", fields=_SELLS),
        Wrong("shares forgotten", {"wanted_kwh": zero}, "further from a share"),
        Wrong("penalty too low", {"penalty": times(0.5)}, "penalty differs", fields={"supply_share_min": 1.0}),
        Wrong(
            "the year's shortfall charged again",
            {"charged_before": zero},
            "penalty differs",
            fields={"to_date_available_kwh": 1e4},
        ),
    ],
    "grid_connection": [
        Wrong("import limit too high", {"import_kw": times(1.1)}, "import above", fields={"import_kw": 50.0}),
        Wrong("export limit too high", {"export_kw": times(1.1)}, "export above"),
        Wrong("price of import", {"import_per_kw": times(1.1)}, "money differs"),
        Wrong("price of export", {"export_per_kw": times(1.1)}, "money differs"),
        Wrong("demand price", {"demand_price": times(2)}, "money differs"),
        Wrong("peak already paid forgotten", {"paid_peak_kw": zero}, "money differs"),
        Wrong("peak counted in no step", {"mask_0": zero}, "billed peak"),
        Wrong("less than was sold", {"awarded_least_kw": plus(-200)}, "net import below what was sold", template=3),
        Wrong("more than was sold", {"awarded_most_kw": plus(200)}, "net import above what was sold", template=3),
        Wrong("export limit of some hours", {"export_kw": times(1.5)}, "export above", template=3),
        Wrong("blocks too large", {"import_size_kwh": times(2)}, "money differs", template=3),
        Wrong("price of blocks", {"import_block_price": times(0.5)}, "money differs", template=3),
        Wrong("some energy in no block", {"import_weight_h_0": times(0.5)}, "money differs", template=3),
        Wrong("some exports in no block", {"export_weight_h_0": times(0.5)}, "money differs", template=3),
        Wrong("threshold of the rebate", {"rebate_need_kwh": times(0.01)}, "money differs", template=3),
        Wrong("rebate too large", {"rebate_price": times(2)}, "money differs", template=3, fields=_HIGH_USE),
        Wrong("rebate saved before", {"rebate_saved": times(2)}, "money differs", template=3, fields=_HIGH_USE),
        Wrong(
            "take or pay forgotten",
            {"green_0_size_kwh": zero, "green_0_weight_h_0": zero},
            "money differs",
            template=3,
            fields={"month_to_date_kwh": {"ppa": 150.0}},
        ),
        Wrong("more green than agreed", {"green_1_most_kw": plus(9)}, "more green power than agreed", template=3),
        Wrong("green share too high", {"green_0_share_max": plus(0.2)}, "more green", template=3, fields=_GREEN_WINS),
        Wrong("green share too low", {"green_0_share_min": zero}, "less green power", template=3, fields=_GREEN_DEAR),
        Wrong("green counted as clean", {"green_1_clean": times(1.2)}, "unclean_kw differs", template=3),
        Wrong("energy replaced", {"green_1_saved_per_kw": times(2)}, "money differs", template=3),
        Wrong("reduction paid", {"response_paid": times(2)}, "money differs", template=3),
        Wrong("reduction forfeited", {"response_forfeit_per_kw": zero}, "money differs", template=3),
        Wrong("baseline too high", {"response_target_kw": plus(1000)}, "money differs", template=3),
        Wrong("carbon", {"carbon_kg_per_kw": times(1.1)}, "carbon differs"),
    ],
    "load": [
        Wrong("part of the demand forgotten", {"demand_kw": times(0.9)}, "differ from demand"),
        Wrong("lost load too cheap", {"shed_per_kw": times(0.0001)}, "penalty differs"),
    ],
    "pv": _GENERATOR,
    "reserve_product": [
        Wrong("offer too large", {"most_kw": plus(9)}, "more than its offer"),
        Wrong("price too high", {"price_per_kw": times(2)}, "money differs"),
        Wrong("penalty too low", {"penalty_per_kw": zero}, "money differs", fields={"held_kw": 500.0}),
        Wrong("blocks forgotten", {"goes_on": zero}, "changes within a block"),
        Wrong(
            "sold before forgotten",
            {"begun": zero, "begun_kw": zero, "most_kw": plus(15)},
            "differs from what was sold before",
        ),
    ],
    "reserve": [
        Wrong("part of the requirement forgotten", {"required_kw": times(0.5)}, "reserve_up_kw differs"),
        Wrong("the same, downwards", {"required_kw": times(0.5)}, "reserve_down_kw differs", template=1),
        Wrong("shortfall too cheap", {"short_per_kw": times(0.5)}, "penalty differs"),
    ],
    "supercapacitor": [*WRONG_STORE, *WRONG_STORE_BY_FILL, *_HOLDING],
    "thermal": [
        Wrong("minimum too low", {"min_kw": times(0.5)}, "below minimum", template=1, fields={"min_kw": 35.0}),
        Wrong(
            "maximum too high",
            {"range_kw": plus(20), "stop_cut_kw": plus(20), "ramp_up_kw": plus(40)},
            "above maximum",
            fields=_CHEAP,
        ),
        Wrong(
            "start-up limit",
            {"start_cut_kw": times(0.5), "start_cut_short_kw": times(0.5), "ramp_start_kw": plus(20)},
            "rises faster",
            fields=_CHEAP,
        ),
        Wrong("ramp up", {"ramp_up_kw": plus(10), "ramp_start_kw": plus(-10)}, "rises faster", fields=_CHEAP),
        Wrong(
            "ramp down",
            {"ramp_down_kw": plus(20), "ramp_stop_kw": plus(-20), "first_ramp_down_kw": plus(20)},
            "falls faster",
            template=1,
        ),
        Wrong(
            "shut-down limit",
            {"stop_cut_kw": zero, "stop_cut_short_kw": zero, "ramp_stop_kw": plus(60)},
            "falls faster",
        ),
        Wrong(
            "state before", {"was_on": zero, "must_on": zero, "above_before_kw": zero}, "minimum up time", template=1
        ),
        Wrong("running cost", {"cost_per_kw": times(0.5)}, "money differs"),
        Wrong("cost of starts", {"start_cost": times(0.5)}, "money differs"),
        Wrong("carbon", {"co2_per_kw": times(0.5)}, "carbon differs"),
        Wrong("counted as clean", {"unclean": zero}, "unclean_kw differs"),
        Wrong("time off before", {"must_off": zero}, "minimum down time", template=2, fields=_CHEAP),
    ],
    "thermal_store": [*WRONG_STORE, *WRONG_STORE_BY_FILL],
    "wind": _GENERATOR,
}
for _kind, _cases in by_family("mistakes", "WRONG").items():
    WRONG[_kind] = [*WRONG.get(_kind, []), *_cases]


@contextmanager
def altered(cls: type[Asset], changes: Mapping[str, Change]) -> Iterator[None]:
    """The kind's coefficients with changes, for as long as the context lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for source in ("ratings", "signals"):
            original = getattr(cls, source)

            def wrong(_: type, *args: Any, original: Callable[..., dict[str, Array]] = original) -> dict[str, Array]:
                return {name: changes.get(name, lambda x: x)(value) for name, value in original(*args).items()}

            patch.setattr(cls, source, classmethod(wrong))
        yield


def built(kind: str, case: Wrong, changes: Mapping[str, Change]) -> Problem:
    template = templates.of(kind)[case.template]
    with altered(templates.cls_of(kind), changes):
        return template.problem(template.asset | dict(case.fields or {}))


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_kind_has_wrong_parts_that_are_tried(kind: str) -> None:
    assert WRONG.get(kind), f"kind '{kind}' has no entry in WRONG of {__name__}: alter each of its coefficients once"


CASES = [(kind, case) for kind, cases in WRONG.items() for case in cases]


@pytest.mark.parametrize(("kind", "case"), CASES, ids=lambda x: getattr(x, "name", x))
def test_a_wrong_part_is_found_by_the_audit(kind: str, case: Wrong) -> None:
    template = templates.of(kind)[case.template]
    problem = template.problem(template.asset | dict(case.fields or {}))
    assert audit(solve(problem)).passed, "without the mistake the plan must pass"
    names = {name.split(":")[1] for owner, name in _coefficients(problem, kind)}
    assert set(case.coefficients) <= names, "the case alters coefficients that do not exist"
    findings = [v.what for v in audit(solve(built(kind, case, case.coefficients))).violations]
    assert [f for f in findings if case.finding in f], f"the audit only says {findings}"


def _coefficients(problem: Problem, kind: str) -> Iterator[tuple[str, str]]:
    rows = problem.rows[kind]
    cls = type(rows.members[0])
    for source, values in (
        ("rating", cls.ratings(rows, problem.horizon)),
        ("signal", cls.signals(rows, problem.inputs)),
    ):
        yield from ((kind, f"{source}:{name}") for name in values)
