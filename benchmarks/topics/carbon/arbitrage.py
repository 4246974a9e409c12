"""Carbon-blind storage arbitrage: the same park planned for money alone and with a price of carbon."""

from __future__ import annotations

from benchmarks.cases import blind_arbitrage as case
from benchmarks.rows import Measured, row

PRICE_PER_T = 500.0


def kg(*, store: bool = True, price_per_t: float = 0.0) -> float:
    """Emissions of the day."""
    return float(case.planned(store=store, price_per_t=price_per_t).co2_kg[0])


def money(*, store: bool = True, price_per_t: float = 0.0) -> float:
    """What the day costs, carbon left out."""
    return float(case.planned(store=store, price_per_t=price_per_t).money[0])


@row("carbon", name="store planned for money alone: emissions, against without a store", unit="kg", bar="> 12680")
def blind_emissions() -> Measured:
    """Coal of the night in the place of gas of the day, and what the store loses."""
    return Measured(kg(), kg(store=False))


@row("carbon", name="store planned for money alone: cost of the day, against without a store", unit="CNY", bar="< 4800")
def blind_cost() -> Measured:
    """It pays, which is why it is done."""
    return Measured(money(), money(store=False))


@row(
    "carbon",
    name=f"the same with {PRICE_PER_T:g} per t: emissions, against planned for money alone",
    unit="kg",
    bar="< 12680",
)
def seeing_emissions() -> Measured:
    """Below those without a store, too."""
    return Measured(kg(price_per_t=PRICE_PER_T), kg())


@row(
    "carbon",
    name=f"the same with {PRICE_PER_T:g} per t: cost of the day, against planned for money alone",
    unit="CNY",
    bar="> 4800",
)
def seeing_cost() -> Measured:
    """What is paid for it, without the price itself."""
    return Measured(money(price_per_t=PRICE_PER_T), money())


@row(
    "carbon",
    name=f"a store at {PRICE_PER_T:g} per t: emissions, against the same price without a store",
    unit="kg",
    bar="< 7840",
)
def store_helps() -> Measured:
    """Once carbon has its price, the store is no harm any more."""
    return Measured(kg(price_per_t=PRICE_PER_T), kg(store=False, price_per_t=PRICE_PER_T))


@row("carbon", name="money per tonne that the price saves, against the price", unit="CNY/t", bar="<= 500")
def per_tonne() -> Measured:
    """No plan pays more for a tonne than the price that it is told."""
    saved_t = (kg() - kg(price_per_t=PRICE_PER_T)) / 1000
    return Measured((money(price_per_t=PRICE_PER_T) - money()) / saved_t, PRICE_PER_T)
