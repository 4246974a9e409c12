"""Published cases of the carbon methods, by the calls of docs/carbon.md: the worst difference to what is printed.

A difference is told in half units of the last printed place (five places at least): at most 1 is the printed number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from benchmarks.cases import published as files
from benchmarks.rows import row
from dispatch.carbon import Dispatch, Flows, marginal, matching, tracing

Told = Iterator[tuple[str, float, str]]
_INPUTS = ("benchmarks/topics/carbon/golden.py", "dispatch/carbon", "dispatch/tariff", "grid_models")


def published(name: str) -> dict[str, Any]:
    """A case with its numbers as they are printed."""
    text = (files.shared() / "golden" / "carbon.json").read_text(encoding="utf-8")
    case: dict[str, Any] = json.loads(text, parse_float=str, parse_int=str)[name]
    return case


def places(value: float, printed: str) -> float:
    """Difference in half units of the last printed place, of which there are five at least."""
    decimals = max(len(printed.partition(".")[2]), 5)
    return abs(float(value) - float(printed)) / (0.5 * 10.0**-decimals * (1 + 1e-6))


def _each(what: str, values: Iterable[Any], printed: Iterable[str]) -> Told:
    for value, text in zip(np.ravel(np.asarray(values)), printed, strict=True):
        yield what, float(value), text


def _numbers(values: Any) -> Any:
    """The printed numbers as numbers."""
    if isinstance(values, list):
        return [_numbers(value) for value in values]
    return float(values) if isinstance(values, str) else values


def _sources(case: dict[str, Any]) -> tuple[dict[str, float], dict[str, float]]:
    return ({bus: float(two[k]) for bus, two in case["gen"].items()} for k in (0, 1))  # type: ignore[return-value]


def bialek(case: dict[str, Any]) -> Told:
    """T2: four buses with losses, net and gross."""
    flows, (power, intensity) = Flows.of(_numbers(case["flows_i_j_send_recv"])), _sources(case)
    net, gross = case["net"], case["gross"]
    found = tracing(flows, power, intensity, shares=True)
    loads = flows.place(case["load"])
    yield from _each("net.P_N", found.throughput, net["P_N"])
    yield from _each("net.e", found.intensity, net["e"])
    yield from _each("net.load_t", found.load[loads], net["load_t"])
    yield from _each("net.loss_t", [found.branch_loss.sum()], [net["loss_t"]])
    yield from _each("net.total_t", found.injected, [net["total_t"]])
    assert found.share is not None
    yield from _each("net.share_G1_at", found.share[0], net["share_G1_at"])
    found = tracing(flows, power, intensity, shares=True, losses="gross")
    yield from _each("gross.P_gross", found.throughput, gross["P_gross"])
    yield from _each("gross.gross_demand", found.demand[loads], gross["gross_demand"].values())
    for node in ("3", "4"):
        key = f"L{node}_from_G1_G2"
        yield from _each(f"gross.{key}", found.from_source[:, flows.place([node])], gross[key])


def loop(case: dict[str, Any]) -> Told:
    """T3: power that goes round."""
    found = tracing(_numbers(case["flows"]), *_sources(case))
    yield from _each("P_N", found.throughput, case["P_N"])
    yield from _each("e", found.intensity, case["e"])


def feeder(case: dict[str, Any]) -> Told:
    """T5: the AC power flow of a feeder with generation in it."""
    import pandas as pd

    from grid_models.injections import Injections
    from grid_models.library import load
    from grid_models.tracing_flows import tracing_flows

    network = load("pandapower:case33bw")
    plants = {bus: tuple(map(float, two)) for bus, two in case["sgen"].items()}
    given_kw = np.array([[1e3 * mw] for mw, _ in plants.values()])
    loads = network.background(pd.date_range("2016-01-01", periods=1, freq="1h"), 1.0)
    ac = tracing_flows(network, {"plants": Injections(tuple(plants), given_kw, 0 * given_kw), "loads": loads})
    flows = Flows(len(ac.node_name), ac.from_node, ac.to_node, ac.from_kw / 1e3, ac.to_kw / 1e3, labels=ac.node_name)
    upstream = ac.upstream_kw.max() / 1e3
    at = [ac.node_name[int(np.argmax(ac.upstream_kw[:, 0]))], *plants]
    power = [upstream, *(mw for mw, _ in plants.values())]
    intensity = [float(case["e_ext_grid"]), *(t_per_mwh for _, t_per_mwh in plants.values())]
    net, gross = (tracing(flows, power, intensity, at=at, losses=losses) for losses in ("net", "gross"))
    yield from _each("import_MW", [upstream], [case["import_MW"]])
    yield from _each("loss_MW", [ac.loss_kw.sum() / 1e3], [case["loss_MW"]])
    yield from _each("e", net.intensity[flows.place(case["e"])], case["e"].values())
    yield from _each("gen_t", net.injected, [case["gen_t"]])
    yield from _each("load_t", [net.load.sum()], [case["load_t"]])
    yield from _each("loss_t", [net.branch_loss.sum()], [case["loss_t"]])
    metered = case["gross_intensity_per_metered_MWh"]
    yield from _each("gross_intensity_per_metered_MWh", gross.intensity[flows.place(metered)], metered.values())


def triangle(case: dict[str, Any]) -> Told:
    """T6: one more MWh behind a full line lowers emissions."""
    lines, demand = [(1, 2), (1, 3, 1.0, float(case["limit_13"])), (2, 3)], float(case["load3"])
    plants = [(bus, *map(float, case[f"G{bus}"])) for bus in (1, 2)]
    found = marginal(Dispatch.of_network(lines, plants, {3: demand}))
    power, flow = found.of("generation"), found.of("flow")
    yield from _each("g", power, case["g"])
    yield from _each("flows", flow, case["flows"].values())
    yield from _each("LMP", found.price, case["LMP"])
    yield from _each("LME", found.emissions, case["LME"])
    rows = [(start, end, mw) for (start, end, *_), mw in zip(lines, flow, strict=True)]
    traced = tracing(rows, dict(zip((1, 2), power, strict=True)), {1: plants[0][2], 2: plants[1][2]})
    yield from _each("traced", traced.intensity, case["traced"])
    yield from _each("ACE", [found.emitted / demand], [case["ACE"]])


def clean_hours(case: dict[str, Any]) -> Told:
    """T9: contracts hour by hour and by volume."""
    load, contracts, factor, grid = (_numbers(case[name]) for name in ("load", "contracted", "ef", "grid_cfe"))
    found = matching(load, contracts, factor, grid_cfe=grid)
    for what, value in (
        ("hourly_contract_only", found.hourly_share),
        ("annual_volumetric", found.annual_share),
        ("CFE", found.cfe),
        ("location_t", found.location),
        ("market_hourly_t", found.market_hourly),
        ("market_annual_t", found.market_annual),
        ("excess", found.excess.sum()),
    ):
        yield from _each(what, [value], [case[what]])


def two_part_bill(case: dict[str, Any]) -> Told:
    """T13: demand charges of a month, a tenth lower from 260 kWh per kVA on."""
    for use_kwh, money in case["month_kWh_bill"].items():
        yield from _each("month_kWh_bill", [files.month_bill(float(use_kwh))], [money])


CASES: dict[str, Callable[[dict[str, Any]], Told]] = {
    "T2_bialek4_lossy": bialek,
    "T3_loop_flow": loop,
    "T5_case33bw": feeder,
    "T6_lme_triangle": triangle,
    "T9_cfe": clean_hours,
    "T13_tariff": two_part_bill,
}

# What of each case is looked at, and how the table calls it.
TOLD = {
    "T2_bialek4_lossy": {
        *("net.P_N", "net.e", "net.load_t", "net.loss_t", "net.total_t", "net.share_G1_at"),
        *("gross.P_gross", "gross.gross_demand", "gross.L3_from_G1_G2", "gross.L4_from_G1_G2"),
    },
    "T3_loop_flow": {"P_N", "e"},
    "T5_case33bw": {
        *("import_MW", "loss_MW", "e", "gen_t", "load_t", "loss_t", "gross_intensity_per_metered_MWh"),
    },
    "T6_lme_triangle": {"g", "flows", "LMP", "LME", "traced", "ACE"},
    "T9_cfe": {
        *("hourly_contract_only", "annual_volumetric", "CFE", "location_t", "market_hourly_t", "market_annual_t"),
        "excess",
    },
    "T13_tariff": {"month_kWh_bill"},
}
_TITLES = {
    "T2_bialek4_lossy": "T2, four buses with losses, net and gross",
    "T3_loop_flow": "T3, a loop of flow",
    "T5_case33bw": "T5, case33bw on its AC flows, net and gross",
    "T6_lme_triangle": "T6, marginal emissions of a congested triangle",
    "T9_cfe": "T9, carbon-free hours, location and market",
    "T13_tariff": "T13, two-part tariff",
}


def worst(name: str) -> float:
    """Of all numbers of a case."""
    return max(places(value, printed) for _, value, printed in CASES[name](published(name)))


def _registered(case: str, title: str) -> None:
    what = f"{title}: worst difference, in half units of the last printed place"

    @row("carbon", name=what, unit="", bar="<= 1", inputs=_INPUTS)
    def measured() -> float:
        return worst(case)


for _case, _title in _TITLES.items():
    _registered(_case, _title)
