"""One self-contained HTML file: no network, no clock, no randomness; the same data give the same bytes.

Names come from users. They reach the page by two doors only: the template, which escapes everything, and
one block of JSON that holds no ``<``, ``>`` or ``&``. A content security policy with the hashes of our own
two scripts stops anything else from running.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from dispatch.report import facts, pictures, wording
from dispatch.report.clock import Timed, step_labels, ticks
from dispatch.report.colours import assign
from dispatch.report.data import ReportData, Span, is_words
from dispatch.report.files import read, template


def render(data: ReportData) -> str:
    """The page as one HTML text."""
    colours = assign(_coloured(data))
    groups = {
        "power": pictures.power_charts(data, colours, electricity=True),
        "other": pictures.power_charts(data, colours, electricity=False),
        "stores": pictures.store_charts(data, colours),
        "fans": pictures.fan_charts(data, colours),
        "network": pictures.voltage_charts(data),
    }
    answers = pictures.answer_charts(data, colours, data.answers, "answer")
    ledgers = pictures.answer_charts(data, colours, data.ledgers, "ledger")
    charts = [chart for group in (*groups.values(), *answers, *ledgers) for chart in group]
    library, script = read("vendor/echarts.common.min.js"), read("page.js")
    return template("page.html.j2").render(
        data=data,
        groups=groups,
        answers=list(zip(data.answers, answers, strict=True)),
        ledgers=list(zip(data.ledgers, ledgers, strict=True)),
        labels=step_labels(data),
        spans=[(span.text, _between(data, span)) for span in data.spans],
        edges=edge_labels(data),
        status=facts.lamps(data.status),
        figures=facts.key_figures(data),
        comparison=facts.comparison(data.comparison),
        findings=facts.by_severity(data.findings),
        certificate=list(facts.certificate_rows(data.certificate)),
        json_text=json_block(_payload(data, charts)),
        library=library,
        script=script,
        style=read("page.css"),
        script_hashes=[policy_hash(library), policy_hash(script)],
        wording=wording,
        is_words=is_words,
    )


def json_block(value: object) -> str:
    """JSON that is safe inside a ``<script>`` element; missing and infinite numbers become ``null``."""
    text = json.dumps(_plain(value), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


# ---- what the script draws


def _payload(data: ReportData, charts: Sequence[pictures.Chart]) -> dict[str, object]:
    edges = pictures.edges_h(data)
    return {
        **charts_payload(data, charts),
        "spans": [[span.text, edges[span.first], edges[span.last + 1]] for span in data.spans],
        "csv": {
            "file": re.sub(r"[^A-Za-z0-9]+", "-", f"parkwatt-{data.site}-{data.day}-setpoints").strip("-") + ".csv",
            "start": data.step_start,
            "hours": data.step_h,
            "columns": [{"name": f"{line.name} [{line.unit}]", "values": line.values} for line in data.setpoints],
        },
    }


def charts_payload(data: Timed, charts: Sequence[pictures.Chart]) -> dict[str, object]:
    """The axis of time and what the script draws over it."""
    return {
        "edges": pictures.edges_h(data),
        "labels": step_labels(data),
        "ticks": ticks(data),
        "charts": [
            {"id": chart.id, "panels": [_panel(panel, len(data.step_h)) for panel in chart.panels]} for chart in charts
        ],
    }


def _panel(panel: pictures.Panel, steps: int) -> dict[str, object]:
    keys = ("title", "unit", "decimals", "limits", "low", "high", "missing")
    drawn: dict[str, object] = {key: getattr(panel, key) for key in keys}
    drawn["height"], drawn["axisDecimals"] = panel.height_rem, panel.axis_decimals
    drawn["series"] = [_series(one, steps) for one in panel.series]
    return drawn


def _series(one: pictures.Series, steps: int) -> dict[str, object]:
    return {
        "name": one.name,
        "draw": one.draw,
        "values": one.values,
        "upper": one.upper,
        "atEdges": len(one.values) == steps + 1,
        "colour": [one.colour.light, one.colour.dark],
        "sign": one.sign,
        "stack": one.stack,
        "dashed": one.dashed,
        "opacity": one.opacity,
        # An all-zero member keeps its legend and table but would only draw a line on the axis.
        "flat": one.draw == "area" and not any(value for value in one.values if math.isfinite(value)),
    }


def _coloured(data: ReportData) -> Iterator[tuple[str, str]]:
    for balance in data.balances:
        yield from ((line.name, line.kind) for line in (*balance.supply, *balance.use))
    yield from ((store.name, store.kind) for store in data.stores)
    yield from ((fan.name, fan.kind) for fan in data.fans)
    for picture in (picture for answer in (*data.answers, *data.ledgers) for picture in answer.pictures):
        yield from ((line.name, line.kind) for line in (*picture.stacked, *picture.lines))


def _plain(value: object) -> object:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    if isinstance(value, int):
        return value
    number = float(value)  # type: ignore[arg-type]  # NumPy scalars too; anything else raises TypeError
    if not math.isfinite(number):
        return None
    rounded = round(number, 6)
    return int(rounded) if rounded.is_integer() else rounded


def _between(data: ReportData, span: Span) -> str:
    """From when to when, with the day of the end where that is another one; a day ends at 24:00."""
    labels = step_labels(data)
    first, (last, _, end) = labels[span.first].partition("–")[0], labels[span.last].partition("–")
    day = last[: -len("00:00")]
    return f"{first}–{'' if first.startswith(day) else day}{'24:00' if end == '00:00' else end}"


def edge_labels(data: Timed) -> tuple[str, ...]:
    """The T+1 times between the steps."""
    labels = step_labels(data)
    first = [label.partition("–")[0] for label in labels]
    return (*first, labels[-1].partition("–")[2])


def policy_hash(script: str) -> str:
    """What lets this script run and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
