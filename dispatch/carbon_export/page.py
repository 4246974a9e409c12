"""A period's account as one page: ledgers side by side, months, hours of the day, goods, certificates, sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dispatch.carbon.goods import Good, lines, periods
from dispatch.carbon.ledger import Ledger, Ledgers
from dispatch.carbon.market import Market
from dispatch.carbon_export import About, certificate_balances
from dispatch.report.colours import assign
from dispatch.report.data import Table
from dispatch.report.drawings import Curve, Drawing, Stack, bars, curves
from dispatch.report.study import Section, StudyPage, render_study
from dispatch.report.wording import adaptive, number
from dispatch.signals import Array

_MOST_BARS = 48
_LINES = ("#297fcc", "#ca4f32", "#2aa98b", "#7552ab", "#d9a514", "#495564")


def page(
    ledgers: Ledgers,
    about: About,
    market: Market | None = None,
    goods: Sequence[Good] = (),
    imbalance_kw: Mapping[str, Array] | None = None,
) -> str:
    """One self-contained HTML text; the same account gives the same bytes."""
    first = next(iter(ledgers))
    horizon = first.horizon
    sections = [
        _side_by_side(ledgers),
        *(_over_time(first) if first.meters else ()),
        *([_goods(goods, first)] if goods else ()),
        *([_certificates(market)] if market is not None and market.supplies else ()),
        *([_imbalance(imbalance_kw, first)] if imbalance_kw else ()),
        _rests_on(about),
    ]
    return render_study(
        StudyPage(
            title="parkwatt: carbon account",
            site=about.title or about.park,
            span=f"{horizon.local_start[0]:%Y-%m-%d} to {horizon.local_start[-1]:%Y-%m-%d}",
            settings=(f"{horizon.steps:,} steps", *(f"{name}: {said}" for name, said in about.settings.items())),
            figures=tuple(
                (one.name.capitalize(), number(float(one.carbon_kg.sum()) / 1000, 1), "t CO₂", _left(one))
                for one in ledgers
            ),
            sections=tuple(sections),
            notes=tuple(note[:1].upper() + note[1:] for note in about.notes),
        )
    )


def _left(ledger: Ledger) -> str:
    """What a ledger leaves over, in words."""
    emitted, left = float(ledger.emitted_kg.sum()), float(ledger.left_over_kg.sum())
    if abs(left) <= 1e-9 * max(abs(emitted), float(np.abs(ledger.carbon_kg).sum())):
        return "all of what it distributes"
    return f"{number(left / 1000, 1)} t of {number(emitted / 1000, 1)} t stay over: it does not add up"


def meters_of(ledgers: Iterable[Ledger]) -> list[tuple[str, str, str]]:
    """(name, role, carrier) of every meter of any of the ledgers, in order."""
    return list(dict.fromkeys((m.name, m.role, m.carrier) for ledger in ledgers for m in ledger.meters))


def _side_by_side(ledgers: Ledgers) -> Section:
    head = ("Meter", "What it is", "Carrier", "MWh", *(f"{one.name} [t]" for one in ledgers))
    rows = []
    for name, role, carrier in meters_of(ledgers):
        cells: list[float | str | None] = []
        energy = None
        for one in ledgers:
            place = next((k for k, m in enumerate(one.meters) if (m.name, m.role) == (name, role)), None)
            cells.append(None if place is None else float(one.carbon_kg[place].sum()) / 1000)
            energy = float(one.energy_kwh[place].sum()) / 1000 if energy is None and place is not None else energy
        rows.append((name, role, carrier, energy, *cells))
    total = [float(one.carbon_kg.sum()) / 1000 for one in ledgers]
    over = [_negligible(float(one.left_over_kg.sum()) / 1000, sum(map(abs, total))) for one in ledgers]
    rows += [("all meters", "sum", "all", None, *total), ("on no meter", "left over", "all", None, *over)]
    asked = tuple((one.name, one.question) for one in ledgers)
    return Section(
        "Ledgers side by side", tables=(Table(head, tuple(rows)), Table(("Ledger", "Which question it answers"), asked))
    )


def _negligible(value: float, of: float) -> float:
    return 0.0 if abs(value) <= 1e-9 * of else value


def _over_time(ledger: Ledger) -> tuple[Section, ...]:
    """By month (or day of a short period), and the intensity of each bus through the day."""
    horizon = ledger.horizon
    by = "month" if len(periods(horizon, "day")) > _MOST_BARS else "day"
    named = periods(horizon, by)
    shown = [k for k, meter in enumerate(ledger.meters) if meter.role != "store" and ledger.carbon_kg[k].sum() > 0]
    colours = assign((ledger.meters[k].name, ledger.meters[k].kind) for k in shown)
    cuts = [first for _, first, _ in named]
    monthly = np.add.reduceat(ledger.carbon_kg, cuts, axis=1) / 1000
    drawing = bars(
        f"Carbon by {by}",
        f"{ledger.name}: which meter the carbon reached.",
        ("", "t CO₂"),
        [f"{horizon.local_start[first]:{'%b' if by == 'month' else '%d'}}" for _, first, _ in named],
        tuple(
            Stack(ledger.meters[k].name, colours[ledger.meters[k].name].light, tuple(np.maximum(monthly[k], 0.0)))
            for k in shown
        ),
    )
    return (Section("When it came", plots=(drawing, _through_the_day(ledger))),)


def _through_the_day(ledger: Ledger) -> Drawing:
    """Mean intensity of each bus by the hour of the local clock, as its mean over steps in which something left it."""
    hour = np.array([start.hour for start in ledger.horizon.local_start])
    made = []
    for place, (bus, values) in enumerate(ledger.buses.items()):
        known = np.isfinite(values)
        count = np.bincount(hour[known], minlength=24)
        total = np.bincount(hour[known], weights=values[known], minlength=24)
        mean = np.divide(total, count, out=np.full(24, np.nan), where=count > 0)
        if known.any():
            x = tuple(float(h) for h in range(24))
            made.append(Curve(bus, _LINES[place % len(_LINES)], x, tuple(mean.tolist()), place >= len(_LINES)))
    return curves(
        "Intensity through the day",
        f"{ledger.name}: mean of what leaves each bus, by the hour of the local clock.",
        ("hour", "kg CO₂ per kWh"),
        made,
    )


def _goods(found: Sequence[Good], ledger: Ledger) -> Section:
    head = (
        "Good",
        "Ledger",
        "Delivered",
        "Per unit",
        *(f"{part} [each]" for part in ("Direct", "Indirect", "Scope 1", "Scope 2")),
        "Electricity",
    )
    rows = []
    for good in found:
        for line in lines(good, periods(ledger.horizon, "all")):
            mass = line.unit == "t"
            # A tonne has tonnes of carbon, a kWh has kilograms.
            per = 1000.0 if mass else 1.0
            parts = (line.direct_kg, line.indirect_kg, line.scope_1_kg, line.scope_2_kg)
            each = [value / line.amount / per if line.amount > 0 else None for value in parts]
            rows.append(
                (
                    good.name, line.ledger, f"{number(line.amount, 1)} {line.unit}",
                    f"{adaptive(line.per_unit_kg / per)} {'t/t' if mass else 'kg/kWh'}", *each,
                    f"{adaptive(line.electricity_kwh / line.amount)} kWh/{line.unit}" if line.amount > 0 else "",
                )
            )  # fmt: skip
    return Section("Goods", tables=(Table(head, tuple(rows)),))


def _certificates(market: Market) -> Section:
    names = ("opening", "issued", "bought", "used", "sold", "retired", "closing")
    rows = tuple(
        (
            f"{row['supply']}, by the {row['matching']}{' (claimed)' if row['matching'] == market.claim else ''}",
            *(row[f"{name}_kwh"] / 1000 for name in names),
            f"{row['residual_kwh']:g}",
        )
        for row in certificate_balances(market)
    )
    head = ("Certificates [MWh]", *(name.capitalize() for name in names), "Left unexplained")
    return Section("Certificates", tables=(Table(head, rows),))


def _imbalance(imbalance_kw: Mapping[str, Array], ledger: Ledger) -> Section:
    hours = ledger.horizon.hours
    rows = []
    for bus, left in imbalance_kw.items():
        step = int(np.argmax(np.abs(left)))
        rows.append(
            (
                bus, _negligible(float(np.maximum(left, 0.0) @ hours), 1e6),
                _negligible(float(np.maximum(-left, 0.0) @ hours), 1e6), _negligible(float(np.abs(left[step])), 1e3),
                f"{ledger.horizon.local_start[step]:%Y-%m-%d %H:%M}",
            )
        )  # fmt: skip
    head = ("Bus", "Given and taken by no meter [kWh]", "Taken and given by no meter [kWh]", "Largest [kW]", "at")
    return Section("What the meters do not agree on", tables=(Table(head, tuple(rows)),))


def _rests_on(about: About) -> Section:
    rows = tuple((f"{name} factor", said) for name, said in about.factors.items())
    rows += tuple((name, f"SHA-256 {value[:16]}…") for name, value in sorted(about.hashes.items())[:12])
    return Section("What it rests on", tables=(Table(("What", "Where from"), rows),))
