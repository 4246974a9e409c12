"""Fixed charges, least bills, taxes, peaks of days and years, and prices that change inside a month."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from dispatch.audit import audit
from dispatch.config.park import load_site
from dispatch.errors import ConfigError, DataError
from dispatch.solve import solve
from dispatch.tariff import Carried, Component
from dispatch.tariff.power_factor import adjustment
from tests.parks import battery, hours
from tests.unit.dispatch import small_park
from tests.unit.dispatch.tariff.billing import both, demand, energy, money_of, month, problem, tariff, terms, tier

TAX = {"name": "tax", "basis": "tax", "share": 0.1, "source": "test"}
DAILY = {"name": "daily", "basis": "demand", "price_per_kw_day": 2.0, "source": "test"}
YEARLY = {"name": "yearly", "basis": "demand", "price_per_kw_year": 120.0, "source": "test"}


def line(basis: str, **fields: Any) -> dict[str, Any]:
    return {"name": basis, "basis": basis, "source": "test"} | fields


def test_a_fixed_charge_is_for_whole_months_or_for_the_days_that_are_billed() -> None:
    june = month("2024-06-01T00:00", 30)
    assert money_of(tariff(line("fixed", price_per_month=250.0)), june, 10.0) == pytest.approx(250)
    assert money_of(tariff(line("fixed", price_per_day=3.0)), june, 10.0) == pytest.approx(30 * 3)
    assert money_of(tariff(line("fixed", price_per_day=3.0)), month("2024-06-10T00:00", 7), 10.0) == pytest.approx(21)
    from_16th = {"valid_from": "2024-06-16"}
    assert money_of(tariff(line("fixed", price_per_month=250.0, **from_16th)), june, 10.0) == pytest.approx(125)
    assert money_of(tariff(line("fixed", price_per_day=3.0, **from_16th)), june, 10.0) == pytest.approx(15 * 3)
    winter = line("fixed", price_per_month=250.0, calendar={"months": [1, 12]})
    assert money_of(tariff(winter), june, 10.0) == 0


def test_a_tariff_that_is_written_out_whole_is_read_again() -> None:
    made = tariff(line("fixed", price_per_month=1.0), line("minimum", price_per_month=5.0), energy(0.1), TAX, DAILY)
    assert type(made).model_validate(made.model_dump(mode="json")) == made


def test_a_month_costs_at_least_its_minimum_before_taxes() -> None:
    made = tariff(line("minimum", price_per_month=500.0), energy(0.1), TAX)
    # March: 744 h of 5 kW are 372; the minimum adds 128, and the tax is on 500. April: 720 h of 10 kW are 720.
    two_months = hours(24 * 61, "2024-03-01T00:00")
    use = np.where(np.arange(two_months.steps) < 744, 5.0, 10.0)
    lines = made.bill(two_months, use, np.zeros(two_months.steps))
    found = [(x.component, x.period, round(x.money, 6)) for x in lines]
    assert found == [
        ("minimum", "2024-03", 128.0),
        ("minimum", "2024-04", 0.0),
        ("energy", "2024-03", 372.0),
        ("energy", "2024-04", 720.0),
        ("tax", "2024-03", 50.0),
        ("tax", "2024-04", 72.0),
    ]
    for each in lines:
        assert each.money == pytest.approx(each.quantity * each.price)


def test_plans_do_not_count_on_a_least_bill() -> None:
    pcc = {"tariff": terms(energy(0.1), line("minimum", price_per_month=500.0), line("fixed", price_per_month=9.0))}
    for schedule in both(problem(pcc, load_kw=20.0)):
        assert schedule.money[0] == pytest.approx(0.1 * 80)


def test_a_tax_is_on_all_that_is_bought_or_on_what_it_names() -> None:
    sold = energy(0.05, name="feed-in", direction="export")
    parts = (energy(0.1), demand(5.0), tier((100.0, 0.2), (None, 0.3)), sold)
    # 20 kW for 4 h: energy 8, demand 100, blocks 16; 3 kW are sold.
    whole = tariff(*parts, TAX)
    assert money_of(whole, hours(4), 20.0, 3.0) == pytest.approx(1.1 * (8 + 100 + 16) - 0.6)
    named = tariff(*parts, TAX | {"of": ["demand", "feed-in"]})
    assert money_of(named, hours(4), 20.0, 3.0) == pytest.approx(8 + 1.1 * 100 + 16 - 1.1 * 0.6)
    two = tariff(*parts, TAX, TAX | {"name": "levy", "share": 0.2, "of": ["energy"]})
    assert money_of(two, hours(4), 20.0) == pytest.approx(1.3 * 8 + 1.1 * 116), "a tax is not on a tax"


@pytest.mark.parametrize("of", [(), ("energy",), ("demand", "mean"), ("blocks", "sold blocks")])
def test_the_plan_pays_taxes_and_the_audit_counts_them(of: tuple[str, ...]) -> None:
    event = {"start": "2024-03-01T01:00Z", "end": "2024-03-01T02:00Z"}
    mean = line("coincident", name="mean", price_per_kw_month=6.0, of_events="mean", events=[event])
    sold = tier((50.0, 0.4), (None, 0.1), name="sold blocks", direction="export")
    parts = (energy(0.1), demand(5.0), tier((100.0, 0.2), (None, 0.3)), mean, sold)
    share = {name: 1.1 if name in (of or ("energy", "demand", "mean", "blocks")) else 1.0 for name in
             ("energy", "demand", "mean", "blocks")}  # fmt: skip
    pcc = {"tariff": terms(*parts, TAX | {"of": list(of)}), "export_kw": 100.0}
    bought = share["energy"] * 12 + share["demand"] * 150 + share["mean"] * 180 + share["blocks"] * (20 + 6)
    for schedule in both(problem(pcc, load_kw=30.0)):
        assert schedule.money[0] == pytest.approx(bought)
    green = {"name": "wind", "price_per_kwh": 0.01, "replaces_energy_price": True, "max_kw": 10.0}
    plan = solve(problem(pcc | {"green_power": [green]}, battery(), load_kw=30.0))
    assert audit(plan).violations == ()


def test_the_peak_of_each_day_is_billed() -> None:
    # Three days with peaks of 40, 70 and 50 kW.
    use = np.full(72, 10.0)
    use[[5, 30, 60]] = 40.0, 70.0, 50.0
    lines = tariff(DAILY).bill(hours(72), use, np.zeros(72))
    assert [(x.period, x.quantity) for x in lines] == [("2024-03-01", 40), ("2024-03-02", 70), ("2024-03-03", 50)]
    for schedule in both(problem({"tariff": terms(DAILY)}, load_kw=use, steps=hours(72))):
        assert schedule.money[0] == pytest.approx(2 * (40 + 70 + 50))
    # 30 kW have been seen today before the horizon; what is expected of the month is of other days.
    carried = {"month_to_date_peak_kw": 30.0, "expected_peak_kw": 60.0}
    for schedule in both(problem({"tariff": terms(DAILY)} | carried, load_kw=use, steps=hours(72))):
        assert schedule.money[0] == pytest.approx(2 * (40 - 30 + 70 + 50))


def test_a_battery_lowers_the_peak_of_each_day() -> None:
    use = np.full(48, 10.0)
    use[[12, 36]] = 60.0, 40.0
    # 30 kWh that are there at the start, and next to no charging: 20 bring day one to the level of day two, 5 more on
    # each day lower both days and the month.
    store = battery(energy_kwh=30, charge_kw=0.001, discharge_efficiency=1.0, start_fill=1.0, end_penalty_per_kwh=0.0)
    plan = solve(problem({"tariff": terms(DAILY, demand(1.0))}, store, load_kw=use, steps=hours(48)))
    assert audit(plan).violations == ()
    assert plan.money[0] == pytest.approx(2 * (35 + 35) + 35, rel=2e-3)


def test_the_peak_of_the_calendar_year_is_billed_once() -> None:
    steps = hours(96, "2023-12-30T00:00")
    use = np.full(96, 10.0)
    use[[5, 80]] = 40.0, 70.0
    lines = tariff(YEARLY).bill(steps, use, np.zeros(96))
    assert [(x.period, x.quantity, x.money) for x in lines] == [("2023", 40, 4800), ("2024", 70, 8400)]
    pcc = {"tariff": terms(YEARLY), "month_to_date_peak_kw": 35.0}
    for schedule in both(problem(pcc, load_kw=use, steps=steps)):
        assert schedule.money[0] == pytest.approx(120 * (5 + 70))
    march = problem({"tariff": terms(YEARLY), "month_to_date_peak_kw": 35.0}, load_kw=40.0)
    for schedule in both(march):
        assert schedule.money[0] == pytest.approx(120 * 5)


def test_the_handover_keeps_the_peak_of_the_day_and_of_the_year() -> None:
    use = np.full(36, 10.0)
    use[[5, 30]] = 40.0, 25.0
    built = problem({"tariff": terms(DAILY, YEARLY, demand(1.0))}, load_kw=use, steps=hours(36, "2024-03-31T00:00"))
    plan = solve(built)
    kind = plan.kinds["grid_connection"]
    state = type(kind.rows.members[0]).carry(kind.rows, plan.inputs, kind.series, 36)["pcc"]
    assert state == pytest.approx({
        "month_to_date_peak_kw:daily": 25.0,
        "month_to_date_peak_kw:yearly": 40.0,
        "month_to_date_peak_kw:demand": 25.0,
    })  # fmt: skip
    midnight = type(kind.rows.members[0]).carry(kind.rows, plan.inputs, kind.series, 24)["pcc"]
    assert midnight["month_to_date_peak_kw:daily"] == 0.0, "another day begins"


@pytest.mark.parametrize("kind", [demand(10.0), DAILY, YEARLY])
def test_a_least_demand_is_billed_whatever_is_used(kind: dict[str, Any]) -> None:
    price = next(value for name, value in kind.items() if name.startswith("price"))
    made = kind | {"min_kw": 100.0}
    assert money_of(tariff(made), hours(4), 60.0) == pytest.approx(price * 100)
    assert money_of(tariff(made), hours(4), 160.0) == pytest.approx(price * 160)
    for use, more in ((60.0, 0.0), (160.0, 60.0)):
        for schedule in both(problem({"tariff": terms(made)}, load_kw=use)):
            assert schedule.money[0] == pytest.approx(price * more)


def test_demand_prices_that_change_inside_a_month_are_billed_by_days() -> None:
    winter = demand(10.0, name="winter", calendar={"seasons": ["10-01/06-14"]})
    summer = demand(20.0, name="summer", calendar={"seasons": ["06-15/09-30"]})
    june = month("2024-06-01T00:00", 30)
    made = tariff(winter, summer)
    assert money_of(made, june, 100.0) == pytest.approx(100 * (10 * 14 + 20 * 16) / 30)
    assert money_of(made, month("2024-07-01T00:00", 31), 100.0) == pytest.approx(2000)
    for schedule in both(
        problem({"tariff": terms(winter, summer)}, load_kw=100.0, steps=hours(48, "2024-06-14T00:00"))
    ):
        assert schedule.money[0] == pytest.approx(100 * (10 * 14 + 20 * 16) / 30)
    dated = (demand(10.0, name="old", valid_to="2024-06-14"), demand(20.0, name="new", valid_from="2024-06-15"))
    assert money_of(tariff(*dated), june, 100.0) == pytest.approx(100 * (10 * 14 + 20 * 16) / 30)
    for schedule in both(problem({"tariff": terms(*dated)}, load_kw=100.0, steps=hours(48, "2024-06-14T00:00"))):
        assert schedule.money[0] == pytest.approx(100 * (10 * 14 + 20 * 16) / 30)


def test_a_capacity_price_that_changes_inside_a_month_is_billed_by_days() -> None:
    old = line("capacity", name="old", price_per_kva_month=30.0, valid_to="2024-06-15")
    new = line("capacity", name="new", price_per_kva_month=33.0, valid_from="2024-06-16")
    june = month("2024-06-01T00:00", 30)
    assert money_of(tariff(old, new), june, 1.0, contracted_kva=100.0) == pytest.approx(3150)
    july = month("2024-07-01T00:00", 31)
    lines = tariff(old, new).bill(
        july, np.ones(july.steps), np.zeros(july.steps), carried=Carried(contracted_kva=100.0)
    )
    assert [(x.component, x.quantity, x.money) for x in lines] == [("old", 0, 0), ("new", 100, 3300)]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (line("fixed"), "'fixed' has one of price_per_month, price_per_day"),
        (line("fixed", price_per_month=1.0, price_per_day=1.0), "'fixed' has one of"),
        (line("demand"), "'demand' has one of price_per_kw_month, price_per_kw_day, price_per_kw_year"),
        (DAILY | {"price_per_kw_month": 1.0}, "'demand' has one of"),
        (DAILY | {"ratchet": {"fraction": 0.5}}, "a ratchet is of months"),
        (line("tax"), "'tax' has share"),
        (line("tax", share=0.1, min_kw=3.0), "'tax' has share and no min_kw"),
        (line("fixed", price_per_day=1.0, calendar={"hours": ["00:00-06:00"]}), "its calendar has no hours"),
        (line("minimum", price_per_month=1.0, valid_to="2024-01-01"), "it always applies"),
    ],
)
def test_a_line_that_means_nothing_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Component.model_validate(fields)


def test_a_tax_on_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"tax 'tax' is of 'enrgy', which is no other.*accepted: energy"):
        tariff(energy(0.1), TAX | {"of": ["enrgy"]})


def test_a_list_of_24_prices_is_one_for_each_local_hour() -> None:
    prices = [round(0.01 * hour, 2) for hour in range(24)]
    made = {"tariff": terms(energy(prices))}
    for schedule in both(problem(made, load_kw=10.0, steps=hours(48))):
        assert schedule.money[0] == pytest.approx(2 * 10 * 0.01 * sum(range(24)))
    for schedule in both(problem(made, load_kw=10.0, steps=hours(4, "2024-03-01T07:00", step_h=0.5))):
        assert schedule.money[0] == pytest.approx(10 * (0.07 + 0.08))
    # 31 March in Berlin has no hour from 02:00.
    spring = hours(4, "2024-03-31T00:00", "Europe/Berlin")
    assert tariff(energy(prices)).prices(spring)[0] == pytest.approx([0.01, 0.03, 0.04, 0.05])
    assert tariff(energy(prices)).model_dump()["components"][0]["price_per_kwh"] == {"hourly": tuple(prices)}
    with pytest.raises(DataError, match="price 'energy' of tariff 't' changes inside the step from 2024-03-01T00:00"):
        tariff(energy(prices)).prices(hours(2, step_h=2.0))


@pytest.mark.parametrize(
    ("prices", "text"),
    [
        ([0.1] * 23, r"24 hours of a day, from 00:00 on \(with 23 entries\)"),
        ([0.1] * 23 + ["x"], "with 'x' among them"),
    ],
)
def test_a_list_of_another_length_is_one_error(tmp_path: Path, prices: list[Any], text: str) -> None:
    content = small_park.park()
    content["assets"][2]["tariff"] = terms(energy(prices))
    with pytest.raises(ConfigError, match=text) as raised:
        load_site(small_park.write(tmp_path, content))
    assert [p.path for p in raised.value.problems] == ["assets[2].tariff.components[0].price_per_kwh"]
    content["assets"][2]["tariff"] = terms(energy([0.1] * 24))
    load_site(small_park.write(tmp_path, content))


@pytest.mark.parametrize(
    ("standard", "power_factor", "per_cent"),
    [
        (0.9, 0.90, 0), (0.9, 0.92, -0.30), (0.9, 0.95, -0.75), (0.9, 1.0, -0.75), (0.9, 0.89, 0.5),
        (0.9, 0.80, 5), (0.9, 0.70, 10), (0.9, 0.68, 12), (0.9, 0.65, 15), (0.9, 0.60, 25), (0.9, 0.895, 0),
        (0.85, 0.90, -0.50), (0.85, 0.92, -0.80), (0.85, 0.94, -1.10), (0.85, 0.99, -1.10), (0.85, 0.65, 10),
        (0.85, 0.60, 15), (0.8, 0.85, -0.5), (0.8, 0.91, -1.15), (0.8, 0.92, -1.3), (0.8, 0.60, 10), (0.8, 0.54, 17),
    ],
)  # fmt: skip
def test_the_table_of_the_rule_of_1983(standard: float, power_factor: float, per_cent: float) -> None:
    assert 100 * adjustment(power_factor, standard) == pytest.approx(per_cent)


def test_the_power_factor_adjusts_energy_demand_and_capacity() -> None:
    rule = line("power_factor", standard_power_factor=0.9)
    capacity = line("capacity", price_per_kva_month=30.0)
    made = tariff(energy(0.5), capacity, line("fixed", price_per_month=7.0), rule, TAX)
    # 10 kW for 744 h: 3720; 20 kVA: 600. 10 kW beside 10.2 kvar are a power factor of .70: 10 % more of 4320.
    march, known = month(), Carried(contracted_kva=20.0)
    use, nothing = np.full(march.steps, 10.0), np.zeros(march.steps)
    backwards = np.where(np.arange(march.steps) % 2, 10.2, -10.2)  # what flows back counts like what flows in
    for lines in (
        made.bill(march, use, nothing, import_kvar=backwards, carried=known),
        made.bill(march, use, nothing, power_factor=0.7, carried=known),
    ):
        money = {x.component: x.money for x in lines}
        assert money["power_factor"] == pytest.approx(0.10 * (3720 + 600))
        assert money["tax"] == pytest.approx(0.1 * (3720 + 600 + 432 + 7)), "a tax is on the adjustment too"
    named = tariff(energy(0.5), capacity, rule | {"of": ["energy"]})
    lines = named.bill(march, use, nothing, power_factor=0.95, carried=known)
    assert lines[-1].money == pytest.approx(-0.0075 * 3720)
    with pytest.raises(DataError, match="'power_factor' of tariff 't' needs the power factor, or reactive power"):
        made.bill(march, use, nothing, carried=known)
    with pytest.raises(DataError, match="Accepted: a number for each of the 744 steps"):
        made.bill(march, use, nothing, import_kvar=np.ones(3), carried=known)


def test_plans_do_not_count_on_the_power_factor() -> None:
    pcc = {"tariff": terms(energy(0.1), line("power_factor", standard_power_factor=0.85), TAX)}
    for schedule in both(problem(pcc, load_kw=20.0)):
        assert schedule.money[0] == pytest.approx(1.1 * 0.1 * 80)


def test_a_standard_that_the_rule_does_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"standard_power_factor is one of 0\.9, 0\.85, 0\.8"):
        Component.model_validate(line("power_factor", standard_power_factor=0.95))
