"""A front as files and pictures: a row per point in Parquet, CSV and JSON, a page, a section of the plan's report."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dispatch.front.points import HOW, Front, FrontPoint, Reference
from dispatch.front.risk import LEVEL, Missing
from dispatch.report.data import File, Section, Table
from dispatch.report.drawings import Curve, Drawing, Spot, places
from dispatch.report.study import StudyPage, render_study
from dispatch.report.wording import number, percent

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.signals import Horizon
    from dispatch.site import Site

_FRONT, _CHOSEN, _OTHER = "#297fcc", "#b45309", "#76828e"
_CENT = 0.01
_BESIDE = 0.5  # of the front's width and height, how far from it another point is still drawn
_NETWORK = (
    "What the AC power flow asked of the park's plan (limits of lines and voltages, losses) holds for every point; the "
    "power flow itself was run for the plan alone."
)
_UNITS = {
    "cap_t": "t CO2",
    "co2_t": "t CO2",
    "price_per_t": "{}/t CO2",
    "slope_to_cleaner_per_t": "{}/t CO2",
    "cost": "{}",
    "money": "{}",
    "penalty": "{}",
    "gap": "1",
    "missing_probability": "1",
    "missing_low": "1",
    "missing_high": "1",
}


def rows(front: Front, risk: Missing | None = None) -> list[dict[str, Any]]:
    """A row per point from the cheapest to the cleanest, then the chosen one, in which order ``risk`` has them too."""
    slopes = [*map(float, front.slope_per_t), math.nan, math.nan]
    found = []
    for place, point in enumerate((*front.points, front.chosen)):
        row: dict[str, Any] = {
            "point": "chosen" if place == len(front.points) else str(place + 1),
            "cap_t": round(point.cap_t, 9) if math.isfinite(point.cap_t) else None,
            "co2_t": round(point.co2_t, 9),
            "cost": round(point.cost, 6),
            "money": round(point.money, 6),
            "penalty": round(point.penalty, 6),
            "price_per_t": round(point.price_per_t, 6),
            "price_is": _price_is(point),
            "slope_to_cleaner_per_t": round(slopes[place], 6) if math.isfinite(slopes[place]) else None,
            "gap": round(point.gap, 12),
            "whole_numbers": HOW[point.how],
            "violations": len(point.audit.violations),
        }
        if risk is not None:
            for name, values in (("probability", risk.probability), ("low", risk.low), ("high", risk.high)):
                row[f"missing_{name}"] = round(float(values[place]), 6)
        found.append(row)
    return found


def _price_is(point: FrontPoint) -> str:
    if math.isinf(point.cap_t):
        return "no cap" if point.price_per_t == 0 else "the price it was chosen at"
    return "dual at settled whole numbers" if point.dual_at_whole else "dual of the cap"


def table(front: Front, risk: Missing | None = None) -> pa.Table:
    """The rows as an Arrow table, units in the fields' metadata."""
    import pyarrow as pa

    made = rows(front, risk)

    def field(name: str) -> pa.Field:
        if name in _UNITS:
            return pa.field(name, pa.float64(), metadata={"unit": _UNITS[name].format(front.currency)})
        return pa.field(name, pa.int64() if name == "violations" else pa.string())

    return pa.Table.from_pylist(made, schema=pa.schema([field(name) for name in made[0]]))


def summary(front: Front, risk: Missing | None = None) -> dict[str, Any]:
    """All of it as plain values."""
    out: dict[str, Any] = {
        "site": front.site,
        "currency": front.currency,
        "commitment": front.commitment,
        "chosen_by": front.why,
        "points": rows(front, risk),
        "references": [
            {"name": r.name, "co2_t": round(r.co2_t, 9), "cost": round(r.cost, 6)} for r in front.references
        ],
        "dominated": front.dominated,
    }
    if risk is not None:
        out["month"] = {
            "cap_t": risk.cap_t,
            "emitted_t": risk.emitted_t,
            "days_left": risk.days_left,
            "measured_days": risk.days,
            "confidence": LEVEL,
            "rest_t": dict(zip(("p05", "p50", "p95"), (round(float(v), 6) for v in risk.rest_t), strict=True)),
        }
    return out


def files(front: Front, risk: Missing | None = None) -> tuple[File, ...]:
    """front.parquet, front.csv and front.json; the same front gives the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table(front, risk), sink, compression="zstd")
    made = rows(front, risk)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(made[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(made)
    plain = json.dumps(summary(front, risk), indent=1, ensure_ascii=False) + "\n"
    return (
        File("front.parquet", "application/vnd.apache.parquet", sink.getvalue().to_pybytes()),
        File("front.csv", "text/csv", text.getvalue().encode()),
        File("front.json", "application/json", plain.encode()),
    )


def write_all(front: Front, site: Site, horizon: Horizon, folder: Path, risk: Missing | None = None) -> None:
    """The files and front.html in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files(front, risk):
        (folder / file.name).write_bytes(file.content)
    (folder / "front.html").write_text(page(front, site, horizon, risk), encoding="utf-8")


def section(front: Front, risk: Missing | None = None) -> Section:
    """Pictures, table and files, for this page and for the plan's report."""
    return Section(
        "What a tonne less costs",
        plots=(cost_picture(front), *price_picture(front)),
        tables=(Table(_head(front, risk), tuple(_cells(front, risk)), short=True),),
        note=" ".join(_notes(front)),
        files=files(front, risk),
    )


def cost_picture(front: Front) -> Drawing:
    """Cost against emissions, every point, the chosen one and other ways to run the day."""
    ends, chosen = (front.points[0], front.points[-1]), front.chosen
    about = (
        f"From {number(ends[0].co2_t, 2)} t at {number(ends[0].cost)} {front.currency} to "
        f"{number(ends[1].co2_t, 2)} t at {number(ends[1].cost)} {front.currency}; chosen by {front.why}: "
        f"{number(chosen.co2_t, 2)} t at {number(chosen.cost)} {front.currency}."
    )
    near = [one for one in front.references if _is_near(front, one)]
    if far := [one for one in front.references if not _is_near(front, one)]:
        about += " Not in the picture: " + "; ".join(f"{r.name}, {_at(front, r.co2_t, r.cost)}" for r in far) + "."
    line = Curve("least cost", _FRONT, tuple(p.co2_t for p in front.points), tuple(p.cost for p in front.points))
    spots = [
        *(Spot(p.co2_t, p.cost, _FRONT, _told(front, p)) for p in front.points),
        *(Spot(r.co2_t, r.cost, _OTHER, f"{r.name}: {_at(front, r.co2_t, r.cost)}", r.name) for r in near),
        Spot(chosen.co2_t, chosen.cost, _CHOSEN, _told(front, chosen), "chosen", 6.5),
    ]
    return places("Cost against emissions", about, ("t CO₂", front.currency), (line,), spots)


def _is_near(front: Front, one: Reference) -> bool:
    """Does it lie where it does not make the front itself small?"""
    cheap, clean = front.points[0], front.points[-1]
    up, across = _BESIDE * (clean.cost - cheap.cost), _BESIDE * (cheap.co2_t - clean.co2_t)
    inside = clean.co2_t - across <= one.co2_t <= cheap.co2_t + across
    return inside and cheap.cost - up <= one.cost <= clean.cost + up


def price_picture(front: Front) -> tuple[Drawing, ...]:
    """What a tonne less costs along the front; none where there is but one point."""
    points, slopes = front.points, front.slope_per_t
    if len(points) < 2:
        return ()
    x, y = [], []
    for place, slope in enumerate(slopes):
        x += [points[place].co2_t, points[place + 1].co2_t]
        y += [float(slope)] * 2
    about = (
        f"Each step is the slope between two points, from {number(float(slopes[0]), 1)} to "
        f"{number(float(slopes[-1]), 1)} {front.currency}/t; the scale is logarithmic."
    )
    curve = Curve("slope between points", _FRONT, tuple(x), tuple(y))
    spots = [
        *(Spot(p.co2_t, p.price_per_t, _FRONT, _told(front, p)) for p in points[1:] if p.price_per_t > 0),
        *(
            Spot(c.co2_t, c.price_per_t, _CHOSEN, _told(front, c), "chosen", 6.5)
            for c in [front.chosen]
            if c.price_per_t
        ),
    ]
    axes = ("t CO₂", f"{front.currency} per t CO₂")
    return (places("Price of the last tonne", about, axes, (curve,), spots, decades=True),)


def page(front: Front, site: Site, horizon: Horizon, risk: Missing | None = None) -> str:
    """The front as a page of its own."""
    chosen, cheapest = front.chosen, front.points[0]
    saved = cheapest.co2_t - chosen.co2_t
    figures = [
        ("Chosen plan", number(chosen.co2_t, 2), "t CO₂", f"by {front.why}"),
        ("Its cost", number(chosen.cost), front.currency, f"{number(chosen.cost - cheapest.cost)} above the cheapest"),
        ("Saved", number(saved, 2), "t CO₂", "against the cheapest plan"),
        (
            "Cleanest plan",
            number(front.points[-1].co2_t, 2),
            "t CO₂",
            f"at {number(front.points[-1].cost)} {front.currency}",
        ),
    ]
    if risk is not None:
        figures.append(_risk_figure(risk))
    sections = [section(front, risk)]
    network = (_NETWORK,) if site.grid is not None else ()
    return render_study(
        StudyPage(
            title="parkwatt: cost and CO₂",
            site=site.title or site.name,
            span=f"{horizon.local_start[0]:%Y-%m-%d}",
            settings=(f"{len(front.points)} points", f"commitment {front.commitment}", f"{horizon.steps} steps"),
            figures=tuple(figures),
            sections=tuple(sections),
            notes=(*(_risk_notes(risk) if risk is not None else ()), *network, *site.notes),
        )
    )


def _risk_figure(risk: Missing) -> tuple[str, str, str, str]:
    share = f"{percent(float(risk.low[-1]), 0)} to {percent(float(risk.high[-1]), 0)}"
    return (
        "The month misses its cap",
        percent(float(risk.probability[-1])),
        "",
        f"with the chosen plan; {LEVEL:.0%} confidence: {share}",
    )


def _risk_notes(risk: Missing) -> Iterator[str]:
    low, middle, high = (number(float(value), 1) for value in risk.rest_t)
    yield (
        f"The month's cap is {number(risk.cap_t, 1)} t, of which {number(risk.emitted_t, 1)} t were emitted before "
        f"this plan. The {risk.days_left} days after it emit {middle} t in the middle, {low} to {high} t in nine cases "
        f"of ten: sums of {risk.days} measured days, each planned by itself, drawn in runs of consecutive days. The "
        f"interval of {LEVEL:.0%} says how far the answer would move had other such days been measured; what has not "
        "happened in them it cannot know."
    )


def _head(front: Front, risk: Missing | None) -> tuple[str, ...]:
    money = front.currency
    head: tuple[str, ...] = ("Point", "t CO₂", f"Cost [{money}]")
    if _breaks(front):
        head += (f"Money [{money}]", f"Broken wishes [{money}]")
    head += (f"Last tonne [{money}/t]", f"To the next [{money}/t]", "Gap", "Whole numbers")
    return (*head, "Month missed") if risk is not None else head


def _breaks(front: Front) -> bool:
    """Is a wish broken anywhere, so that cost is more than money?"""
    return any(abs(point.penalty) > _CENT for point in front.points)


def tonne_decimals(front: Front) -> int:
    """Three, and more where the front is so short that its points would look the same."""
    spread = front.points[0].co2_t - front.points[-1].co2_t
    return 3 if spread <= 0 else max(3, min(6, 2 - math.floor(math.log10(spread))))


def _cells(front: Front, risk: Missing | None) -> Iterator[tuple[Any, ...]]:
    slopes = [*map(float, front.slope_per_t), None, None]
    for place, point in enumerate((*front.points, front.chosen)):
        name = "chosen" if place == len(front.points) else str(place + 1)
        slope = slopes[place]
        row: tuple[Any, ...] = (name, number(point.co2_t, tonne_decimals(front)), number(point.cost))
        if _breaks(front):
            row += (number(point.money), number(point.penalty))
        step = "" if slope is None else number(slope, 1)
        row += (number(point.price_per_t, 1), step, percent(point.gap, 3), HOW[point.how])
        yield (*row, percent(float(risk.probability[place]))) if risk is not None else row


def _notes(front: Front) -> Iterator[str]:
    yield (
        "Every point is a plan of its own that passes the audit: the least cost of all plans that emit no more, and "
        "that break the park's wishes no more than the cheapest plan does. Cost is money and the price of broken "
        "wishes, without a price of carbon; cost and carbon are means over the scenarios."
    )
    yield (
        "The price of the last tonne is the dual of the cap; where whole numbers (units on or off) had to be settled "
        "(as 'whole numbers' says), it is that of the linear program around them, and the slope to the next point says "
        "what the step costs with them."
    )
    if front.dominated:
        yield f"{front.dominated} more caps gave plans than which another is no worse in both, and are left out."


def _told(front: Front, point: FrontPoint) -> str:
    return f"{_at(front, point.co2_t, point.cost)}; last tonne {number(point.price_per_t, 1)} {front.currency}"


def _at(front: Front, co2_t: float, cost: float) -> str:
    return f"{number(co2_t, 2)} t at {number(cost)} {front.currency}"
