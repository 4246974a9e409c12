"""Where a park stands on its network, what the proof there shall cover, and limits that several plants share."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Frozen, NonNegative, Positive

HOLDS_VOLTAGE = "holds_voltage"
"""Series of the reference unit of an island: 1 in the steps in which it holds the voltage."""

_Name = Annotated[str, Field(min_length=1)]
# Beyond these a number is in kV or per cent.
_VoltagePu = Annotated[Positive, Field(lt=1.5)]
_LoadingPu = Annotated[Positive, Field(le=5)]


def _require_band(low_pu: float | None, high_pu: float | None, of: str = "") -> None:
    if low_pu is not None and high_pu is not None and low_pu >= high_pu:
        raise ValueError(f"voltage_min_pu {low_pu:g}{of} is not below voltage_max_pu {high_pu:g}")


class TapBand(Frozen):
    """A transformer that steps its taps while its low-voltage side is outside a band."""

    transformer: _Name = Field(description="its name in the network model")
    voltage_min_pu: _VoltagePu = 0.98
    voltage_max_pu: _VoltagePu = 1.02

    @model_validator(mode="after")
    def _is_band(self) -> Self:
        _require_band(self.voltage_min_pu, self.voltage_max_pu, f" of '{self.transformer}'")
        return self


class Contingency(Frozen):
    """Lines and transformers that may fail, one at a time, and the limits that hold until they are back."""

    branches: Annotated[tuple[_Name, ...], Field(min_length=1)] = Field(description="names in the network model")
    loading_max_pu: _LoadingPu | None = Field(default=None, description="default: that of the intact network")
    voltage_min_pu: _VoltagePu | None = Field(default=None, description="default: that of the intact network")
    voltage_max_pu: _VoltagePu | None = Field(default=None, description="default: that of the intact network")

    @model_validator(mode="after")
    def _is_band(self) -> Self:
        _require_band(self.voltage_min_pu, self.voltage_max_pu)
        twice = [name for place, name in enumerate(self.branches) if name in self.branches[:place]]
        if twice:
            raise ValueError(f"branches: '{twice[0]}' is named twice")
        return self


class Island(Frozen):
    """Steps in which the site has no connection: the reference unit holds the voltage and gives what lacks.

    Those are the steps in which every grid connection is planned out, or all where the site has none. A unit that
    starts and stops is then on; where its limits leave no plan in which it is, the plan says so.
    """

    reference: _Name = Field(description="a unit, which is then on, or a store: its bus is the slack, at 1.0 p.u.")
    rated_kw: Positive = Field(description="most that it gives or takes for the others, losses included")
    rated_kvar: Positive | None = Field(default=None, description="likewise reactive; default: not checked")
    open_branches: tuple[_Name, ...] = Field(default=(), description="what is switched off from the grid then")


class Grid(Frozen):
    """The network model that proves a plan, and where the site's buses stand on it."""

    network: str = Field(description="'simbench:CODE', 'pandapower:FUNCTION', 'file:PATH' or 'feeder:PATH'")
    bus_of: dict[str, str] = Field(min_length=1, description="site bus → network bus")
    voltage_min_pu: _VoltagePu | None = Field(default=None, description="default: the network's own limit")
    voltage_max_pu: _VoltagePu | None = Field(default=None, description="default: the network's own limit")
    neighbours: bool = Field(
        default=True, description="add the network's other customers at their own profiles, if it has any"
    )
    tap_changers: tuple[TapBand, ...] = ()
    contingencies: Contingency | None = None
    island: Island | None = None
    losses_at: _Name | None = Field(
        default=None, description="site bus that supplies the network's losses, so that a plan pays for them"
    )

    certificate: bool = Field(
        default=False, description="where violations are left, ask a convex relaxation whether any plan could mend them"
    )

    @model_validator(mode="after")
    def _is_band(self) -> Self:
        _require_band(self.voltage_min_pu, self.voltage_max_pu)
        return self

    @model_validator(mode="after")
    def _losses_are_own(self) -> Self:
        if self.losses_at is not None and self.neighbours:
            raise ValueError("losses_at counts all losses of the network as the park's: set neighbours: false")
        if self.losses_at is not None and self.losses_at not in self.bus_of:
            raise ValueError(f"losses_at: '{self.losses_at}' has no place in bus_of; one of {', '.join(self.bus_of)}")
        return self


class Group(Frozen):
    """Assets behind one feeder, transformer or inverter: together they give or take no more than its limits."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]
    assets: Annotated[tuple[_Name, ...], Field(min_length=1)]
    max_export_kw: NonNegative | None = Field(default=None, description="net power out of the group; default: no limit")
    max_import_kw: NonNegative | None = Field(default=None, description="net power into the group; default: no limit")

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.max_export_kw is None and self.max_import_kw is None:
            raise ValueError(f"group '{self.name}' limits nothing: give max_export_kw, max_import_kw or both")
        twice = [name for place, name in enumerate(self.assets) if name in self.assets[:place]]
        if twice:
            raise ValueError(f"group '{self.name}' names '{twice[0]}' twice")
        return self
