"""Life-cycle emission factors of electricity by source [g CO2-equivalent per kWh], each with where it comes from.

Medians of IPCC, AR5 (2014), WG III, Annex III, Table A.III.2, as most published intensities use them. That table has
no oil: its factor is the median of IPCC, Special Report on Renewables (2011), Table A.II.4. Lignite has no own row in
either: it counts as the highest of the coal plants of Table A.III.2. Waste, peat, oil shale and "other" are in
neither; a user who has them gives a factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

AR5 = "IPCC AR5 WG III Annex III Table A.III.2, 2014"
SRREN = "IPCC SRREN Annex II Table A.II.4, 2011"


@dataclass(frozen=True)
class Factor:
    """One source's emissions and where the number comes from."""

    g_per_kwh: float
    source: str


def _table() -> dict[str, Factor]:
    return {
        "hard_coal": Factor(820.0, f"{AR5}, coal, median"),
        "lignite": Factor(910.0, f"{AR5}, coal, highest"),
        "gas": Factor(490.0, f"{AR5}, gas combined cycle, median"),
        "oil": Factor(840.0, f"{SRREN}, oil, 50th percentile"),
        "biomass": Factor(230.0, f"{AR5}, biomass dedicated, median"),
        "geothermal": Factor(38.0, f"{AR5}, median"),
        "hydro": Factor(24.0, f"{AR5}, median"),
        "nuclear": Factor(12.0, f"{AR5}, median"),
        "marine": Factor(17.0, f"{AR5}, ocean, median"),
        "solar": Factor(48.0, f"{AR5}, solar PV utility, median"),
        "wind_onshore": Factor(11.0, f"{AR5}, median"),
        "wind_offshore": Factor(12.0, f"{AR5}, median"),
    }


FACTORS: Mapping[str, Factor] = MappingProxyType(_table())

# The platform's production types (its code list for PsrType) by our sources. Pumped hydro gives back what was
# generated before, so it counts as hydro when it generates and not at all when it pumps.
ENTSOE_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "Biomass": "biomass",
        "Fossil Brown coal/Lignite": "lignite",
        "Fossil Coal-derived gas": "gas",
        "Fossil Gas": "gas",
        "Fossil Hard coal": "hard_coal",
        "Fossil Oil": "oil",
        "Geothermal": "geothermal",
        "Hydro Pumped Storage": "hydro",
        "Hydro Run-of-river and pondage": "hydro",
        "Hydro Water Reservoir": "hydro",
        "Marine": "marine",
        "Nuclear": "nuclear",
        "Solar": "solar",
        "Wind Offshore": "wind_offshore",
        "Wind Onshore": "wind_onshore",
    }
)
