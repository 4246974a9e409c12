"""Pages of the claims: one for each park and an overview, in the look of the report; each figure with its metric."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.claims.answers import Answer, figure, period, shown, spread, verdict
from benchmarks.claims.cells import ARMS, TITLES, Cell
from benchmarks.claims.claims import SOURCE
from benchmarks.claims.forecasts import GROUPS
from benchmarks.claims.metrics import SHARES, UNSERVED, sound
from benchmarks.claims.run import ParkDone
from benchmarks.claims.spec import Spec
from dispatch.report.data import Table
from dispatch.report.drawings import Curve, Drawing, curves
from dispatch.report.study import Section, StudyPage, render_study
from dispatch.report.wording import MISSING, number, percent

COLOURS = {"separate": "#d9a514", "day_ahead": "#297fcc", "rolling": "#2aa98b", "rule_based": "#76828e",
           "no_stores": "#ca4f32", "perfect": "#7552ab"}  # fmt: skip
METHOD = (
    "Every figure is of what was executed on what really came, not of what was forecast or planned.",
    "Each day stands alone and begins as the park's file says: stores, hours of units and the month's peak so far.",
    (
        "Joint: all plant in one problem, planned at noon of the day before and followed to the day's end; joint, "
        "rolling: planned again every few hours from the state that really is. Each on its own: every group of plant "
        "planned at the same hour on the same forecast with all others taken as by their rules, all plans then "
        "executed together. Rules: no plan."
    ),
    (
        "Intervals are of 95 % over days: whole days are resampled (BCa). They say how much the choice of days "
        "matters, and nothing of how far a park's estimated sizes, loads and prices are from the real one's."
    ),
    (
        "What stores hold more at a day's end than at its start is money: what a kWh held saves in imports, in a park "
        "without a grid what it sells as."
    ),
)


def park_page(done: ParkDone, spec: Spec) -> str:
    """A park's page as one HTML text."""
    return render_study(
        StudyPage(
            title=f"The claims, answered: reference park {done.letter}",
            site=done.title,
            span=period(done.days),
            settings=(
                spec.told(done.days),
                f"rolling plans every {spec.every_h(done.name):g} h",
                f"python -m benchmarks claims {done.name}",
            ),
            figures=tuple(_cards(done)),
            sections=tuple(_sections(done)),
            notes=(*METHOD, *_caveats(done), *done.notes),
        )
    )


def overview_page(parks: Sequence[ParkDone], spec: Spec) -> str:
    """All parks side by side."""
    first = parks[0]
    return render_study(
        StudyPage(
            title="The founding document's claims, answered",
            site="Reference parks " + ", ".join(f"{p.letter} ({p.title})" for p in parks),
            span=period(first.days),
            settings=(spec.told(first.days), "python -m benchmarks claims"),
            figures=(),
            sections=tuple(_overview(parks)),
            notes=METHOD,
        )
    )


def _cards(done: ParkDone) -> Iterator[tuple[str, str, str, str]]:
    wanted = ("utilisation of wind and PV", "clean share", "joint dispatch: objective", "earned by stores")
    seen = set()
    for answer in done.answers:
        if answer.metric in wanted and answer.metric not in seen:
            seen.add(answer.metric)
            value, unit, rest = shown(answer).partition(" CNY a year")
            yield answer.metric, value, (unit + rest).strip(), spread(answer).strip(" ()")


def _sections(done: ParkDone) -> Iterator[Section]:
    yield Section(
        "Claims and answers",
        tables=(_answers_table(done.answers),),
        note=f"Claims are those of {SOURCE}; it states neither metric nor baseline for any of them.",
    )
    yield Section("In plain words", tables=(_verdicts(done.answers),))
    yield Section("What each way of running the park came to", plots=tuple(_pictures(done)), tables=(_methods(done),),
                  note="Sums and shares over all days, those left out of the answers too; see the notes.")  # fmt: skip
    yield Section("Forecast error by lead day", plots=tuple(_lead_pictures(done)), tables=(_leads(done),))
    yield Section("Plant that is dispatched on its own in the baseline", tables=(_groups(done),))


def _answers_table(found: Sequence[Answer]) -> Table:
    heads = ("Claimed", "System", "Metric here", "Here", "95 % interval", "Formula", "Baseline", "Days")
    return Table(heads, tuple(_answer_row(answer) for answer in found))


def _answer_row(a: Answer) -> tuple[str, ...]:
    here = MISSING if a.note else shown(a)
    ends = spread(a).strip(" ()").removeprefix("95 % CI ") or MISSING
    return (a.claim.claimed, a.claim.system, a.metric, here, ends, a.formula, a.baseline or MISSING, str(a.found.days))


def _verdicts(found: Sequence[Answer]) -> Table:
    rows = [(f"{a.claim.system} ({a.claim.english})", f"{verdict(a)} {a.claim.apart}") for a in found]
    return Table(("System", "Answer"), tuple(rows))


def _methods(done: ParkDone) -> Table:
    heads = ("Method", f"Cost [{done.currency}]", f"Objective [{done.currency}]", "CO2 [t]", *(m.title for m in SHARES),
             "Highest import [kW]", "Not served or done [kWh]", "Days", "Audit")  # fmt: skip
    return Table(heads, tuple(_method_row(done, arm) for arm in ARMS))


def _method_row(done: ParkDone, arm: str) -> tuple[str, ...]:
    own = [c.figures for c in done.cells if c.arm == arm and c.figures]
    if not own:
        return (TITLES[arm], *[MISSING] * (6 + len(SHARES)), "0", "no day came to an end")
    names = {name for f in own for name in f}  # a product is no figure of the days on which it is not made
    total = {name: float(sum(f.get(name, 0.0) for f in own)) for name in names}
    sums = {f"{name}@0": np.array(value) for name, value in total.items()}
    shares = [percent(float(metric.of(sums))) for metric in SHARES]
    faults = int(total["violations"])
    return (
        TITLES[arm], number(total["cost"]), number(total["objective"]), number(total["co2_kg"] / 1000, 1), *shares,
        number(max(f["peak_kw"] for f in own)), number(total["unserved_kwh"]), str(len(own)),
        "passed" if not faults else f"{faults} found",
    )  # fmt: skip


def _by_day(done: ParkDone, ours: str, against: str, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    found = {(c.day, c.arm): c.figures for c in done.cells if c.figures}
    days = [d for d in done.days if (d, ours) in found and (d, against) in found]
    x = tuple(float(d.timetuple().tm_yday) for d in days)
    return x, tuple(found[d, against][name] - found[d, ours][name] for d in days)


def _pictures(done: ParkDone) -> Iterator[Drawing]:
    pairs = (("day_ahead", "joint, day-ahead"), ("rolling", "joint, rolling"), ("perfect", "perfect foresight"))
    for against, what in (("separate", "dispatch each on its own"), ("rule_based", "the park's rules")):
        lines = []
        for arm, name in pairs:
            x, y = _by_day(done, arm, against, "objective")
            if x:
                lines.append(Curve(name, COLOURS[arm], x, y))
        if lines:
            about = f"Objective of {what} less that of each method, by day; above zero the method is cheaper."
            yield curves(f"Saved against {what}", about, ("day of the year", f"{done.currency} a day"), lines)


def _lead_pictures(done: ParkDone) -> Iterator[Drawing]:
    for group in GROUPS:
        own = [one for one in done.leads if one.group == group and math.isfinite(one.ours.value)]
        if own:
            x = tuple(float(one.day) for one in own)
            lines = [
                Curve("parkwatt", "#297fcc", x, tuple(100 * one.ours.value for one in own)),
                Curve(
                    "best of the references", "#76828e", x, tuple(100 * one.reference_error for one in own), dashed=True
                ),
            ]
            about = "nRMSE of the sum, over rated power for wind and PV, over the highest sum that came for loads."
            yield curves(f"Error of {group}", about, ("lead day, from the hour of issue", "% of capacity"), lines)


def _leads(done: ParkDone) -> Table:
    rows = []
    for one in done.leads:
        if one.note:
            rows.append((f"{one.group}, day {one.day}", one.note, MISSING, MISSING, MISSING, MISSING))
            continue
        ends = one.ours.interval
        interval = MISSING if ends is None else f"{figure(ends[0], 'share')} to {figure(ends[1], 'share')}"
        rows.append((f"{one.group}, day {one.day}", percent(one.ours.value), interval, percent(one.mean_absolute),
                     f"{one.reference}: {percent(one.reference_error)}", str(one.ours.days)))  # fmt: skip
    return Table(
        ("Series and lead day", "nRMSE", "95 % interval", "nMAE", "Best reference, nRMSE", "Issues"), tuple(rows)
    )


def _groups(done: ParkDone) -> Table:
    return Table(("Group", "Plant"), tuple((name, ", ".join(members)) for name, members in done.groups.items()))


def _caveats(done: ParkDone) -> Iterator[str]:
    failed: list[Cell] = [cell for cell in done.cells if cell.failed]
    for cell in failed:
        yield f"{cell.day}, {TITLES[cell.arm]}: not run to the end ({cell.failed}); counts in no answer."
    for arm in ARMS:
        short = sum(bool(c.figures) and not sound(c) for c in done.cells if c.arm == arm)
        if short:
            yield (
                f"{TITLES[arm]}: on {short} of {len(done.days)} days the executed path failed the audit, or left more "
                f"than {UNSERVED:.1%} of the use undone; these days count in no answer."
            )
        ruled = sum(cell.figures.get("by_rules", 0.0) > 0 for cell in done.cells if cell.arm == arm)
        if ruled:
            yield f"{TITLES[arm]}: on {ruled} days a plan, or that of one group, fell back on the park's rules."


def _overview(parks: Sequence[ParkDone]) -> Iterator[Section]:
    keys: dict[tuple[str, str, str], None] = {}
    found: dict[tuple[tuple[str, str, str], str], Answer] = {}
    for park in parks:
        for answer in park.answers:
            key = (answer.claim.claimed, answer.claim.system, answer.metric)
            keys[key] = None
            found[key, park.name] = answer
    heads = ("Claimed", "System", "Metric here", *(f"{p.letter}: {p.name}" for p in parks))
    rows = []
    for key in keys:
        cells = [_cell(found.get((key, park.name))) for park in parks]
        rows.append((*key, *cells))
    note = (
        f"Claims are those of {SOURCE}; it states neither metric nor baseline for any of them, so that no figure here "
        "confirms or refutes one. A dash: the claim is not put to that park. The parks' pages give baselines."
    )
    yield Section("Claims and answers, park by park", tables=(Table(heads, tuple(rows)),), note=note)
    for park in parks:
        yield Section(
            f"Reference park {park.letter}: {park.title}", tables=(_methods(park),), plots=tuple(_pictures(park))
        )


def _cell(answer: Answer | None) -> str:
    if answer is None or answer.note:
        return MISSING if answer is None else answer.note
    return shown(answer) + spread(answer)


def markdown(parks: Sequence[ParkDone], spec: Spec) -> str:
    """The overview's answers as text."""
    lines = [
        "# The founding document's claims, answered",
        "",
        f"{spec.told(parks[0].days)}; `python -m benchmarks claims`.",
        "",
    ]
    for park in parks:
        lines += [f"## Reference park {park.letter}: {park.title}", ""]
        lines += [f"- {a.claim.system} ({a.claim.english}): {verdict(a)} {a.claim.apart}" for a in park.answers]
        lines.append("")
    lines += [f"> {text}" for text in METHOD]
    return "\n".join(lines) + "\n"
