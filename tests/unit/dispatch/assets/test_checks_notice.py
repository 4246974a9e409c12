"""Every limit that a kind's ``check`` names is broken once, and ``check`` must report it. Holds for all kinds."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from dispatch.asset import Asset
from dispatch.audit import audit
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.solve import solve
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.assets.mistakes import STORE, STORE_BY_FILL, Mistake, at, by_family, pattern, plus
from tests.unit.dispatch.assets.templates import ALL_KINDS

_WORN = [
    Mistake("segments do not share the store's flows", "segment_1_in_kwh", plus(0.1)),
    Mistake("segment differs from its flows", "segment_2_kwh", plus(0.1)),
    Mistake("segment outside its size", "segment_1_kwh", plus(40.0)),
]
_HOLDING = [
    Mistake("negative reserve", "less_charge_kw", plus(-0.1), template=2),
    Mistake("reserve up has no energy behind it", "more_discharge_kw", plus(30.0), template=2),
    Mistake("reserve up has no power behind it", "more_discharge_kw", plus(60.0), template=2),
    Mistake("reserve down has no energy behind it", "more_charge_kw", plus(60.0), template=2),
    Mistake("reserve down has no power behind it", "more_charge_kw", plus(60.0), template=2),
]
_GENERATOR = [
    Mistake("generates more than is available", "power_kw", at(0, 5.1)),
    Mistake("negative generation", "power_kw", at(0, -0.1)),
]


MISTAKES: dict[str, list[Mistake]] = {
    "battery": [*STORE, *STORE_BY_FILL, *_WORN, *_HOLDING],
    "cable": [
        Mistake("flow above rating", "outward_kw", at(0, 50.1)),
        Mistake("flow above rating", "inward_kw", at(0, 99.0)),
    ],
    "direct_line": [
        Mistake("delivers more than is available", "own_use_kw", plus(20.0)),
        Mistake("exports more than its connection takes", "sold_kw", at(7, 40.1)),
        Mistake("negative delivery", "own_use_kw", at(0, -0.1)),
        Mistake("further from a share than stated", "short_kwh", plus(-1.0)),
    ],
    "grid_connection": [
        Mistake("import above its limit", "import_kw", at(1, 65.1)),
        Mistake("export above its limit", "export_kw", at(3, 30.1)),
        Mistake("negative exchange", "import_kw", at(0, -0.1)),
        Mistake("imports and exports at once", "export_kw", at(0, 0.1)),
        Mistake("billed peak below the highest import", "peak_kw", plus(-0.1)),
        Mistake("export above its limit", "export_kw", at(3, 20.1), template=3),
        Mistake("delivers more green power than agreed", "green_1_kw", at(0, 25.1), template=3),
        Mistake("delivers less green power than agreed", "green_0_kw", at(0, 0.0), template=3),
        Mistake("net import below what was sold", "import_kw", plus(-1.0), template=3),
        Mistake("net import above what was sold", "import_kw", plus(1.0), template=3),
        Mistake("more green power than import", "green_0_kw", plus(30.0), template=3),
    ],
    "load": [
        Mistake("served and shed differ from demand", "served_kw", plus(0.1)),
        Mistake("sheds more than its demand", "shed_kw", at(0, 30.1)),
        Mistake("negative shedding", "shed_kw", at(0, -0.1)),
    ],
    "pv": _GENERATOR,
    "reserve_product": [
        Mistake("negative sale", "sold_kw", at(5, -0.1)),
        Mistake("negative shortfall", "sold_short_kw", at(0, -0.1)),
        Mistake("shortfall above what is sold", "sold_short_kw", at(0, 30.0)),
        Mistake("sells more than its offer", "sold_kw", plus(30.0)),
        Mistake("changes within a block", "sold_kw", at(4, 1.0)),
        Mistake("differs from what was sold before", "sold_kw", at(0, 3.0)),
    ],
    "reserve": [
        Mistake("negative shortfall of reserve", "reserve_short_kw", at(0, -0.1)),
        Mistake("shortfall above the requirement", "reserve_short_kw", at(0, 60.1)),
    ],
    "supercapacitor": [*STORE, *STORE_BY_FILL, *_HOLDING],
    "thermal": [
        Mistake("too high to stop next", "power_kw", plus(20.0), template=7),
        Mistake("negative reserve", "reserve_up_kw", plus(-90.0), template=4),
        Mistake("reserve without spinning reserve", "reserve_up_kw", plus(1.0), template=5),
        Mistake("reserve above its own limit", "reserve_up_kw", plus(6.1), template=9),
        Mistake("reserve above what its ramp reaches in time", "reserve_down_kw", plus(90.0), template=9),
        Mistake("off although it must run", "on", plus(-1.0), template=4),
        Mistake("output above maximum", "power_kw", plus(80.1)),
        Mistake("output below minimum", "power_kw", plus(-81.0)),
        Mistake("on/off is not 0 or 1", "on", plus(0.1)),
        Mistake("rises faster than it can", "power_kw", at(4, 80.0)),
        Mistake("falls faster than it can", "power_kw", at(5, 20.0)),
        Mistake("start not counted", "start", lambda values: 0 * values),
        Mistake("minimum up time", "on", pattern(0, 0, 0, 0, 1, 0, 0, 0)),
        Mistake("minimum down time", "on", pattern(1, 1, 1, 1, 0, 1, 1, 1)),
        Mistake("minimum up time", "on", pattern(1, 0, 0, 0, 0, 0, 0, 0), template=1),
        Mistake("minimum down time", "on", pattern(1, 1, 1, 1, 1, 1, 1, 1), template=2),
    ],
    "thermal_store": [*STORE, *STORE_BY_FILL],
    "wind": _GENERATOR,
}


FAMILIES: dict[str, list[Mistake]] = by_family("mistakes", "MISTAKES")


def of(kind: str) -> list[Mistake]:
    found = [*MISTAKES.get(kind, []), *FAMILIES.get(kind, [])]
    assert found, f"kind '{kind}' has no entry in MISTAKES of {__name__}: break each limit of its check once"
    return found


@cache
def solved(kind: str, number: int) -> Schedule:
    return solve(templates.of(kind)[number].problem())


def told(kind: str, schedule: Schedule, **altered: Array) -> list[str]:
    found = schedule.kinds[kind]
    cls = type(found.rows.members[0])
    return [v.what for v in cls.check(found.rows, schedule.inputs, {**found.series, **altered})]


def named(cls: type[Asset]) -> set[str]:
    """The texts of all limits in the source of a kind's check and of the checks in other modules that it calls."""
    own = [vars(base)["check"].__func__ for base in cls.__mro__ if "check" in vars(base) and base is not Asset]
    return set().union(*(_named(check) for check in own))


def _named(check: Callable[..., object]) -> set[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(check)))
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    texts = [c.args[1] for c in calls if getattr(c.func, "id", "") == "breaches"]
    found = {text.value for text in texts if isinstance(text, ast.Constant)}
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "check" and isinstance(call.func.value, ast.Name):
            module = vars(inspect.getmodule(check)).get(call.func.value.id)
            found |= _named(module.check) if inspect.ismodule(module) else set()
    return found


@pytest.mark.parametrize(("kind", "number"), [(k, i) for k in ALL_KINDS for i in range(len(templates.of(k)))])
def test_the_solved_template_is_in_use_and_passes(kind: str, number: int) -> None:
    schedule = solved(kind, number)
    assert audit(schedule).violations == ()
    found = schedule.kinds[kind]
    moved = sum(np.abs(power).sum() for power in (*found.power_kw.values(), found.reserve_up_kw, found.reserve_down_kw))
    asked = type(found.rows.members[0]).account(found.rows, schedule.inputs, found.series).survival
    moved += 0.0 if asked is None else asked.need_kw.sum()
    assert moved > 1, "a template whose asset stands still proves nothing"


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_each_limit_that_a_check_names_has_a_mistake_that_breaks_it(kind: str) -> None:
    assert named(templates.cls_of(kind)) - {m.what for m in of(kind)} == set()


@pytest.mark.parametrize(
    ("kind", "mistake"), [(k, m) for k in ALL_KINDS for m in of(k)], ids=lambda x: getattr(x, "what", x)
)
def test_a_broken_limit_is_reported(kind: str, mistake: Mistake) -> None:
    schedule = solved(kind, mistake.template)
    series = schedule.kinds[kind].series[mistake.series]
    assert mistake.what not in told(kind, schedule)
    assert mistake.what in told(kind, schedule, **{mistake.series: mistake.alter(series)})


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_missing_number_is_never_passed(kind: str) -> None:
    for name, number in {(m.series, m.template) for m in of(kind)}:
        schedule = solved(kind, number)
        hole = schedule.kinds[kind].series[name].copy()
        hole[0, 0] = np.nan
        assert told(kind, schedule, **{name: hole}), f"{name} holds a NaN and nobody says so"
