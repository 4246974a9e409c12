"""Electrolysers with a proton exchange membrane."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.fields.frozen import Fraction
from dispatch.units.electrolysis import Electrolyser
from dispatch.units.production_curve import LoadPoint

_RATED_KWH_PER_KG = 66.0
_CURVE = ((0.2, 0.838), (0.4, 0.860), (0.6, 0.898), (0.8, 0.932), (1.0, 1.010))


class PemElectrolyser(Electrolyser):
    """PEM electrolysis: the states and the curve of :class:`~dispatch.units.electrolysis.Electrolyser`, a low minimum.

    The default curve is what a system takes for a kg, as shares of 66 kWh: .838, .860, .898, .932 and 1.010 at a fifth
    of the rating to all of it; below a fifth its first value holds. Hydrogen per hour is concave in power. The lowest
    load (typical 5 to 10 %) is not verified.
    """

    kind: Literal["pem_electrolyser"] = "pem_electrolyser"
    min_load: Fraction = Field(default=0.05, description="lowest draw while producing, as a share of the rating")
    curve: tuple[LoadPoint, ...] = Field(
        default=tuple(LoadPoint(load=load, kwh_per_kg=round(_RATED_KWH_PER_KG * x, 3)) for load, x in _CURVE),
        description="yield by load, as kg_per_mwh or kwh_per_kg; below the first point its yield holds",
    )
