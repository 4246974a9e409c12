"""The ledgers of a plan as the report shows them: meters and methods in one table, intensities by the hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dispatch.carbon.ledger import Content, Ledger, Ledgers, Meter
from dispatch.carbon.marginal_ledger import SIDES
from dispatch.carbon.on_network import OTHERS
from dispatch.report.data import Answer, Cell, Line, Picture, Table
from dispatch.report.wording import energy, mass
from dispatch.tables import rounded

_MOST_LINES = 6
_ORDER = ("load", "product", "export", "others", "loss", "standby", "store", "residual")
# Hues of carriers, by the kind of plant that has them elsewhere on the page.
_HUES = {"electricity": "wind", "heat": "heat pump", "steam": "thermal unit", "cold": "chiller", "hydrogen": "hydrogen"}
_HUES |= {"ammonia": "vehicles", "methanol": "load", "compressed_air": "storage", "gas": "grid", "fuel": "grid"}
_SMALL = 1e-6
_KG_PER_KWH = "kg CO₂/kWh"
_NOTE = (
    "A dash: the method does not count at this meter. A store counts what its content gains. A method that conserves "
    "leaves nothing over; marginal rates price one kWh more or less and do not add up to what was emitted."
)
_FEEDER = (
    " On the network's flows the park shares what comes from upstream with other customers, and what these feed in "
    "counts as free of carbon."
)
_ONE_KWH = "Marginal is the mean of one kWh less and one kWh more, which differ where plant is just full or just empty."
_HELD = (
    "What stores held at the start is taken to be as clean as what charges them in the plan; where nothing does, as "
    "the mean of all that the park is supplied with."
)


def carbon_answers(ledgers: Ledgers) -> Iterator[Answer]:
    """Which ledger says what, meters side by side, and intensities by the hour; nothing where nothing is emitted."""
    if not any(np.abs(one.emitted_kg).sum() > _SMALL for one in ledgers):
        return
    whole = Ledgers(tuple(one for one in ledgers if one.name not in SIDES))
    tables, without = (_questions(whole), _totals(whole)), _left_out(ledgers)
    yield Answer("Ledgers: which question each answers", (), tables=tables, note=without)
    meters = _meters(ledgers)
    feeder = _FEEDER if any(meter.role == "others" and meter.name == OTHERS for meter in meters) else ""
    yield Answer("Carbon by meter", (), tables=(_masses(whole, meters),), note=_NOTE + feeder)
    yield Answer("Intensity by meter", (), tables=(_intensities(ledgers, meters),), note=_ONE_KWH)
    followed = next((one for one in ledgers if one.buses), None)
    if followed is not None:
        yield _by_hour(followed)


def _questions(ledgers: Ledgers) -> Table:
    return Table(("Ledger", "Question"), tuple((one.name, one.question) for one in ledgers))


def _left_out(ledgers: Ledgers) -> str:
    return " ".join(f"Left out, {method}: {why}." for method, why in ledgers.left_out.items())


def _totals(ledgers: Ledgers) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for one in ledgers:
        emitted, counted = float(one.emitted_kg.sum()), float(one.carbon_kg.sum())
        rows.append((one.name, emitted, counted, _left(emitted - counted, emitted)))
    return Table(("Ledger", "Emitted [kg]", "On meters [kg]", "Left over [kg]"), tuple(rows))


def _left(value: float, whole: float) -> float:
    """Rounding is nothing."""
    return 0.0 if abs(value) <= 1e-9 * max(abs(whole), 1.0) else value


def _meters(ledgers: Ledgers) -> list[Meter]:
    """Of all ledgers, each once: first what carbon is for, then what is lost and held."""
    found: dict[str, Meter] = {}
    for one in ledgers:
        for meter, used, carbon in zip(one.meters, one.energy_kwh, one.carbon_kg, strict=True):
            if max(np.abs(used).max(), np.abs(carbon).max()) > _SMALL:
                found.setdefault(meter.name, meter)
    return sorted(found.values(), key=lambda meter: _ORDER.index(meter.role))


def _sums(ledger: Ledger) -> dict[str, tuple[float, float]]:
    """By meter, energy and carbon of the whole time."""
    sums = zip(ledger.energy_kwh.sum(axis=1), ledger.carbon_kg.sum(axis=1), strict=True)
    return {m.name: (_told(e), _told(c)) for m, (e, c) in zip(ledger.meters, sums, strict=True)}


def _told(value: float) -> float:
    """Without what is rounding."""
    return round(float(value), 4) + 0.0


def _masses(ledgers: Ledgers, meters: Sequence[Meter]) -> Table:
    sums = [_sums(one) for one in ledgers]
    rows: list[tuple[Cell, ...]] = []
    for meter in meters:
        used = next(one[meter.name][0] for one in sums if meter.name in one)
        rows.append(
            (meter.name, meter.role, meter.carrier, used, *(one.get(meter.name, (0.0, None))[1] for one in sums))
        )
    heads = ("Meter", "Role", "Carrier", "Energy [kWh]", *(f"{one.name} [kg]" for one in ledgers))
    return Table(heads, tuple(rows))


def _intensities(ledgers: Ledgers, meters: Sequence[Meter]) -> Table:
    """Of meters at which energy is used; a store's gain and a loss's have no price that anybody pays."""
    sums = [_sums(one) for one in ledgers]
    rows: list[tuple[Cell, ...]] = []
    for meter in meters:
        if meter.role in ("load", "product", "export", "others"):
            found = [one.get(meter.name, (0.0, 0.0)) for one in sums]
            shown = [carbon / used if abs(used) > _SMALL else None for used, carbon in found]
            if any(value is not None for value in shown):
                rows.append((meter.name, *shown))
    return Table(("Meter", *(f"{one.name} [{_KG_PER_KWH}]" for one in ledgers)), tuple(rows))


def _by_hour(ledger: Ledger) -> Answer:
    """Carriers as they leave their busiest buses, and stores as they are after each step."""
    pictures = []
    carriers = tuple(
        Line(f"{carrier}, {bus}", rounded(ledger.buses[bus]), _HUES.get(carrier, ""), _KG_PER_KWH)
        for carrier, bus in _busiest(ledger)
    )
    if carriers:
        about = "Carbon that a kWh brings which leaves the bus, by the hour."
        pictures.append(Picture("Intensity by carrier", about, (), lines=carriers))
    full = {name: one for name, one in ledger.stores.items() if one.energy_kwh.max(initial=0.0) > _SMALL}
    largest = sorted(full, key=lambda name: -float(full[name].energy_kwh.max()))[:_MOST_LINES]
    carrier = {meter.name: meter.carrier for meter in ledger.meters}
    stores = tuple(
        Line(f"in {name}", rounded(full[name].kg_per_kwh[1:]), _HUES.get(carrier.get(name, ""), ""), _KG_PER_KWH)
        for name in full
        if name in largest
    )
    if stores:
        about = "Carbon of a kWh of content after each step. " + _HELD
        pictures.append(Picture("Intensity of what stores hold", about, (), lines=stores))
    facts = tuple((f"held in {name}", _held(one)) for name, one in full.items())
    return Answer("Intensity by the hour", facts, tuple(pictures), note=f"{ledger.name}: {ledger.question}")


def _held(content: Content) -> str:
    """At both ends."""
    first, last = ((mass(content.carbon_kg[k]), energy(content.energy_kwh[k])) for k in (0, -1))
    return f"{first[0]} in {first[1]} at the start, {last[0]} in {last[1]} at the end"


def _busiest(ledger: Ledger) -> list[tuple[str, str]]:
    """A bus of each carrier, the one at which most is counted."""
    carriers: dict[str, dict[str, float]] = {}
    for meter, used in zip(ledger.meters, ledger.energy_kwh, strict=True):
        if meter.bus in ledger.buses and meter.carrier != "co2":
            sizes = carriers.setdefault(meter.carrier, {})
            sizes[meter.bus] = sizes.get(meter.bus, 0.0) + float(np.abs(used).sum())
    chosen = {carrier: max(sizes, key=lambda bus: sizes[bus]) for carrier, sizes in carriers.items()}
    return list(chosen.items())[:_MOST_LINES]
