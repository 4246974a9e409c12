"""Which services a park gets its weather, prices and carbon intensity from, as its file says; asking is the CLI's work.

Lists are in order: where the first service does not answer the next one stands in.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Finite, Frozen, NonNegative

_Text = Annotated[str, Field(min_length=1)]
_OWN_SERVER = "address of an own server that speaks the same format"


class EnergyChartsPrices(Frozen):
    """Day-ahead prices of a bidding zone from Energy-Charts; no key needed."""

    provider: Literal["energy-charts"] = "energy-charts"
    zone: _Text = Field(description="as the service names it, such as DE-LU")
    url: str | None = Field(default=None, description=_OWN_SERVER)


class EntsoeZonePrices(Frozen):
    """Day-ahead prices of a bidding zone from ENTSO-E; the token comes from ENTSOE_API_KEY."""

    provider: Literal["entsoe"] = "entsoe"
    zone: _Text = Field(description="as entsoe-py names it, such as DE_LU, or its EIC code")
    url: str | None = Field(default=None, description=_OWN_SERVER)


class FileFeed(Frozen):
    """A column of the user's own CSV or Parquet file (path relative to the park's file)."""

    provider: Literal["file"] = "file"
    file: _Text
    column: _Text
    unit: _Text = Field(description="EUR/MWh (any currency; kWh too), or g/kWh, kg/MWh, kg/kWh, t/MWh")
    time_column: str | None = Field(default=None, description="default: the first column")
    time_zone: str | None = Field(default=None, description="of naive times; default: the site's")
    stamp: Literal["start", "end"] = "start"


class GbIntensity(Frozen):
    """Great Britain's Carbon Intensity API: measured, and forecast 48 h ahead."""

    provider: Literal["gb"] = "gb"
    region: Annotated[int, Field(ge=1, le=17)] | None = Field(
        default=None, description="forecasts of one region; default: the country"
    )
    url: str | None = Field(default=None, description=_OWN_SERVER)


class MapsIntensity(Frozen):
    """Electricity Maps, consumption-based; the token comes from ELECTRICITY_MAPS_API_KEY."""

    provider: Literal["electricity-maps"] = "electricity-maps"
    zone: _Text
    factors: Literal["lifecycle", "direct"] = "lifecycle"
    url: str | None = Field(default=None, description=_OWN_SERVER)


class MixIntensity(Frozen):
    """Computed from ENTSO-E's generation by type and imports; the token comes from ENTSOE_API_KEY."""

    provider: Literal["entsoe-mix"] = "entsoe-mix"
    zone: _Text
    neighbours_g_per_kwh: dict[str, NonNegative] = Field(
        default_factory=dict, description="intensity of each neighbour that is imported from"
    )
    factors_g_per_kwh: dict[str, Finite] = Field(
        default_factory=dict, description="by source or ENTSO-E production type; others as shipped"
    )
    url: str | None = Field(default=None, description=_OWN_SERVER)


PriceFeed = Annotated[EnergyChartsPrices | EntsoeZonePrices | FileFeed, Field(discriminator="provider")]
IntensityFeed = Annotated[GbIntensity | MapsIntensity | MixIntensity | FileFeed, Field(discriminator="provider")]


class Feeds(Frozen):
    """Services in the order in which they are asked; read by ``parkwatt fetch``, the weather by ``plan`` too."""

    weather: tuple[_Text, ...] = Field(
        default=(),
        description="open-meteo, previous-runs, ensemble, historical-forecast; tmy:PATH (typical year), table:PATH",
    )
    weather_url: str | None = Field(default=None, description="address of an own server with Open-Meteo's format")
    prices: tuple[PriceFeed, ...] = ()
    carbon_intensity: tuple[IntensityFeed, ...] = Field(
        default=(), description="on average; entsoe-mix brings the mix too, from which what is marginal is estimated"
    )
    marginal_intensity: tuple[FileFeed, ...] = Field(
        default=(), description="of one kWh more or less, where somebody measures it"
    )

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len(set(self.weather)) < len(self.weather):
            raise ValueError(f"weather {list(self.weather)}: a provider can only stand once in the order")
        return self
