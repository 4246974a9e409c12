"""A shipped park on its embedded day, planned on what really came: no forecast, so that a test takes seconds."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from benchmarks.cases.known_days import known_day
from benchmarks.rows import CannotMeasure
from dispatch.presentation.page import report_data
from dispatch.report import render
from tests.unit.dispatch.planned import planned

if TYPE_CHECKING:
    from dispatch.plan import Plan
    from dispatch.report.data import Answer, ReportData


@cache
def plan_of(name: str) -> Plan:
    try:
        site, inputs = known_day(name)
    except CannotMeasure as reason:
        pytest.skip(str(reason))
    return planned(site, inputs)


@cache
def report_of(name: str) -> ReportData:
    return report_data(plan_of(name))


@cache
def page_of(name: str) -> str:
    return render(report_of(name))


def require_sound(name: str) -> None:
    """Near the optimum, audited, every demand served."""
    plan = plan_of(name)
    assert plan.schedule.proof.quality == "optimal"
    assert plan.audit.violations == ()
    assert plan.audit.checked > 1000
    for solved in plan.schedule.kinds.values():
        for series in ("shed_kw", "unserved_kw"):
            if series in solved.series:
                assert solved.series[series].max() < 1e-3


def answer(name: str, title: str) -> Answer:
    (found,) = [one for one in report_of(name).answers if one.title.startswith(title)]
    return found
