"""Forecasts and backtests as pages: fans, reliability, skill, errors by lead day, and what to know beside them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.report.data import Cell, Table
from dispatch.report.drawings import Area, Curve, Drawing, curves
from dispatch.report.study import Section, StudyPage, render_study
from dispatch.report.wording import adaptive, number, percent
from dispatch.signals import Array

if TYPE_CHECKING:
    import pyarrow as pa

    from forecasting.backtest.results import Series
    from forecasting.backtest.tables import Scored
    from forecasting.forecast import Forecast, Target

BAND, INK, CAME = "#297fcc", "#12507f", "#b45309"
MODELS = ("#297fcc", "#a8aca4", "#d385b7", "#2aa98b", "#7552ab", "#ca4f32")
UNVERIFIED = "unverified"
HEADS = ("Model", "Series", "Hours", "Lead day", "Intervals", "nRMSE", "nMAE", "C_R", "Q_R", "Pinball", "CRPS", "rCRPS",
         "In 90 % band", "Its width")  # fmt: skip


def fan(
    title: str, about: str, hours: Array, levels: Array, quantiles: Array, actual: Array | None, unit: str
) -> Drawing:
    """Bands between levels that mirror each other, the median, and what came; hours (T,), quantiles (T, Q)."""
    x = tuple(np.round(hours, 4).tolist())
    areas = [
        Area(BAND, x, tuple(quantiles[:, k].tolist()), tuple(quantiles[:, -1 - k].tolist()))
        for k in range(len(levels) // 2)
    ]
    middle = quantiles[:, int(np.abs(levels - 0.5).argmin())]
    lines = [Curve("median", INK, x, tuple(middle.tolist()))]
    if actual is not None and np.isfinite(actual).any():
        lines.append(Curve("came", CAME, x, tuple(actual.tolist())))
    return curves(title, about, ("hours from the first step", unit), lines, areas=areas)


def bands_told(levels: Array) -> str:
    """Which bands a fan shows."""
    shares = [percent(float(levels[-1 - k] - levels[k]), 0) for k in range(len(levels) // 2)]
    return f"Bands hold {', '.join(shares)} of what comes."


def rung_told(rung: str) -> str:
    """From what an answer was made, in words; a model without rungs by its name."""
    from forecasting.forecast import RUNG_WORDS

    return f"From {RUNG_WORDS[rung]}." if rung in RUNG_WORDS else f"{rung.capitalize()}."


# ---- one forecast


def forecast_page(title: str, made: Forecast, actual: Mapping[str, Array], time_zone: str = "UTC") -> str:
    """The page of one forecast on the clock of ``time_zone``; ``actual`` by name where the data already hold it."""
    edges_h = (made.edges - made.edges[0]).total_seconds().to_numpy() / 3600
    middle, hours = (edges_h[1:] + edges_h[:-1]) / 2, np.diff(edges_h)
    fans, rows = [], []
    for name in made.names:
        quantiles = made.quantiles[name]
        unit = made.units.get(name, "kW")
        about = f"{rung_told(made.quality[name])} {bands_told(made.levels)}"
        fans.append(fan(name, about, middle, made.levels, quantiles, actual.get(name), unit))
        rows.append((name, rung_told(made.quality[name]), *_amounts(made, name, hours), _last(made, name)))
    first, last, issued = (
        f"{time.tz_convert(time_zone):%Y-%m-%d %H:%M}" for time in (made.edges[0], made.edges[-1], made.issue_time)
    )
    heads = (
        "Series",
        "Made by",
        "Expected, sum [MWh or as said]",
        "Lowest of scenarios",
        "Highest",
        "Newest value used",
    )
    return render_study(
        StudyPage(
            title="parkwatt: forecast",
            site=title,
            span=f"{first} to {last} ({time_zone})",
            settings=(
                f"issued {issued}",
                f"{len(made.edges) - 1} steps",
                f"{len(made.weights)} scenarios",
            ),
            figures=(),
            sections=(Section("Fans", plots=tuple(fans)), Section("Series", tables=(Table(heads, tuple(rows)),))),
            notes=(
                *made.notes,
                "Quantiles are of each step by itself; for sums over steps or series take the scenarios.",
            ),
        )
    )


def _amounts(made: Forecast, name: str, hours: Array) -> tuple[str, str, str]:
    """Expected, lowest and highest energy [MWh] of the horizon."""
    paths = made.scenarios[name] @ hours
    return tuple(adaptive(float(v) / 1000) for v in (made.central[name] @ hours, paths.min(), paths.max()))  # type: ignore[return-value]


def _last(made: Forecast, name: str) -> str:
    return str(made.inputs_used[name].get("last_valid_time") or "none")


# ---- a backtest


def backtest_page(
    title: str,
    span: str,
    scored: Scored,
    settings: Sequence[str],
    notes: Sequence[str] = (),
    trainings: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The page of a backtest; `trainings` are rows (model, trained, reason, text)."""
    from forecasting.backtest import tables
    from forecasting.backtest.joint import joint_scores

    first = scored.models[0]
    by_day, regimes, skills = tables.by_lead_day(scored), tables.by_regime(scored), tables.skills(scored)
    drawn = joint_scores(scored, (first,))
    learnt = [row for row in trainings if row["model"] == first]
    return render_study(
        StudyPage(
            title="parkwatt: backtest of forecasts",
            site=title,
            span=span,
            settings=tuple(settings),
            figures=tuple(_figures(first, by_day, skills)),
            sections=(
                Section("Skill", tables=(skill_table(skills),)),
                Section("Reliability", plots=tuple(reliability_drawings(scored))),
                Section("Fans", plots=tuple(_fans(scored, first))),
                Section("Errors by lead day", tables=(lead_table(by_day),)),
                Section("By regime", tables=(regime_table(regimes),)),
                *([Section("Trainings", tables=(training_table(learnt),))] if learnt else []),
                *([Section("Joint scenarios of the first day", tables=(joint_table(drawn),))] if drawn else []),
            ),
            notes=(*notes, *_notes(scored)),
        )
    )


def lead_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Errors and scores by model, series, kind of hours and lead day; days that no data reach are said to be so."""
    return Table(HEADS, tuple(tuple(_together(cell) for cell in _lead_row(row)) for row in rows))


def _together(cell: Cell) -> Cell:
    """A number is not parted from its unit at the end of a line."""
    return cell.replace(" %", "\u00a0%") if isinstance(cell, str) else cell


def _lead_row(row: Mapping[str, Any]) -> Iterator[Cell]:
    yield from (row["model"], row["target"], row["hours"], str(row["lead_day"]))
    if not row["count"]:
        yield from ("0", UNVERIFIED, *[None] * (len(HEADS) - 6))
        return
    yield number(row["count"])
    yield from (percent(row[key]) for key in ("nrmse", "nmae", "accuracy", "qualified"))
    single = "covered_90" not in row and row["target"].endswith("together")
    yield from (None if single else adaptive(row[key]) for key in ("pinball", "crps", "rcrps"))
    yield percent(row["covered_90"]) if "covered_90" in row else None
    yield adaptive(row["width_90"]) if "width_90" in row else None


def short_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A few figures of all that the lead table holds, for a terminal; daylight instead of all hours where both are."""
    heads = ("Model", "Series", "Day", "nRMSE", "C_R", "CRPS", "In 90 % band")
    kept: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in rows:
        kept[row["model"], row["target"], str(row["lead_day"])] = row
    return Table(heads, tuple(_short_row(row) for row in kept.values()))


def _short_row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    name = row["target"] if row["hours"] == "all hours" else f"{row['target']} ({row['hours']})"
    if not row["count"]:
        return row["model"], name, str(row["lead_day"]), UNVERIFIED, None, None, None
    crps = None if "covered_90" not in row else adaptive(row["crps"])
    figures = (percent(row["nrmse"]), percent(row["accuracy"]), crps, percent(row.get("covered_90"), 0))
    return row["model"], name, str(row["lead_day"]), *figures


def skill_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Skill in CRPS over both references, with the probability of so good a difference by luck."""
    heads = ("Model", "Series", "Over climatology", "p", "Over best persistence", "p", "which is", "Days")
    found = []
    for row in rows:
        cells: list[Cell] = [row["model"], row["target"]]
        for name in ("climatology", "persistence"):
            cells += [percent(row.get(f"{name}_skill")), _probability(row.get(f"{name}_p_better"))]
        days = row.get("climatology_days", row.get("persistence_days", 0))
        found.append((*cells, row["persistence"] or None, number(days)))
    return Table(heads, tuple(found))


def regime_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Calibration and error of each third of the forecast's own expected values."""
    heads = ("Model", "Series", "Hours", "Expected", "Intervals", "nRMSE", "CRPS", "In the 90 % band", "Its width")
    return Table(heads, tuple(tuple(_regime_row(row)) for row in rows if row["count"]))


def _regime_row(row: Mapping[str, Any]) -> Iterator[Cell]:
    yield from (row["model"], row["target"], row["hours"], row["regime"])
    yield from (number(row["count"]), percent(row["nrmse"]), adaptive(row["crps"]))
    yield from (percent(row.get("covered_90")), adaptive(row.get("width_90")))


def joint_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Scores of joint scenarios, drawn from the errors of earlier issues."""
    heads = ("Model", "Joined by", "Of", "CRPS of energy", "CRPS of the largest 3-h ramp", "Energy score",
             "Variogram score", "Issues")  # fmt: skip
    keys = ("energy_crps", "ramp_crps", "energy_score", "variogram")
    cells = ((row["model"], row["method"], row["of"], *(adaptive(row[key]) for key in keys)) for row in rows)
    return Table(heads, tuple((*one, number(row["issues"])) for one, row in zip(cells, rows, strict=True)))


def training_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """When a model learnt, and why then."""
    cells = ((row["model"], row["trained"], row["reason"], row["text"]) for row in rows)
    return Table(("Model", "Learnt from what was known at", "Because of", "In words"), tuple(cells))


def reliability_drawings(scored: Scored) -> Iterator[Drawing]:
    """For each series, the share of observations below each quantile, of all models over the levels."""
    from forecasting.backtest import tables

    found = tables.reliabilities(scored)
    for target in dict.fromkeys(name for _, name in found):
        lines = [Curve("as it should be", "#76828e", (0.0, 1.0), (0.0, 1.0), dashed=True)]
        for number_, model in enumerate(m for m, name in found if name == target):
            levels, share, _ = found[model, target]
            colour = MODELS[number_ % len(MODELS)]
            lines.append(Curve(model, colour, tuple(levels.tolist()), tuple(share.tolist())))
        about = "Share of what came that lay at or below each quantile; above the line: quantiles too high."
        yield curves(target, about, ("level of the quantile", "share"), lines)


def _fans(scored: Scored, model: str) -> Iterator[Drawing]:
    """For each series the issues with the least, the middle and the greatest loss."""
    import pandas as pd

    from forecasting import scores

    for series in (one for one in scored.series if one.model == model):
        loss = scores.crps_of_quantiles(series.actual, series.quantiles, series.levels)
        issues, mean = scores.by_group(loss, series.issue_ns)
        order = [issues[k] for k in np.argsort(mean) if math.isfinite(mean[k])]
        picks = dict.fromkeys(order[k] for k in {0, len(order) // 2, len(order) - 1} if order)
        words = ("smallest loss", "middling loss", "greatest loss")
        for word, issue in zip(words, sorted(picks, key=order.index), strict=False):
            title = f"{series.target}, issued {pd.Timestamp(issue, tz='UTC'):%Y-%m-%d %H:%M} UTC: {word}"
            yield _fan_of(title, series.take(series.issue_ns == issue), scored.targets[series.target])


def _fan_of(title: str, one: Series, target: Target) -> Drawing:
    hours = (one.valid_ns - one.valid_ns[0]) / 3.6e12
    told = " ".join(rung_told(str(rung)) for rung in dict.fromkeys(one.rung))
    about = f"{told} {bands_told(one.levels)}"
    return fan(title, about, hours, one.levels, one.quantiles, one.actual, target.unit)


def _figures(
    model: str, by_day: Sequence[Mapping[str, Any]], skills: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str, str, str]]:
    for row in by_day:
        if row["model"] == model and row["lead_day"] == "all" and row["count"]:
            beside = f"C_R {percent(row['accuracy'])}, Q_R {percent(row['qualified'])}"
            value = percent(row["nrmse"]).removesuffix(" %")
            yield f"nRMSE {row['target']}, {row['hours']}", value, "%", beside
    for row in skills:
        if row["model"] == model and math.isfinite(row.get("persistence_skill", math.nan)):
            value = percent(row["persistence_skill"]).removesuffix(" %")
            yield f"Skill over persistence, {row['target']}", value, "%", "CRPS"


def drift_told(series: Series) -> str:
    """Whether the second half of the days is still like the first, in a sentence; nothing below 40 days."""
    from forecasting import drift
    from forecasting.clock import DAY_NS

    known = series.take(np.isfinite(series.actual) & np.isfinite(series.quantiles).all(axis=1))
    figures = drift.daily(known.actual, known.quantiles, known.levels, known.issue_ns // DAY_NS) if len(known) else None
    if figures is None or len(figures.day) < 2 * drift.FEWEST_DAYS:
        return ""
    half = figures.day < figures.day[len(figures.day) // 2]
    if min(np.isfinite(getattr(figures, name)[half]).sum() for name in drift.FIGURES) < drift.FEWEST_DAYS:
        return ""
    found = drift.watch(figures.part(half), figures.part(~half))
    if not found:
        allowed = f"one false alarm in {drift.FALSE_ALARM_DAYS:g} days is allowed"
        return f"{series.target}: no drift from the first to the second half of the days ({allowed})."
    told = "; ".join(f"{one.text}, since about {np.datetime64(one.since_day, 'D')}" for one in found)
    return f"{series.target}: {told}. Consider training anew."


def answered_from(scored: Scored) -> Iterator[str]:
    """What was not answered, and from what the rest was where that is not the latest weather forecast throughout."""
    from forecasting.forecast import RUNG_WORDS

    for series in scored.series:
        gone = ~np.isfinite(series.quantiles).all(axis=1)
        if gone.any():
            share, reason = percent(float(gone.mean())), min(map(str, series.rung[gone]))
            yield f"{series.model} had no answer for {share} of the intervals of {series.target}: {reason}."
        there = series.rung[~gone]
        shares = {rung: float((there == rung).sum()) / len(series) for rung in sorted(set(map(str, there)))}
        if len(shares) > 1 or not shares.keys() <= {series.model, "latest_nwp"}:
            told = ", ".join(f"{RUNG_WORDS.get(rung, rung)} {percent(share, 0)}" for rung, share in shares.items())
            yield f"{series.model}, {series.target}: answered from {told}."


def _notes(scored: Scored) -> Iterator[str]:
    yield from (text for one in scored.series if one.model == scored.models[0] and (text := drift_told(one)))
    yield from answered_from(scored)
    yield "Errors are over the capacity, where there is none over the highest value that came. nMAE is of the median, nRMSE, C_R and Q_R are of the expected value."  # noqa: E501 - one sentence
    yield "C_R = 1 − √mean((error/capacity)²); Q_R: share of intervals with an error of at most 25 % of the capacity."
    yield f"Lead days count from the first step, 24 hours each. {UNVERIFIED.capitalize()}: no measurement reaches them."
    yield "p: probability of so good a difference if both were alike (Diebold and Mariano, one loss a day)."
    yield "Each forecast was made from what was known at its issue and nothing else."


def _probability(value: float | None) -> Cell:
    if value is None or not math.isfinite(value):
        return None
    return "< 0.001" if value < 0.001 else number(value, 3)


def scenario_table(made: Forecast) -> pa.Table:
    """Long table of the joint scenarios: site, variable, scenario, weight, unit, valid_time (interval END), value."""
    import pyarrow as pa

    ends = made.edges[1:].as_unit("ns").asi8
    count, steps = len(made.weights), len(ends)
    stamp = pa.timestamp("ns", tz="UTC")
    shared = {
        "scenario": pa.array(np.repeat(np.arange(count), steps)),
        "weight": pa.array(np.repeat(made.weights, steps)),
        "valid_time": pa.array(np.tile(ends, count), pa.int64()).cast(stamp),
    }
    whole = count * steps
    return pa.concat_tables(
        pa.table(
            {
                "site": pa.array([made.sites.get(name, "")] * whole),
                "variable": pa.array([name] * whole),
                "unit": pa.array([made.units.get(name, "kW")] * whole),
            }
            | shared
            | {"value": pa.array(made.scenarios[name].ravel())}
        )
        for name in made.names
    )
