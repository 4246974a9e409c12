"""Sites out of one template: the same numbers as each site's own problem, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.topics.fleet.sites import fleet_sites, horizon
from dispatch.errors import ContractError, DataError, NotATemplateError
from dispatch.fleet.joined import Joined
from dispatch.fleet.members import Member, references, structure_of
from dispatch.fleet.parameters import Parameters
from dispatch.fleet.rowwise import row_by_row
from dispatch.fleet.template import Template
from dispatch.problem import Problem
from dispatch.solver.highs import continuous
from tests.parks import given, grid, hours, load, park, tariff
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.assets.templates import ALL_KINDS
from tests.unit.dispatch.fleet.alike import differing, same

# Ratings of these cannot be parameters: the product with another parameter is not DPP. Their sites are planned one by
# one. By kind, which of its templates.
NO_TEMPLATE = {("battery", 2), ("supercapacitor", 2), ("supercapacitor", 5), ("supercapacitor", 6)}
NO_TEMPLATE |= {("swap_station", 0), ("swap_station", 1)}


def _cases() -> list[object]:
    """The first park of each kind; all others are slow."""
    every = [(kind, n) for kind in ALL_KINDS for n in range(len(templates.of(kind)))]
    return [
        pytest.param(k, n, marks=[] if n == 0 else [pytest.mark.slow]) for k, n in every if (k, n) not in NO_TEMPLATE
    ]


@pytest.mark.parametrize(("kind", "number"), _cases())
def test_a_stack_has_the_numbers_of_each_sites_own_problem(kind: str, number: int) -> None:
    case = templates.of(kind)[number]
    members = differing(case)
    template = Template(members[0], case.horizon)
    stack = template.stack(members)
    assert [same(template.single(m), stack.matrices(n)) for n, m in enumerate(members)] == [[]] * len(members)


@pytest.mark.parametrize(("kind", "number"), sorted(NO_TEMPLATE))
def test_what_has_no_template_says_so(kind: str, number: int) -> None:
    case = templates.of(kind)[number]
    with pytest.raises(NotATemplateError, match=r"(?s)no problem serves several sites of its structure.*not .*DPP"):
        Template(differing(case)[0], case.horizon)


def test_rows_taken_out_leave_the_optimum_and_their_duals_come_back() -> None:
    members = fleet_sites(3, steps=24)
    template = Template(members[0], horizon(24), ())
    member = members[2]
    alone = continuous(Problem(member.site, member.inputs(horizon(24))).compiled.matrices())
    small = template.single(member)
    full = template.problem.compiled.matrices()
    assert small.rows.shape[0] < 0.85 * full.rows.shape[0]
    found = continuous(small)
    assert found.objective == pytest.approx(alone.objective, rel=1e-9)
    reduced = small.cost - small.rows.T @ found.row_dual
    duals = template.reduction.duals(small, found.x, found.row_dual, reduced)
    left = full.cost - full.rows.T @ duals
    inside = (found.x > full.col_lower + 1e-6) & (found.x < full.col_upper - 1e-6)
    assert np.abs(left[inside]).max() < 1e-7, "no reduced cost is left to columns that no bound holds"
    # The dual objective of the whole problem is its optimum: every row that was taken out has its own price.
    bounds = np.where(left > 0, full.col_lower, full.col_upper)
    value = full.row_upper @ duals + full.offset + np.sum(left[np.abs(left) > 1e-9] * bounds[np.abs(left) > 1e-9])
    assert value == pytest.approx(alone.objective, rel=1e-7)


def test_quantities_are_what_the_site_does_and_a_price_on_them_is_paid() -> None:
    members, day = fleet_sites(2, steps=56), horizon(56)
    template = Template(members[0], day, ("net_import_kw", "import_kw", "export_kw", "co2_kg"))
    matrices = template.stack(members).matrices(1)
    found = continuous(matrices)
    assert template.at["net_import_kw"].shape == (56,)
    assert template.at["co2_kg"].shape == (1,)
    net, bought, sold = (found.x[template.at[name]] for name in ("net_import_kw", "import_kw", "export_kw"))
    assert net == pytest.approx(bought - sold, abs=1e-6)
    template.problem.update(members[1].inputs(day), site=members[1].site)
    template.problem.take(found.x)
    flows = template.problem.parts["grid_connection"].series
    assert net == pytest.approx((flows["import_kw"].value - flows["export_kw"].value)[0], abs=1e-6)
    assert found.x[template.at["co2_kg"]] == pytest.approx(template.problem.total.co2_kg.value, abs=1e-6)
    cost = matrices.cost.copy()
    cost[template.at["co2_kg"]] += 5.0
    dearer = continuous(type(matrices)(cost, *[getattr(matrices, n) for n in _REST]))
    assert dearer.x[template.at["co2_kg"]][0] < found.x[template.at["co2_kg"]][0] - 1


_REST = ("offset", "rows", "row_lower", "row_upper", "col_lower", "col_upper", "integer")


def test_an_unknown_quantity_is_refused_with_those_there_are() -> None:
    with pytest.raises(DataError, match=r"'heat_kw' is not known; accepted: net_import_kw, import_kw"):
        Template(fleet_sites(1, steps=4)[0], horizon(4), ("heat_kw",))


def test_one_may_add_a_quantity_of_ones_own() -> None:
    member = fleet_sites(1, steps=4)[0]
    template = Template(member, horizon(4), ("used_kw",), measures={"used_kw": lambda a: a.total("supply_kw")})
    used = continuous(template.single(member)).x[template.at["used_kw"]]
    assert used == pytest.approx(
        member.series["load", "demand_kw"][0] - member.series["pv", "available_kw"][0], abs=300
    )


def test_parts_and_blocks_of_a_stack_are_its_sites() -> None:
    members, day = fleet_sites(7, steps=12), horizon(12)
    template = Template(members[0], day)
    whole = template.stack(members)
    joined = [Joined.of(part, day) for part in (members[:3], members[3:])]
    parts = [Parameters.of(template.problem, one, template.row_by_row) for one in joined]
    blocks = template._stack(Parameters.together(parts), members)
    some = whole.part(np.array([5, 1]))
    assert some.names == ("site_00005", "site_00001")
    assert len(whole.part(slice(2, 4))) == 2
    for n, other, k in [(5, some, 0), (1, some, 1), *((n, blocks, n) for n in range(7))]:
        assert same(whole.matrices(n), other.matrices(k)) == []
    for n in range(7):
        one = whole.matrices(n)
        assert np.array_equal(one.cost, whole.cost[n])
        assert one.offset == whole.offset[n]
        assert np.array_equal(one.col_lower, whole.lower[n])
        assert np.array_equal(one.col_upper, whole.upper[n])
        assert np.array_equal(one.row_upper, whole.row_upper[n])


def test_only_what_differs_between_sites_is_held_for_each() -> None:
    members = fleet_sites(40)
    stack = Template(members[0], horizon()).stack(members)
    size = sum(table.values.size for table in (stack.coefficient, stack.limit, stack.costs)) / 40
    assert size < 0.1 * stack.matrices(0).rows.nnz


def test_a_site_of_another_structure_and_one_that_lacks_a_series_are_named() -> None:
    members, day = fleet_sites(3, steps=4), horizon(4)
    template = Template(members[0], day)
    bare = Member(members[1].site, {("load", "demand_kw"): np.ones((1, 4))})
    with pytest.raises(DataError, match=r"'site_00001/pv' needs a series 'available_kw'"):
        template.stack([members[0], bare])
    other = fleet_sites(1, genset=False, steps=4)[0]
    with pytest.raises(ContractError, match="'site_00000' has another structure"):
        template.stack([members[1], other])


def test_structures_are_told_apart_by_plant_and_by_what_is_wanted() -> None:
    sites = [
        park(load(), grid(), name="one"),
        park(load(), grid(import_kw=5, tariff=tariff(0.4)), name="two"),
        park(load(), grid(tariff=tariff(0.4, demand=3.0)), name="three"),
        park(load(), grid(), name="four", wishes=[{"clean_share_min": 0.5}]),
        park(load(), grid(), name="five", objective={"carbon_price_per_t": 50}),
    ]
    assert [structure_of(s) == structure_of(sites[0]) for s in sites] == [True, True, False, False, False]
    members = [Member(site, {}) for site in sites]
    assert [m.name for m in references(members)] == ["one", "three", "four", "five"]


def test_a_kind_that_sorts_by_segment_is_asked_site_by_site() -> None:
    case = templates.of("pem_electrolyser")[0]
    kinds = row_by_row(differing(case)[0], case.horizon)
    assert "grid_connection" in kinds
    assert "pem_electrolyser" not in kinds


def test_equal_tariffs_are_compiled_once_and_nobody_may_change_the_prices() -> None:
    day = hours(4)
    sites = [park(load(), grid(tariff=tariff(0.3)), name=f"s{n}") for n in range(2)]
    one, two = (given(site, day, {}).series["pcc", "import_price_per_kwh"] for site in sites)
    assert np.shares_memory(one, two)
    with pytest.raises(ValueError, match="read-only"):
        one[0, 0] = 1.0
