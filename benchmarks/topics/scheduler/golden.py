"""Published answers, each met as exactly as it is published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.cases import published
from benchmarks.rows import Measured, Value, row
from dispatch.schedule import Schedule

PRODUCT = ("dispatch", "benchmarks/cases/published.py")


def _month_row(use_kwh: int, bill: float) -> Callable[[], Measured | Value]:
    @row("scheduler", name=f"T13, a month of {use_kwh / 1e6:g} GWh", unit="CNY", bar=f"== {bill:g}")
    def month() -> Measured:
        """The demand charge of 3600 kW at 5000 kVA, a tenth lower from 260 kWh/kVA on; to the cent."""
        published_bill = published.golden("carbon.json")["T13_tariff"]["month_kWh_bill"][str(use_kwh)]
        return Measured(round(published.month_bill(use_kwh), 2), published_bill)

    return month


MONTHS = [_month_row(1_200_000, 144_000), _month_row(1_300_000, 129_600), _month_row(1_500_000, 129_600)]


@row("scheduler", name="T17, a lossy store at negative prices", unit="USD", bar="== -156.1111")
def negative_prices() -> Measured:
    """What the store earns, to the published digits; its relaxation alone would promise 173."""
    return Measured(
        round(published.negative_prices(), 4), published.golden("carbon.json")["T17_relaxation_gap"]["milp"]
    )


@row(
    "scheduler", name="DER-VET, a year's bill without plant", unit="USD", bar="== 4889067.13", slow=True, inputs=PRODUCT
)
def bill_without_plant() -> Measured:
    """To the cent."""
    return Measured(round(float(published.year_bill(with_plant=False).money[0]), 2), 4_889_067.13)


@row(
    "scheduler",
    name="DER-VET, a year's bill with PV and battery",
    unit="USD",
    bar="== 4422052.13",
    slow=True,
    inputs=PRODUCT,
)
def bill_with_plant() -> Measured:
    """Energy, demand and their sum, to the cent; a wrong part is as wrong as a wrong sum."""
    schedule = published.year_bill(with_plant=True)
    connection = schedule.kinds["grid_connection"]
    parts = round(float(connection.cost_step.sum()), 2), round(float(connection.cost_period.sum()), 2)
    if parts != (3_772_156.48, 649_895.66):
        raise RuntimeError(f"energy and demand are {parts[0]} and {parts[1]}, published 3772156.48 and 649895.66")
    return Measured(round(float(schedule.money[0]), 2), 4_422_052.13)


def _units_row(name: str) -> Callable[[], Measured | Value]:
    @row("scheduler", name=f"PyPSA units, {name.replace('_', ' ')}", unit="MW", bar="<= 1e-6")
    def units() -> Measured:
        """The largest difference from the published dispatch; the reference is the energy served in MWh."""
        case, schedule = published.units(name)
        return Measured(dispatch_error(case["expect"], schedule), float(sum(case["load"])))

    return units


def dispatch_error(expected: dict[str, list[float]], schedule: Schedule) -> float:
    """(MW) largest difference of any unit in any hour."""
    apart = [np.abs(schedule.asset(unit, "power_kw") / 1e3 - np.array(mw)).max() for unit, mw in expected.items()]
    return float(max(apart))


UNITS = [_units_row(name) for name in published.UNIT_CASES if name != "start_up_cost"]


@row("scheduler", name="PyPSA units, start up cost", unit="money", bar="== 359000")
def start_up_cost() -> Measured:
    """The published objective, to a millionth."""
    case, schedule = published.units("start_up_cost")
    return Measured(round(float(schedule.money[0]), 6), case["expect_objective"])
