"""Tables and the page of a fleet's flexibility; the same data give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dispatch.fleet.flexing.sites import Disaggregated, FleetFlexibility, SiteFlexibility, evening
from dispatch.flexibility.offers import Flexibility, Way
from dispatch.report.data import Section, Table
from dispatch.report.drawings import Area, Curve, Drawing, curves
from dispatch.report.study import StudyPage, render_study
from dispatch.signals import Array, Horizon
from dispatch.tables import rounded, write

if TYPE_CHECKING:
    import pyarrow as pa

_GREY, _UP, _DOWN, _PLAN = "#76828e", "#2aa98b", "#297fcc", "#ca4f32"
_FAN = (0.25, 0.5, 1.0)
_SHOWN = 40
_NAMED, _FEW_KW = 8, 1.0  # sites that a note names, and what is not worth one


def envelope_table(found: FleetFlexibility) -> pa.Table:
    """A row per site and step: site, start, hours, least_kw, most_kw, least_kwh, most_kwh, plan_kw, tight, from."""
    import pyarrow as pa

    band, steps = found.rows, found.horizon.steps
    plan = np.stack([one.plan_kw for one in found.sites])
    return pa.table({
        "site": np.repeat(np.array(band.names), steps),
        "start": pa.array(np.tile(found.horizon.edges[:-1], len(band.names)), pa.timestamp("s", tz="UTC")),
        "hours": np.tile(found.horizon.hours, len(band.names)),
        **{f: getattr(band, f).ravel() for f in ("least_kw", "most_kw", "least_kwh", "most_kwh")},
        "plan_kw": plan.ravel(),
        "tight": np.repeat(band.tight, steps),
        "from": np.repeat(np.array([one.how for one in found.sites]), steps),
    })  # fmt: skip


def devices_table(found: FleetFlexibility) -> pa.Table:
    """A row per device and step, of sites that are all devices: site, device, limits of power and content, rates."""
    import pyarrow as pa

    names = ("least_kw", "most_kw", "least_kwh", "most_kwh", "gain", "drain")
    known = [one for one in found.sites if one.devices.whole]
    count, steps = sum(len(one.devices.devices.names) for one in known), found.horizon.steps
    sites = [one.site.name for one in known for _ in one.devices.devices.names]
    own = [name for one in known for name in one.devices.devices.names]
    empty = np.zeros((0, steps))
    return pa.table({
        "site": pa.array(np.repeat(np.array(sites, object), steps), pa.string()),
        "device": pa.array(np.repeat(np.array(own, object), steps), pa.string()),
        "start": pa.array(np.tile(found.horizon.edges[:-1], count), pa.timestamp("s", tz="UTC")),
        **{n: np.concatenate([empty, *(getattr(o.devices.devices, n) for o in known)]).ravel() for n in names},
    })  # fmt: skip


def offers_table(found: FleetFlexibility) -> pa.Table:
    """What ``parkwatt fleet bid`` reads: site, start, way, block, kw, cost_per_kwh; blocks with a width only."""
    import pyarrow as pa

    rows: dict[str, list[object]] = {n: [] for n in ("site", "start", "way", "block", "kw", "cost_per_kwh")}
    for one in found.sites:
        for way, block, step, width, cost in _blocks(one):
            values = (one.site.name, found.horizon.edges[step], way, block, width, cost)
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    types = {
        "start": pa.timestamp("s", tz="UTC"),
        "block": pa.int32(),
        "kw": pa.float64(),
        "cost_per_kwh": pa.float64(),
    }
    return pa.table({
        name: pa.array(np.array(values, "datetime64[s]") if name == "start" else values, types.get(name, pa.string()))
        for name, values in rows.items()
    })  # fmt: skip


def _blocks(one: SiteFlexibility) -> Iterator[tuple[Way, int, int, float, float]]:
    if one.offers is None:
        return
    ways: tuple[Way, ...] = ("up", "down")
    for way in ways:
        width, cost = getattr(one.offers, f"{way}_kw"), getattr(one.offers, f"{way}_cost_per_kwh")
        for step in range(width.shape[1]):
            for place, block in enumerate(np.flatnonzero(width[:, step] > 0)):
                yield way, place, step, float(width[block, step]), float(cost[block, step])


def page(found: FleetFlexibility) -> str:
    """Figures, the fan of up and down by hour, the energy band, and a row per site."""
    band, horizon = found.rows.together(), found.horizon
    up, down = band.beside(found.plan_kw)
    hour = int((up[0] + down[0]).argmax())
    figures = (
        (
            "Most up at once",
            f"{up.max():,.0f}",
            "kW",
            f"less drawn or more fed in, at {_clock(horizon, int(up.argmax()))}",
        ),
        ("Most down at once", f"{down.max():,.0f}", "kW", f"more drawn, at {_clock(horizon, int(down.argmax()))}"),
        ("Widest hour", f"{(up + down)[0, hour]:,.0f}", "kW", f"up and down together, at {_clock(horizon, hour)}"),
        ("Sites", f"{len(found.sites)}", "", f"{sum(one.devices.whole for one in found.sites)} in closed form"),
    )
    plots = [_power(found), _energy(found)]
    offers = found.offers
    if offers is not None:
        plots += [_costs(offers, horizon, way, found.currency) for way in ("up", "down")]
        plots.append(_rebound(found))
    sections = (Section("At the connections", plots=tuple(plots)), _table(found))
    return render_study(StudyPage(
        title="parkwatt: flexibility of a fleet", site=f"{len(found.sites)} sites",
        span=f"{horizon.local_start[0]:%Y-%m-%d} to {horizon.local_end[-1]:%Y-%m-%d}",
        settings=(f"{horizon.steps} steps", horizon.time_zone), figures=figures, sections=sections,
        notes=tuple(_notes(found)),
    ))  # fmt: skip


def _clock(horizon: Horizon, step: int) -> str:
    return f"{horizon.local_start[step]:%H:%M}"


def _stairs(horizon: Horizon, values: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means of steps as a line with corners."""
    edges = horizon.edge_h
    return rounded(np.repeat(edges, 2)[1:-1]), rounded(np.repeat(values, 2))


def _power(found: FleetFlexibility) -> Drawing:
    band, horizon, plan = found.rows.together(), found.horizon, found.plan_kw
    x, middle = _stairs(horizon, plan)
    areas = [Area(_GREY, x, _stairs(horizon, band.least_kw[0])[1], _stairs(horizon, band.most_kw[0])[1], 0.16)]
    offers = found.offers
    about = "The grey band is what is possible in each step by itself, an outer bound for all steps together"
    if offers is not None:
        about += "; the inner ones are the cheapest quarter, half and all of what is offered"
        for share in reversed(_FAN):
            low = plan - share * offers.most_kw("up")
            high = plan + share * offers.most_kw("down")
            areas.append(Area(_UP, x, _stairs(horizon, low)[1], middle, 0.2))
            areas.append(Area(_DOWN, x, middle, _stairs(horizon, high)[1], 0.2))
    lines = [
        Curve("plan", _PLAN, x, middle),
        Curve("up: less drawn", _UP, (), ()),
        Curve("down: more drawn", _DOWN, (), ()),
        Curve("possible", _GREY, (), ()),
    ]
    return curves("Net draw, hour by hour", f"{about}.", ("hour", "kW"), lines, areas=areas)


def _energy(found: FleetFlexibility) -> Drawing:
    band, horizon = found.rows.together(), found.horizon
    x = rounded(horizon.edge_h)
    plan = np.cumsum(found.plan_kw * horizon.hours)
    low, high = (rounded(np.append(0.0, row[0] - plan)) for row in (band.least_kwh, band.most_kwh))
    lines = [Curve("plan", _PLAN, x, rounded(np.zeros(plan.size + 1))), Curve("possible", _GREY, (), ())]
    about = "Energy drawn since the start beside the plan's: the least and the most that is possible by each hour."
    return curves("Energy band around the plan", about, ("hour", "kWh"), lines, areas=[Area(_GREY, x, low, high, 0.25)])


def _costs(offers: Flexibility, horizon: Horizon, way: Way, currency: str) -> Drawing:
    """Price over power for the hours in which least, a middling amount and most is offered."""
    most = offers.most_kw(way)
    order = np.argsort(most, kind="stable")
    hours = sorted({int(order[place]) for place in (0, order.size // 2, order.size - 1)})
    lines = []
    for step, colour in zip(hours, (_UP, _DOWN, _PLAN), strict=False):
        width, cost = getattr(offers, f"{way}_kw")[:, step], getattr(offers, f"{way}_cost_per_kwh")[:, step]
        there = width > 0
        ends = np.append(0.0, np.cumsum(width[there]))
        if there.any():
            x, y = rounded(np.repeat(ends, 2)[1:-1]), rounded(np.repeat(cost[there], 2))
            lines.append(Curve(f"{_clock(horizon, step)}", colour, x, y))
    about = f"What each further kW costs in one hour, the rest of the day being free to answer. {offers.about}."
    return curves(f"Price of {way}", about, ("kW", f"{currency}/kWh"), lines)


def _rebound(found: FleetFlexibility) -> Drawing:
    """What the rest of the day does when one hour is called."""
    horizon, change = found.horizon, found.answer_kw
    x, y = _stairs(horizon, change)
    zero = rounded(np.zeros(len(x)))
    step = evening(horizon)
    asked, back = -float(change[step] * horizon.hours[step]), float(np.delete(change * horizon.hours, step).sum())
    about = (
        f"Each site's cheapest block up is called at {_clock(horizon, step)}: {asked:,.1f} kWh less then, and "
        f"{back:,.1f} kWh more in the rest of the day, where it costs least."
    )
    line = Curve("change of net draw", _UP, x, y)
    return curves("What a call brings back", about, ("hour", "kW"), [line], areas=[Area(_UP, x, y, zero, 0.2)])


def _table(found: FleetFlexibility) -> Section:
    head = ("Site", "From", "Most up [kW]", "Most down [kW]", "Energy band at the end [kWh]", "Without closed form")
    rows = []
    for one in found.sites[:_SHOWN]:
        up, down = one.envelope.beside(one.plan_kw)
        width = one.envelope.most_kwh[0, -1] - one.envelope.least_kwh[0, -1]
        other = ", ".join(one.devices.others[:3])
        rows.append((one.site.name, one.how, f"{up.max():,.1f}", f"{down.max():,.1f}", f"{width:,.1f}", other))
    note = f"The first {_SHOWN} of {len(found.sites)} sites." if len(found.sites) > _SHOWN else ""
    return Section("Sites", tables=(Table(head, tuple(rows)),), note=note)


def unpriced(found: FleetFlexibility) -> tuple[str, ...]:
    """What sites with units can give beyond their blocks, which keep units on or off as planned: a sentence a way."""
    made: list[str] = []
    for way in ("up", "down"):
        beyond: dict[str, float] = {}
        for one in found.sites:
            if one.offers is not None and one.devices.others:
                there = one.envelope.beside(one.plan_kw)[way == "down"]
                beyond[one.site.name] = float((there - one.offers.most_kw(way)).max())
        named = [f"'{name}' {kw:,.0f} kW" for name, kw in beyond.items() if kw > _FEW_KW]
        if named:
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            made.append(
                f"Units stay on or off as planned in the priced blocks. Beyond them sites can go {way} by at most: "
                f"{', '.join(named[:_NAMED])}{more}. What that costs is not priced; bid for it by periods of your own."
            )
    return tuple(made)


def _notes(found: FleetFlexibility) -> Iterator[str]:
    yield from unpriced(found)
    yield (
        "Bands are outer bounds: each number can be reached by itself where a site is said to be tight, and a profile "
        "within the bands need not be possible. 'parkwatt fleet disaggregate' says whether one is, and who does what."
    )
    loose = [one.site.name for one in found.sites if not one.envelope.tight.all()]
    if loose:
        yield f"Not tight, for losses, limited connections or units that are on or off: {', '.join(loose[:8])}."
    yield (
        "Costs are those of each site's own problem solved again with one step moved, penalties of wishes included; "
        "two steps' blocks need not be possible together. Bands keep such wishes as the plan does (all load served, a "
        "store's level at the end, comfort); an offer may give one up at its price, and then lies beyond them."
    )


def write_all(found: FleetFlexibility, folder: Path) -> tuple[Path, ...]:
    """envelope.parquet, flexibility.parquet where there are costs, and flexibility.html."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "envelope.parquet"]
    write(envelope_table(found), files[0])
    if found.offers is not None:
        files.append(folder / "flexibility.parquet")
        write(offers_table(found), files[-1])
    files.append(folder / "flexibility.html")
    files[-1].write_text(page(found), encoding="utf-8")
    return tuple(files)


def sharing_table(made: Disaggregated, horizon: Horizon) -> pa.Table:
    """A row per site and step: site, start, kw (net draw)."""
    return _powers("site", made.names, made.net_kw, horizon)


def _powers(what: str, names: tuple[str, ...], power_kw: Array, horizon: Horizon) -> pa.Table:
    import pyarrow as pa

    start = pa.array(np.tile(horizon.edges[:-1], len(names)), pa.timestamp("s", tz="UTC"))
    return pa.table({what: np.repeat(np.array(names), horizon.steps), "start": start, "kw": power_kw.ravel()})


def write_sharing(made: Disaggregated, horizon: Horizon, folder: Path) -> tuple[Path, ...]:
    """sites.parquet (site, start, kw) and, where sites are devices alone, devices.parquet (device, start, kw)."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"sites": sharing_table(made, horizon)}
    if made.devices:
        names, powers = zip(*made.devices, strict=True)
        tables["devices"] = _powers("device", names, np.stack(powers), horizon)
    files = []
    for what, table in tables.items():
        files.append(folder / f"{what}.parquet")
        write(table, files[-1])
    return tuple(files)
