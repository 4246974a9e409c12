"""What a plan makes of hydrogen and what a kg of it bears, and which level of heat feeds which."""

from __future__ import annotations

from collections.abc import Iterator

from dispatch.accounts.cascade import Link, levels, links
from dispatch.accounts.products import Made, products
from dispatch.plan import Plan
from dispatch.report.data import Answer, Cell, Table

_PRODUCTS = (
    "What a kg bears: the electricity, money and carbon that its making drew, and what tanks and compressors cost; "
    "what is made of hydrogen bears the mean of all hydrogen of the plan. CO₂ is that of fuels and imports on this "
    "path, without what building the plant emitted. The levelised cost (of hydrogen: LCOH) adds a year's annuity of "
    "the plant, and says what a kg costs if all days were like these; a dash: no plant says what it cost."
)
_CASCADE = (
    "From the hottest level down. What a plant takes is all it drew from its source, so engines, which make "
    "electricity too, take more than they give; heat pumps take only their electricity."
)


def products_made(plan: Plan) -> Iterator[Answer]:
    """Hydrogen, ammonia and methanol, where the plan makes any."""
    made = products(plan.site, plan.schedule)
    if made:
        money = plan.site.currency
        heads = ("Made [kg]", "Made [t]", "Electricity [kWh/kg]", "CO₂ [t/t]", f"Running cost [{money}/kg]")
        table = Table(("Product", *heads, f"Levelised cost [{money}/kg]"), tuple(map(_product, made)))
        yield Answer("Products", (), note=_PRODUCTS, tables=(table,))


def heat_cascade(plan: Plan) -> Iterator[Answer]:
    """The levels of heat and cold and what joins them, where some plant passes from one to another."""
    found, between = levels(plan.site, plan.schedule), links(plan.site, plan.schedule)
    names = {level.bus for level in found}
    if not any(link.source in names and link.sink in names - {link.source} for link in between):
        return
    rows: list[tuple[Cell, ...]] = [
        (_level(plan, x.bus), x.supplied_kwh, x.from_above_kwh, x.stored_kwh, x.used_kwh, x.handed_on_kwh)
        for x in found
    ]
    flows = ("Supplied [kWh]", "Of that by other levels [kWh]", "To stores [kWh]", "Demand [kWh]", "Handed on [kWh]")
    joined = tuple(_link(plan, link) for link in between)
    tables = (
        Table(("Level", *flows), tuple(rows)),
        Table(("Plant", "From", "To", "Takes [kWh]", "Gives [kWh]"), joined),
    )
    yield Answer("Energy cascade: which level feeds which", (), note=_CASCADE, tables=tables)


def _product(made: Made) -> tuple[Cell, ...]:
    return (
        made.product,
        made.kg,
        made.kg / 1000,
        made.electricity_kwh_per_kg,
        made.co2_kg_per_kg,
        made.running_cost_per_kg,
        made.levelised_cost_per_kg,
    )


def _link(plan: Plan, link: Link) -> tuple[Cell, ...]:
    source = _level(plan, link.source) if link.source is not None else "outside"
    sink = _level(plan, link.sink) if link.sink is not None else "demand"
    stored = link.source is not None and link.source == link.sink
    ends = link.taken_kwh if link.source is not None else None, link.given_kwh if link.sink is not None else None
    return (link.plant, source, f"{sink}, back again" if stored else sink, *ends)


def _level(plan: Plan, name: str) -> str:
    """A bus with its temperature, where it has one."""
    bus = next(bus for bus in plan.site.buses if bus.name == name)
    return name if bus.temperature_degc is None else f"{name} ({bus.temperature_degc:g} °C)"
