"""Alkaline electrolysers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.fields.frozen import Fraction
from dispatch.units.electrolysis import Electrolyser
from dispatch.units.production_curve import LoadPoint

_CURVE = ((0.15, 18.594), (0.25, 19.744), (0.28, 19.779), (0.5, 19.191), (0.8, 18.145), (1.0, 17.547))


class AlkalineElectrolyser(Electrolyser):
    """Alkaline electrolysis: the states and the curve of :class:`dispatch.units.electrolysis.Electrolyser`.

    Lowest load 15 % and standby 1 % of the rating. The default curve, in kg per MWh at a share of the rating, is that
    of the modelled plant of arXiv 2301.05310: it yields most per kWh at 28 %, and hydrogen per hour is concave in power
    from the lowest load on (slopes 21.5, 20.1, 18.4, 16.4, 15.2 kg/MWh), so no segment needs a binary where hydrogen is
    wanted.
    """

    kind: Literal["alkaline_electrolyser"] = "alkaline_electrolyser"
    min_load: Fraction = Field(default=0.15, description="lowest draw while producing, as a share of the rating")
    curve: tuple[LoadPoint, ...] = Field(
        default=tuple(LoadPoint(load=load, kg_per_mwh=made) for load, made in _CURVE),
        description="yield by load, as kg_per_mwh or kwh_per_kg; below the first point its yield holds",
    )
