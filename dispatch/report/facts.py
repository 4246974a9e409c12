"""The facts of the page as text: status lamps, key figures, comparison, findings and certificate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from dispatch.report import wording
from dispatch.report.data import Finding, Method, ReportData, Status

RUNGS: dict[str, tuple[str, str]] = {
    "optimal": ("ok", "proved optimal"),
    "incumbent": ("ok", "best found, gap proved"),
    "convex_recovery": ("ok", "recovered from the convex relaxation, gap proved"),
    "relaxed": ("warn", "soft limits were relaxed"),
    "last_good": ("warn", "the last good plan, shifted to today"),
    "rule_based": ("bad", "no plan: rules decide"),
    "safe_state": ("bad", "no plan: safe state"),
}
_WIDE_GAP = 0.01
_OLD_DATA_H = 24.0


def lamps(status: Status) -> list[dict[str, str]]:
    """The status strip: label, state (ok, warn, bad, unknown), value and a few words each."""
    state, words = RUNGS.get(status.quality, ("unknown", ""))
    gap = status.gap if status.gap is not None and math.isfinite(status.gap) else None
    gap_state = "unknown" if gap is None else "ok" if gap <= _WIDE_GAP else "warn"
    age = status.data_age_h if status.data_age_h is not None and math.isfinite(status.data_age_h) else None
    age_state = "unknown" if age is None else "ok" if age <= _OLD_DATA_H else "warn"
    return [
        _lamp("Plan", state, status.quality.replace("_", " ") or "not stated", words),
        _lamp("Gap", gap_state, "not stated" if gap is None else wording.percent(gap, 2), "to the proved bound"),
        _count_lamp("Audit", status.audit_violations, "every constraint re-checked", "not run"),
        _count_lamp("AC network check", status.ac_violations, "voltages and loadings", "not run"),
        _lamp(
            "Data age",
            age_state,
            "not stated" if age is None else wording.duration(age),
            f"forecast: {status.forecast_quality.replace('_', ' ')}" if status.forecast_quality else "",
        ),
    ]


def _lamp(label: str, state: str, value: str, words: str) -> dict[str, str]:
    return {"label": label, "state": state, "value": value, "words": words}


def _count_lamp(label: str, count: int | None, words: str, unknown: str) -> dict[str, str]:
    if count is None:
        return _lamp(label, "unknown", unknown, words)
    if count == 0:
        return _lamp(label, "ok", "passed", words)
    return _lamp(label, "bad", f"{count} violation{'s' if count > 1 else ''}", words)


def key_figures(data: ReportData) -> list[dict[str, str]]:
    """The plan's five figures with their units, each against the second row; first what is not served."""
    if not data.comparison:
        return []
    plan = data.comparison[0]
    other = data.comparison[1] if len(data.comparison) > 1 else None
    co2_value, co2_unit = wording.mass(plan.co2_kg).split(" ")
    lost_value, lost_unit = wording.energy(plan.curtailed_kwh).split(" ")
    share = wording.number(100 * plan.clean_share, 1)
    rows = [
        ("Cost", wording.number(plan.cost), data.currency, "cost"),
        ("CO₂", co2_value, co2_unit, "co2_kg"),
        ("Clean share", share, "%", "clean_share"),
        ("Peak import", wording.number(plan.peak_import_kw), "kW", "peak_import_kw"),
        ("Curtailed", lost_value, lost_unit, "curtailed_kwh"),
    ]
    if plan.shed_kwh or (other is not None and other.shed_kwh):
        shed_value, shed_unit = wording.energy(plan.shed_kwh).split(" ")
        rows.insert(0, ("Not served", shed_value, shed_unit, "shed_kwh"))
    return [
        {"label": label, "value": value, "unit": unit, **_against(plan, other, field)}
        for label, value, unit, field in rows
    ]


def _against(plan: Method, other: Method | None, field: str) -> dict[str, str]:
    """The difference to the reference row, as words and as better / worse."""
    if other is None:
        return {"change": "", "state": ""}
    here, there = getattr(plan, field), getattr(other, field)
    if field == "clean_share":
        points = 100 * (here - there)
        text = f"{'+' if points > 0 else ''}{wording.number(points, 1)} points" if math.isfinite(points) else ""
        better = here > there
    else:
        text = wording.change(here, there)
        better = here < there
    if text in ("", wording.MISSING) or abs(here - there) < 1e-9:
        return {"change": f"same as {other.name}" if here == there else "", "state": ""}
    return {"change": f"{text} against {other.name}", "state": "better" if better else "worse"}


def comparison(methods: Sequence[Method]) -> list[dict[str, object]]:
    """Rows of the comparison with the geometry of their bars and the changes against the first row."""
    costs, masses = _bars([m.cost for m in methods]), _bars([m.co2_kg for m in methods])
    return [
        {
            "method": method,
            "cost_bar": costs[place],
            "co2_bar": masses[place],
            "cost_change": wording.change(method.cost, methods[0].cost) if place else "",
            "co2_change": wording.change(method.co2_kg, methods[0].co2_kg) if place else "",
        }
        for place, method in enumerate(methods)
    ]


def _bars(values: Sequence[float]) -> list[tuple[float, float]]:
    """(left, width) of each bar in per cent of the track, from a common zero; none for a missing value."""
    there = [value for value in values if math.isfinite(value)]
    low, high = min([0.0, *there]), max([0.0, *there])
    span = high - low or 1.0
    return [
        (round(100 * (min(value, 0.0) - low) / span, 2), round(100 * abs(value) / span, 2))
        if math.isfinite(value)
        else (0.0, 0.0)
        for value in values
    ]


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Violations first, then warnings, then the rest, each in the given order."""
    order = ("violation", "warning", "info")
    return sorted(findings, key=lambda finding: order.index(finding.severity))


def certificate_rows(values: Mapping[str, object], depth: int = 0) -> Iterator[tuple[int, str, str]]:
    """Rows (depth, key, text) of a nested mapping, in its own order."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield depth, str(key), ""
            yield from certificate_rows(value, depth + 1)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if any(isinstance(item, Mapping) for item in value):
                yield depth, str(key), ""
                yield from certificate_rows({str(i): item for i, item in enumerate(value)}, depth + 1)
            else:
                yield depth, str(key), ", ".join(_cell(item) for item in value)
        else:
            yield depth, str(key), _cell(value)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return wording.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.8g}" if isinstance(value, float) else str(value)
