"""A shipped park on a measured day, with all that came known."""

from __future__ import annotations

from datetime import date

import pytest

from dispatch.asset import Inputs
from dispatch.config.park import CONFIGS, load_site
from dispatch.plan import Plan
from dispatch.planning.outlook import known_inputs
from dispatch.problem import Problem
from dispatch.report.data import Cell, ReportData
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits
from dispatch.sources import gather
from forecasting import embedded
from tests.unit.dispatch.planned import planned

needs_profiles = pytest.mark.skipif(not embedded.is_installed(), reason="the optional package simbench is absent")


def known_day(name: str, day: date, step_minutes: float = 60.0) -> tuple[Site, Inputs]:
    """One local day of a park, in steps of its own."""
    site = load_site(name)
    horizon = Horizon.local_day(day, site.time_zone, step_minutes)
    came = gather(site, horizon, CONFIGS / "parks", with_network=False).actual
    return site, known_inputs(site, horizon, {a.name: need for a in site.assets for need in a.needs}, dict(came))


def planned_day(site: Site, inputs: Inputs) -> Plan:
    """A plan proved as near as the park's file asks for."""
    schedule = solve(Problem(site, inputs), Limits(gap=site.planning.gap))
    return planned(site, inputs, schedule=schedule)


def rows(data: ReportData, title: str, table: int = 0) -> dict[str, tuple[Cell, ...]]:
    """Rows of a table of the answer with this title, by their first cell."""
    (answer,) = [answer for answer in data.answers if answer.title == title]
    return {str(row[0]): row[1:] for row in answer.tables[table].rows}
