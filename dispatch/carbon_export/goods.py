"""Goods in the shapes that others ask for: embedded emissions as CBAM names them, and partial footprints of products.

Data only: what is declared, to whom and by which default values is the declarant's to say. Upstream emissions of fuels,
materials and plant are not counted; both shapes say so.

Sources: Implementing Regulation (EU) 2023/1773, annexes III and IV, for what is named; ISO 14067:2018 for declared
unit, system boundary and partial footprint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dispatch.carbon.goods import CN_CODES, Good, Line, Period, lines
from dispatch.carbon_export import About
from dispatch.signals import Horizon

_BOUNDARY = (
    "the park's own plant: fuels burnt on it and electricity used, own and bought; upstream emissions of fuels, "
    "materials and plant are not counted"
)


def cbam(
    found: Sequence[Good],
    horizon: Horizon,
    named: Sequence[Period],
    about: About,
    codes: Mapping[str, str] = CN_CODES,
) -> dict[str, Any]:
    """Activity level, direct and indirect embedded emissions apart, and electricity consumed, of goods with a code.

    Args:
        named: the periods.
        codes: CN code by good; goods without one are left out, and named as such.
    """
    coded = [good for good in found if good.name in codes]
    rows = [_embedded(line, horizon, codes[good.name], about) for good in coded for line in lines(good, named)]
    return {
        "installation": about.park,
        "goods_without_cn_code": [good.name for good in found if good.name not in codes],
        "system_boundary": _BOUNDARY,
        "goods": rows,
    }


def _embedded(line: Line, horizon: Horizon, code: str, about: About) -> dict[str, Any]:
    # CBAM counts electricity in MWh and goods in t.
    per = 1.0 if line.unit == "t" else 1e-3
    level = line.amount * per
    factor = None if line.electricity_kwh <= 0 else line.electricity_kg_per_kwh
    return {
        "good": line.good,
        "cn_code": code,
        "period": line.period,
        "first": horizon.local_start[line.first].isoformat(),
        "end": horizon.local_end[line.end - 1].isoformat(),
        "activity_level": level,
        "activity_level_unit": "t" if line.unit == "t" else "MWh",
        "direct_embedded_emissions_t": line.direct_kg / 1000,
        "indirect_embedded_emissions_t": line.indirect_kg / 1000,
        "specific_direct_embedded_emissions_t_per_unit": _per(line.direct_kg / 1000, level),
        "specific_indirect_embedded_emissions_t_per_unit": _per(line.indirect_kg / 1000, level),
        "electricity_consumed_mwh": line.electricity_kwh / 1000,
        "electricity_consumed_mwh_per_unit": _per(line.electricity_kwh / 1000, level),
        "electricity_emission_factor_t_per_mwh": factor,
        "electricity_emission_factor_source": _source(line.ledger, about),
        "ledger": line.ledger,
    }


def footprints(found: Sequence[Good], horizon: Horizon, named: Sequence[Period], about: About) -> list[dict[str, Any]]:
    """Partial footprints: declared unit, period, value, and its split by scope."""
    return [
        {
            "product": line.good,
            "declared_unit": f"1 {line.unit} of {line.good}",
            "delivered": line.amount,
            "period": line.period,
            "first": horizon.local_start[line.first].isoformat(),
            "end": horizon.local_end[line.end - 1].isoformat(),
            "ledger": line.ledger,
            "value_kg_co2e_per_unit": line.per_unit_kg,
            "scope_1_kg_co2e_per_unit": line.scope_1_kg / line.amount,
            "scope_2_kg_co2e_per_unit": line.scope_2_kg / line.amount,
            "system_boundary": _BOUNDARY,
            "electricity_factor_source": _source(line.ledger, about),
            "made_by": about.park,
        }
        for good in found
        for line in lines(good, named)
        if line.amount > 0
    ]


def _per(value: float, level: float) -> float | None:
    return value / level if level > 0 else None


def _source(ledger: str, about: About) -> str:
    wanted = "residual" if ledger.startswith("market") and "residual" in about.factors else "average"
    return about.factors.get(wanted, "no electricity from a grid")
