"""The page of a fleet: one self-contained HTML file that stays light with ten thousand sites.

Pictures count sites into bins, tables sum them by group, and the sites themselves stand in one block of JSON, a column
each: the script shows a page of them at a time. The doors for names are those of :mod:`dispatch.report.page`.
"""

from __future__ import annotations

import base64
import re

import numpy as np

from dispatch.report import fleet_facts, fleet_pictures, wording
from dispatch.report.clock import step_labels
from dispatch.report.data import is_words
from dispatch.report.files import read, template
from dispatch.report.fleet_data import Array, FleetData, FleetSites
from dispatch.report.page import charts_payload, edge_labels, json_block, policy_hash

_DIGITS = 6
_LEVELS = 250  # of a small picture's ordinate: it is a few dozen pixels high


def render_fleet(data: FleetData) -> str:
    """The page as one HTML text; the same data give the same bytes."""
    power, shared = fleet_pictures.power_charts(data), fleet_pictures.shared_charts(data)
    library, script, table = read("vendor/echarts.common.min.js"), read("page.js"), read("fleet.js")
    payload = {**charts_payload(data, (*power, *shared)), "csv": {}, "sites": _sites(data)}
    place = fleet_pictures.site_map(data.sites)
    return template("fleet.html.j2").render(
        data=data,
        power=power,
        shared=shared,
        labels=step_labels(data),
        edges=edge_labels(data),
        lamps=fleet_facts.lamps(data),
        figures=fleet_facts.figures(data),
        bounds=() if data.bounds is None else fleet_pictures.bound_pictures(data.bounds, data.currency),
        iterations=fleet_facts.iterations(data),
        limits=fleet_facts.limits(data),
        spread=fleet_pictures.histograms(data),
        places=() if place is None else (place,),
        groups=list(fleet_facts.groups(data)),
        rungs=fleet_facts.rungs(data.sites),
        reasons=fleet_facts.reasons(data.sites),
        slowest=fleet_facts.slowest(data),
        json_text=json_block(payload),
        library=library,
        scripts=[script, table],
        style=read("page.css") + read("fleet.css"),
        script_hashes=[policy_hash(text) for text in (library, script, table)],
        wording=wording,
        is_words=is_words,
    )


def _sites(data: FleetData) -> dict[str, object]:
    """A column for each number and label of the sites."""
    sites, money = data.sites, data.currency
    numbers: list[tuple[str, str, Array | None]] = [
        ("Cost", money, sites.cost),
        ("Saved by planning", money, None if sites.cost_ruled is None else sites.cost_ruled - sites.cost),
        ("More than alone", money, None if sites.cost_alone is None else sites.cost - sites.cost_alone),
        ("Charged for sharing", money, sites.charged),
        ("CO₂", "kg", sites.co2_kg),
        ("Import", "kWh", sites.import_kwh),
        ("Export", "kWh", sites.export_kwh),
        ("Peak import", "kW", sites.peak_import_kw),
        ("Gap", "%", None if sites.gap is None else 100 * sites.gap),
        ("Work", "s", sites.seconds),
    ]
    columns = [_numbers(name, unit, values) for name, unit, values in numbers if values is not None]
    words = {"Plan": tuple(q.replace("_", " ") for q in sites.quality), "Reason": sites.reason}
    words |= {"Structure": sites.structure} if len(set(sites.structure)) > 1 else {}
    for name, label in sites.labels.items():
        if isinstance(label, tuple):
            words[name] = label
        else:
            columns.append(_numbers(name, "", label))
    file = re.sub(r"[^A-Za-z0-9]+", "-", f"parkwatt-{data.fleet}-{data.day}-sites").strip("-") + ".csv"
    coded = [_words(name, values) for name, values in words.items() if any(values)]
    return {"name": sites.name, "columns": columns, "words": coded, "file": file, "profile": _profiles(sites)}


def _numbers(name: str, unit: str, values: Array) -> dict[str, object]:
    rounded = [float(f"{value:.{_DIGITS}g}") for value in values.tolist()]
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    return {"name": name, "unit": unit, "values": rounded, "decimals": min(3, wording.decimals_for(largest))}


def _words(name: str, values: tuple[str, ...]) -> dict[str, object]:
    known = sorted(set(values))
    code = {word: k for k, word in enumerate(known)}
    return {"name": name[:1].upper() + name[1:], "known": known, "code": [code[word] for word in values]}


def _profiles(sites: FleetSites) -> dict[str, object] | None:
    """Every site's net import as a byte per step, between its own lowest and highest value; 255: missing."""
    if sites.net_import_kw is None:
        return None
    values = sites.net_import_kw
    there = np.isfinite(values)
    low = np.where(there, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(there, values, -np.inf).max(axis=1, initial=-np.inf)
    low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
    span = np.where(high > low, high - low, 1.0)
    scaled = np.round((np.nan_to_num(values) - low[:, None]) / span[:, None] * _LEVELS)
    level = np.where(there, np.clip(scaled, 0, _LEVELS), 255).astype(np.uint8)
    ends = [[float(f"{v:.{_DIGITS}g}") for v in side.tolist()] for side in (low, low + span)]
    packed = base64.b64encode(level.tobytes()).decode()
    return {"low": ends[0], "high": ends[1], "steps": values.shape[1], "levels": _LEVELS, "bytes": packed}
