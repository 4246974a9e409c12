"""Parks inside a park: owners behind one point of common coupling."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from dispatch.assets.grid_connection import GridConnection
from dispatch.errors import ConfigError, Problem
from dispatch.fields.frozen import NonNegative
from dispatch.fleet.shared.base import Shared
from dispatch.fleet.shared.meter import Meter, meter
from dispatch.fleet.shared.scope import Builder, Scope
from dispatch.signals import Array
from dispatch.site import Objective, Site
from dispatch.tariff import Tariff

Surplus = Literal["energy", "equal", "own"]


class Park(Shared):
    r"""Sites of several owners behind one connection, whose bill they pay together.

    .. math:: Σ_n i_{nt} = I_t - X_t, \quad \min Σ_n C_n(x_n) + C_{pcc}(I, X)

    Each owner keeps plant, wishes and objective (C_n: its money, its carbon price on what its own plant emits, its
    penalties). Its site's own connection becomes the cable to the park's bus: its limits stay, and in place of its
    tariff stands ``inside``, a fee for the park's network (nothing by default). What is imported, its carbon and the
    price of that carbon belong to the park's connection. The dual of the balance is the price inside.
    """

    kind: Literal["park"] = "park"
    connection: GridConnection = Field(description="the point of common coupling")
    owner: str = Field(default="", description="label that says whose a site is; default: each site is an owner")
    inside: Tariff | None = Field(default=None, description="what a site pays for the park's network; default: nothing")
    carbon_price_per_t: NonNegative = Field(default=0.0, description="of what the park imports, in the objective")
    surplus: Surplus = Field(
        default="energy",
        description="who gets what internal prices collect beyond the bill: by energy exchanged, alike, or shares",
    )
    surplus_shares: dict[str, NonNegative] = Field(default={}, description="by owner, for surplus: own")

    single: ClassVar[bool] = True

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if (self.surplus == "own") != bool(self.surplus_shares):
            raise ValueError("surplus: own goes with surplus_shares, a number for each owner, and only it does")
        if self.surplus_shares and not sum(self.surplus_shares.values()):
            raise ValueError("surplus_shares are all zero: at least one must be more")
        return self

    def add(self, builder: Builder, group: str, weight: Array) -> None:
        """The connection's own rows, and one balance per step."""
        self.meter(builder.scope).put(builder, group, weight)

    def meter(self, scope: Scope) -> Meter:
        """The connection compiled for a horizon."""
        wanted = Objective(carbon_price_per_t=self.carbon_price_per_t)
        return meter(self.connection, scope.horizon, scope.currency, scope.state, wanted)

    def site(self, site: Site) -> Site:
        """With its connections as cables to the park's bus.

        Raises:
            ConfigError: it has contracts at its own connection, which would stand behind the park's.
        """
        inside = self.inside or Tariff(name="inside", currency=site.currency, components=())
        wrong = [
            Problem(
                f"{site.name}.{asset.name}.{field}", f"has no place behind '{self.name}'", "at the park's connection"
            )
            for asset in site.assets
            if isinstance(asset, GridConnection)
            for field in ("green_power", "demand_response")
            if getattr(asset, field)
        ]
        if wrong:
            raise ConfigError(self.name, wrong)
        cable = {
            "tariff": inside,
            "carbon_intensity_kg_per_kwh": 0.0,
            "marginal_intensity_kg_per_kwh": None,
            "clean_fraction": self.connection.clean_fraction,
            "carbon_free_fraction": self.connection.carbon_free_fraction,
            "contracted_kva": 0.0,
            "month_to_date_peak_kw": 0.0,
            "expected_peak_kw": 0.0,
            "past_peaks_kw": (),
            "month_to_date_kwh": 0.0,
            "expected_day_kwh": 0.0,
        }
        assets = tuple(a.model_copy(update=cable) if isinstance(a, GridConnection) else a for a in site.assets)
        return site.model_copy(update={"assets": assets})
