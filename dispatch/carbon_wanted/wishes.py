"""What a park's file may wish of a plan's carbon: a cap on emissions, carbon-free hours, a zero-carbon park."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dispatch.fields.frozen import Fraction, Frozen, NonNegative

# Around the clock: a share in every hour, which nothing of another hour makes up for ("24/7").
Window = Literal["hour", "day", "horizon"]
Covered = Literal["all", "direct"]


def percent(share: float) -> str:
    """A share as it is asked for: 0.504 is not 50 %."""
    return f"{100 * share:.6g}%"


class EmissionsWish(Frozen):
    """Emissions, at most this much in each window, in every scenario.

    No plan is infeasible for it: a tonne over costs ``penalty_per_t`` in the objective, never in the reported money,
    and is reported. Below that price the dual of the cap is its shadow carbon price.
    """

    emissions_max_t: NonNegative
    over: Window = "horizon"
    covers: Covered = Field(
        default="all", description="direct: what is emitted on site, without that of imported electricity"
    )
    penalty_per_t: NonNegative = Field(default=10_000.0, description="price of a tonne over, far above any market's")

    @property
    def texts(self) -> tuple[str]:
        """In the user's words."""
        return (self.text,)

    @property
    def text(self) -> str:
        """In the user's words."""
        what = "direct emissions" if self.covers == "direct" else "emissions"
        return f"{what} of at most {self.emissions_max_t:g} t per {self.over}"


class CarbonFreeWish(Frozen):
    r"""Score of carbon-free energy around the clock (24/7 CFE), at least this much in each window.

    .. math:: Σ_t [m_t + g_t (L_t - m_t)] ≥ x Σ_t L_t, \quad m_t ≤ L_t, \quad m_t ≤ C_t

    with the electricity L that is brought to the site (what stores take counts in its hour, what they give back does
    not), what is carbon-free of own generation and contracts C, and the share g of what a connection adds beside them
    (``carbon_free_fraction``). Certificates of no hour do not count; sold ones no longer do.
    """

    carbon_free_min: Fraction
    over: Window = "horizon"
    penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kWh short")

    @property
    def texts(self) -> tuple[str]:
        """In the user's words."""
        return (f"carbon-free energy of at least {percent(self.carbon_free_min)} per {self.over}",)


class ZeroCarbonWish(Frozen):
    """A zero-carbon park: emissions per energy used, in t CO2 per tce, and clean energy's share of it.

    Used is what is brought: electricity that is bought or made here of no bought fuel, less what is exported, and
    fuels, each at its coal equivalent (:mod:`dispatch.emissions.coal_equivalent`).

    Source: 发改环资 [2025] 910号: at most 0.20 t per tce in parks that use 0.2 to 1 million tce a year, 0.30 above;
    clean energy at least 90 %.
    """

    emissions_max_t_per_tce: NonNegative = Field(description="0.20 below 1 million tce a year, 0.30 above")
    clean_energy_min: Fraction = 0.9
    over: Window = "horizon"
    penalty_per_t: NonNegative = Field(default=10_000.0, description="price of a tonne over")
    penalty_per_kwh: NonNegative = Field(default=1.0, description="price of a kWh of clean energy short")

    @property
    def texts(self) -> tuple[str, str]:
        """Both in the user's words: emissions, clean energy."""
        emitted = f"emissions of at most {self.emissions_max_t_per_tce:g} t per tce of energy used, per {self.over}"
        return emitted, f"clean energy of at least {percent(self.clean_energy_min)} of energy used, per {self.over}"
