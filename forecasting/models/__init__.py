"""What is known of each kind of series: which features bear on it, and which learners do it justice."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecasting.models.base import Model
    from forecasting.targets import Kind


def of_kind(kind: Kind) -> tuple[Model, ...]:
    """The models of a kind that use what is forecast around the series, best first; each may decline."""
    from forecasting.models.physics_only import PhysicsOnly

    if kind == "wind":
        from forecasting.models.wind.model import WindModel

        return WindModel(), PhysicsOnly()
    if kind == "pv":
        from forecasting.models.solar.model import Solar

        return Solar(), PhysicsOnly()
    if kind in ("load", "net_load"):
        from forecasting.models.load.model import LoadModel
        from forecasting.models.with_forecasts import WithForecasts

        return (WithForecasts(LoadModel()),)
    if kind == "intensity":
        from forecasting.models import carbon_intensity
        from forecasting.models.carbon_intensity.marginal import MarginalIntensity

        return MarginalIntensity(), carbon_intensity.model()
    from forecasting.models.price.model import PriceModel

    return (PriceModel(),)


def of_last_resort(kind: Kind) -> tuple[Model, ...]:
    """Models that need no forecast from outside, best first."""
    from forecasting.models.own_past import OwnPast
    from forecasting.models.usual_weather import UsualWeather

    return (UsualWeather(), OwnPast()) if kind in ("wind", "pv") else (OwnPast(),)
