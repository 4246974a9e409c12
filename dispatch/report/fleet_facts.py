"""A fleet's facts as text and tables: lamps, key figures, groups, shared limits, failures, the slowest sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from dispatch.report.data import Cell, Table
from dispatch.report.facts import RUNGS
from dispatch.report.fleet_data import Array, FleetBounds, FleetData, FleetSites, SharedUse
from dispatch.report.fleet_pictures import at_limit, gaps, price_unit, worth
from dispatch.report.wording import adaptive, change, energy, mass, number, percent

_WIDE_GAP = 0.01
_MOST_GROUPS, _MOST_LIMITS, _MOST_REASONS, _NAMED, _SLOWEST = 12, 40, 12, 5, 10
_ORDER = tuple(RUNGS)


def lamps(data: FleetData) -> list[dict[str, str]]:
    """The status strip: what became of the sites, the certified gap, the shared limits, the work."""
    sites, failed = data.sites, failures(data.sites)
    planned = len(sites) - int(failed.sum())
    state = "ok" if planned == len(sites) else "warn" if planned else "bad"
    words = "every site has the plan asked for" if state == "ok" else f"{int(failed.sum())} got less, with reasons"
    found = [_lamp("Sites", state, f"{number(planned)} of {number(len(sites))} planned", words)]
    found.append(_gap_lamp(data.bounds))
    missed = [one for one in data.shared if one.missed is not None and np.nansum(np.abs(one.missed)) > 0]
    if not data.shared:
        found.append(_lamp("Shared limits", "unknown", "none", "sites were planned on their own"))
    else:
        kept = f"{len(data.shared) - len(missed)} of {len(data.shared)} kept"
        found.append(_lamp("Shared limits", "bad" if missed else "ok", kept, _missed_words(missed)))
    if data.sites.seconds is not None and np.isfinite(data.sites.seconds).any():
        middle = float(np.nanmedian(data.sites.seconds))
        found.append(_lamp("Work", "ok", f"{adaptive(middle)} s a site", "median of all sites"))
    return found


def _missed_words(missed: list[SharedUse]) -> str:
    return "" if not missed else "not kept: " + ", ".join(one.name for one in missed[:3])


def _gap_lamp(bounds: FleetBounds | None) -> dict[str, str]:
    if bounds is None:
        return _lamp("Gap", "unknown", "of each site", "nothing joins them")
    if not np.isfinite(bounds.gap):
        return _lamp("Gap", "warn", "not proved", bounds.stopped)
    wanted = bounds.gap_wanted if bounds.gap_wanted is not None else _WIDE_GAP
    state = "ok" if bounds.gap <= wanted * (1 + 1e-9) else "warn"
    return _lamp("Gap", state, percent(bounds.gap, 4), bounds.stopped or "certified for the whole fleet")


def _lamp(label: str, state: str, value: str, words: str) -> dict[str, str]:
    return {"label": label, "state": state, "value": value, "words": words}


def failures(sites: FleetSites) -> np.ndarray:
    """(N,) which sites did not get the plan that was asked for."""
    if not sites.reason:
        return np.zeros(len(sites), dtype=bool)
    return np.array([bool(text) for text in sites.reason], dtype=bool)


def figures(data: FleetData) -> list[tuple[str, str, str, str]]:
    """(label, value, unit, note) of the fleet as a whole; a sum over sites of which some are not known says so."""
    sites, money = data.sites, data.currency
    bills, burnt = sum(bill for _, bill, _ in data.joint), sum(co2_kg for _, _, co2_kg in data.joint)
    own = f"{number(bills)} of it at joint connections" if data.joint else _of(sites.cost)
    made = [("Cost", number(_sum(sites.cost) + bills), money, own)]
    if sites.cost_ruled is not None:
        both = np.isfinite(sites.cost) & np.isfinite(sites.cost_ruled)
        before, after = _sum(sites.cost_ruled[both]), _sum(sites.cost[both])
        made.append(("Saved by planning", number(before - after), money, f"{change(after, before)} against rules"))
    if sites.cost_alone is not None:
        both = np.isfinite(sites.cost) & np.isfinite(sites.cost_alone)
        more = _sum(sites.cost[both] - sites.cost_alone[both])
        made.append(("What sharing costs", number(more), money, "against each site on its own"))
    for label, amount, note in (
        ("CO₂", mass(_sum(sites.co2_kg) + burnt), _of(sites.co2_kg)),
        ("Import", energy(_sum(sites.import_kwh)), _of(sites.import_kwh)),
        ("Export", energy(_sum(sites.export_kwh)), _of(sites.export_kwh)),
    ):
        value, unit = amount.split(" ")
        made.append((label, value, unit, note))
    if sites.net_import_kw is not None:
        together = float(np.nansum(sites.net_import_kw, axis=0).max())
        apart = _sum(sites.peak_import_kw)
        note = f"{_power(apart)} if all peaks met" if np.isfinite(apart) else ""
        value, unit = _power(together).split(" ")
        made.append(("Peak import together", value, unit, note))
    return made


def _power(kw: float) -> str:
    return f"{adaptive(kw / 1000)} MW" if abs(kw) >= 10_000 else f"{adaptive(kw)} kW"


def _sum(values: Array) -> float:
    return float(np.nansum(values)) if np.isfinite(values).any() else float("nan")


def _of(values: Array) -> str:
    known = int(np.isfinite(values).sum())
    return "" if known == len(values) else f"of {number(known)} of {number(len(values))} sites"


def rungs(sites: FleetSites) -> Table:
    """How many sites have a plan of which rung."""
    counts = Counter(sites.quality)
    ranked = sorted(counts, key=lambda q: (_ORDER.index(q) if q in _ORDER else len(_ORDER), q))
    rows = tuple((q.replace("_", " "), counts[q], RUNGS.get(q, ("", ""))[1]) for q in ranked)
    return Table(("Plan", "Sites", "What it is"), rows)


def reasons(sites: FleetSites) -> Table | None:
    """Why sites did not get the plan that was asked for, the most frequent reason first, with some of them by name."""
    named: dict[str, list[str]] = {}
    for name, text in zip(sites.name, sites.reason, strict=False):
        if text:
            named.setdefault(text, []).append(name)
    if not named:
        return None
    ranked = sorted(named, key=lambda text: (-len(named[text]), text))
    rows = [(text, len(named[text]), _listed(named[text])) for text in ranked[:_MOST_REASONS]]
    if rest := [name for text in ranked[_MOST_REASONS:] for name in named[text]]:
        rows.append((f"{len(ranked) - _MOST_REASONS} other reasons", len(rest), _listed(rest)))
    return Table(("Reason", "Sites", "Which"), tuple(rows))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def limits(data: FleetData) -> Table | None:
    """Every shared limit, the dearest first; of very many the rest as one row."""
    if not data.shared:
        return None
    ranked = sorted(data.shared, key=lambda one: (-abs(worth(data, one)), one.name))
    rows: list[tuple[Cell, ...]] = []
    for one in ranked[:_MOST_LIMITS]:
        steps = at_limit(one)
        when = f"{steps} of {one.used.size} steps" if one.used.size > 1 else ("yes" if steps else "no")
        most = float(np.nanmax(one.price)) if one.price is not None and np.isfinite(one.price).any() else None
        price = "" if most is None else f"{adaptive(most)} {price_unit(data, one)}"
        used = _most_used(one.used, one.upper, one.lower)
        missed = 0.0 if one.missed is None else float(np.nanmax(np.abs(one.missed), initial=0.0))
        left = f"{adaptive(missed)} {one.unit}" if missed else "kept"
        rows.append((one.name, one.sites, used, when, price, worth(data, one), left))
    if rest := ranked[_MOST_LIMITS:]:
        money = sum(worth(data, one) for one in rest)
        rows.append((f"{len(rest)} others", None, None, None, None, money, None))
    head = ("Shared", "Sites", "Most used", "At its limit", "Highest price", f"Worth [{data.currency}]", "Kept")
    return Table(head, tuple(rows), short=True)


def _most_used(used: Array, upper: Array, lower: Array) -> str:
    """The largest share of a finite limit that is used."""
    best = -np.inf
    for side in (upper, lower):
        finite = np.isfinite(side) & np.isfinite(used) & (side != 0)
        best = max(best, float((used[finite] / side[finite]).max(initial=-np.inf)))
    return percent(best) if np.isfinite(best) else "no limit"


def groups(data: FleetData) -> Iterator[Table]:
    """For each label of words, what its groups of sites add up to; the structures too, where there are several."""
    sites = data.sites
    labels = {name: label for name, label in sites.labels.items() if isinstance(label, tuple)}
    if len(set(sites.structure)) > 1:
        labels = {"structure": sites.structure, **labels}
    for name, label in labels.items():
        if 1 < len(set(label)) <= max(2, len(sites) / 2):  # what is each site's own makes no group
            yield _grouped(data, name, label)


def _grouped(data: FleetData, name: str, label: tuple[str, ...]) -> Table:
    sites = data.sites
    names, code = np.unique(np.array(label, dtype=object).astype(str), return_inverse=True)
    code = code.ravel()
    count = np.bincount(code, minlength=len(names))
    saved = None if sites.cost_ruled is None else sites.cost_ruled - sites.cost
    columns = [sites.cost, saved, sites.co2_kg / 1000, sites.import_kwh / 1000, sites.charged]
    sums = [None if v is None else np.bincount(code, np.nan_to_num(v), minlength=len(names)) for v in columns]
    failed = np.bincount(code, failures(sites), minlength=len(names))
    order = sorted(range(len(names)), key=lambda k: (-count[k], names[k]))
    parts = [*order[:_MOST_GROUPS]]
    rows = [_row(str(names[k]) or "(none)", [k], count, sums, failed) for k in parts]
    if rest := order[_MOST_GROUPS:]:
        rows.append(_row(f"{len(rest)} others", rest, count, sums, failed))
    money = data.currency
    head = [name.capitalize(), "Sites", f"Cost [{money}]", f"Saved [{money}]", "CO₂ [t]", "Import [MWh]"]
    head += [f"Charged for sharing [{money}]", "Failed"]
    kept = [k for k, title in enumerate(head) if any(row[k] is not None for row in rows) or title == "Sites"]
    return Table(tuple(head[k] for k in kept), tuple(tuple(row[k] for k in kept) for row in rows))


def _row(
    name: str, which: list[int], count: np.ndarray, sums: list[np.ndarray | None], failed: np.ndarray
) -> tuple[Cell, ...]:
    totals = [None if v is None else float(v[which].sum()) for v in sums]
    return (name, int(count[which].sum()), *totals, int(failed[which].sum()))


def slowest(data: FleetData) -> Table | None:
    """The sites that took the most work."""
    seconds = data.sites.seconds
    if seconds is None or not np.isfinite(seconds).any():
        return None
    order = np.argsort(-np.nan_to_num(seconds, nan=-1.0), kind="stable")[:_SLOWEST]
    sites = data.sites
    rows = tuple(
        (sites.name[k], float(seconds[k]), sites.quality[k].replace("_", " "), (sites.reason or ("",) * len(sites))[k])
        for k in order
    )
    return Table(("Slowest sites", "Seconds", "Plan", "Reason"), rows)


def iterations(data: FleetData) -> Table | None:
    """Bounds after each iteration; of very many every so-manyth, and the last."""
    if data.bounds is None or not len(data.bounds.lower):
        return None
    bounds, shares = data.bounds, gaps(data.bounds)
    every = max(1, len(shares) // 40)
    at = sorted({*range(0, len(shares), every), len(shares) - 1})
    numbers = (bounds.lower, bounds.upper, bounds.seconds)
    plain = [[_plain(values[k]) for values in numbers] for k in at]
    rows = tuple(
        (str(k + 1), lower, upper, percent(float(shares[k]), 4), seconds)
        for k, (lower, upper, seconds) in zip(at, plain, strict=True)
    )
    money = data.currency
    return Table(("Iteration", f"Lower bound [{money}]", f"Best plan [{money}]", "Gap", "Seconds"), rows)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
