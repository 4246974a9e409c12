"""The founding document's claims, and which metric answers each on which park. None of them states metric or baseline."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "the founding document's table of systems"


@dataclass(frozen=True)
class Claim:
    """A claim of the document.

    Attributes:
        system: its Chinese name, and what it is in English.
        claimed: the figure as the document has it.
        value: the same as a number in the metric's unit, None where nothing here is of its kind.
        metrics: keys of ``METRICS`` that are held beside it, the first being the nearest.
        parks: to which it is put; empty: all.
        apart: why what is measured here is not what is claimed.
    """

    system: tuple[str, str]
    claimed: str
    value: float | None
    metrics: tuple[str, ...]
    parks: tuple[str, ...] = ()
    apart: str = ""


_OTHERS = (
    "Other plant and other data than the claim's: loads, wind and PV are measured German profiles scaled to the park."
)
CLAIMS = (
    Claim(("金风科技 智能微电网调度平台", "Goldwind's dispatch platform for microgrids"), "89 % utilisation of local generation",
          0.89, ("utilisation", "own_use"), apart="The document does not say whether exported energy counts as utilised; "
          f"both are given. {_OTHERS}"),
    Claim(("国家电网 新能源云", "State Grid New Energy Cloud"), "97.2 % utilisation", 0.972, ("utilisation",),
          apart=f"The claim is of the provinces' grids, the figure here of one park with its connection. {_OTHERS}"),
    Claim(("5G+智能电网", "China Mobile and State Grid, 5G in distribution grids"), "curtailment 3 %", 0.03, ("curtailment",),
          apart=f"The claim is of real-time control of a grid, the figure here of a park's plans every hour. {_OTHERS}"),
    Claim(("5G+智能电网", "China Mobile and State Grid, 5G in distribution grids"), "integration of renewables +25 %", 0.25,
          ("rules_own_use", "joint_own_use"), apart="What +25 % is of, the document does not say; here it is the share of wind "
          f"and PV that the park itself uses. {_OTHERS}"),
    Claim(("华为能源云 风光功率预测系统", "Huawei's forecasts at CATL's Yibin plant"), "joint dispatch +30 %", 0.30,
          ("joint_objective", "joint_cost", "joint_own_use", "rules_objective", "bound_objective"),
          apart=f"+30 % of what and over what, the document does not say. {_OTHERS}"),
    Claim(("金风科技 智能微电网调度平台", "Goldwind's dispatch platform for microgrids"), "25 million CNY a year of arbitrage",
          None, ("stores_earn", "planning_earns"), apart="The claim is of a fleet of 4.3 GW; one park's money is no share of it. "
          f"{_OTHERS}"),
    Claim(("金风亦庄智慧园区", "Goldwind's Yizhuang campus"), "50 % clean share", 0.5, ("clean", "direct"), ("yizhuang",),
          apart="Of the real campus wind, PV and kinds of storage are known; its loads and tariff here are estimates."),
    Claim(("远景鄂尔多斯零碳产业园", "Envision's Ordos park"), "80 % direct local supply, 20 % green-power trade", 0.8,
          ("direct", "green", "clean"), ("ordos",),
          apart="Of the real park the kinds of plant and the two shares are known; sizes and loads here are estimates."),
    Claim(("青岛中德生态园", "Sino-German Ecopark, Qingdao"), "16 MW of PV in a network of five carriers; no gain is claimed",
          None, ("utilisation", "direct"), ("sino_german",), apart="Nothing is claimed that could be held beside it."),
    Claim(("腾讯, Google Bay View, AWS, Microsoft", "data-centre campuses"), "supply around the clock (24/7); no figure",
          None, ("cfe", "green", "clean"), ("campus",), apart="No share is claimed; the grid's clean part is an estimate."),
)  # fmt: skip

FORECAST = Claim(
    ("华为能源云 风光功率预测系统", "Huawei's forecasts at CATL's Yibin plant"), "96-h error < 10 %", 0.10, (),
    apart="Neither the error's measure nor what it is over is stated. Here it is the nRMSE of the sum of wind and PV over "
    "their rated power, by 24 hours of lead time. The parks' data hold no weather forecast, which any such product uses: "
    "these figures say what calendar and last measurements give, and nothing of what the claim is about.",
)  # fmt: skip
AMMONIA = Claim(
    ("远景赤峰 风光储氢氨醇一体化", "Envision's off-grid plant at Chifeng"), "20 000 t of ammonia a year", 20_000.0, (),
    ("chifeng",), apart="The park is sized to that amount, so that reaching it shows the sizes hold, not that the claim is right.",
)  # fmt: skip


def claims_of(park: str) -> list[Claim]:
    """Those that are put to a park."""
    return [claim for claim in CLAIMS if not claim.parks or park in claim.parks]
