"""What stands over a topic: which part of the product it measures, and what its rows are held against."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass

from benchmarks.rows import Measurement


@dataclass(frozen=True)
class Heading:
    """``compares``: the published numbers, peers and solvers that values stand beside."""

    part: int
    title: str
    compares: str


HEADINGS = {
    "spine": Heading(
        1,
        "The main job",
        "The promises to a new user: a day's plan with its report, the same bytes twice, answers within a "
        "second. The browser and an empty clone are the judges.",
    ),
    "scheduler": Heading(
        2,
        "Planning and proof",
        "Optima published with Egret, PyPSA and DER-VET, the pglib-uc instances, HiGHS alone on the same "
        "form, linopy and Pyomo in the same run, an independent model of unit commitment, and perfect "
        "foresight.",
    ),
    "assets": Heading(
        3,
        "Kinds of plant",
        "Published worked examples, closed forms against simulation, oemof-solph and PyPSA on the same parks "
        "by the same solver, and 30 days of each reference park.",
    ),
    "grid": Heading(
        4,
        "The network",
        "pandapower (the reference), power-grid-model and lightsim2grid on SimBench grids, published optimal "
        "power flows, and faults put in on purpose.",
    ),
    "forecasting": Heading(
        5,
        "Forecasts",
        "GEFCom2012 and GEFCom2014 with their entrants, PVOD, the published deep networks for day-ahead "
        "prices, OpenSTEF in the same run, persistence, and what a forecast is worth in money.",
    ),
    "carbon": Heading(
        6,
        "Carbon",
        "Published worked examples of tracing, Shapley shares and markets, brute force where a closed form is "
        "used, and a SimBench year.",
    ),
    "fleet": Heading(
        7,
        "Fleets and markets",
        "One program of all sites by the same solver, HiGHS for what is exact, placebo days for baselines, "
        "and faults put in on purpose.",
    ),
    "service": Heading(
        8,
        "The service",
        "Generated requests, other tenants' things, kills, power loss, solvers that break, load; clients of "
        "FlexMeasures and OpenADR that others wrote.",
    ),
    "studies": Heading(
        9,
        "Studies",
        "Peers on the same case by the same solver, published cases with published answers, and the founding "
        "document's claims.",
    ),
}


def subject(measurement: Measurement, piece: str) -> str:
    """The first sentence of the docstring of the module that a piece is."""
    name = f"benchmarks.topics.{piece.replace('/', '.')}"
    try:
        text = inspect.getdoc(importlib.import_module(name)) or ""
    except ModuleNotFoundError:  # rows that stand elsewhere, as in tests
        text = inspect.getdoc(inspect.getmodule(measurement.function)) or ""
    first = text.partition("\n\n")[0].replace("\n", " ")
    head, stop, _ = first.partition(". ")
    return (head + stop).strip().replace("``", "")
