"""What may stand in the file of a park's own feeder: see :mod:`grid_models.feeder`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class Entry(BaseModel):
    """What all entries have in common: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Bus(Entry):
    """A busbar."""

    name: str = Field(min_length=1)
    voltage_kv: float = Field(gt=0)
    voltage_min_pu: float = Field(default=0.9, gt=0, lt=1.5)
    voltage_max_pu: float = Field(default=1.1, gt=0, lt=1.5)


class Source(Entry):
    """The network upstream: an ideal voltage behind its short-circuit impedance."""

    bus: str
    voltage_pu: float = Field(default=1.0, gt=0.5, lt=1.5)
    short_circuit_mva: float = Field(gt=0)
    resistance_over_reactance: float = Field(default=0.1, ge=0)


class Transformer(Entry):
    """One or more equal transformers side by side: of a standard type, or by the numbers of its plate."""

    name: str = Field(min_length=1)
    high_bus: str
    low_bus: str
    type: str = Field(default="", min_length=1)
    rated_kva: float | None = Field(default=None, gt=0)
    short_circuit_percent: float | None = Field(default=None, gt=0, lt=100)
    load_loss_kw: float | None = Field(default=None, ge=0)
    no_load_loss_kw: float | None = Field(default=None, ge=0)
    no_load_current_percent: float | None = Field(default=None, ge=0, lt=100)
    high_kv: float | None = Field(default=None, gt=0)
    low_kv: float | None = Field(default=None, gt=0)
    tap_step_percent: float | None = Field(default=None, gt=0, lt=100)
    tap_steps: int | None = Field(default=None, ge=1)
    tap: int = 0
    parallel: int = Field(default=1, ge=1)
    loading_max_pu: float = Field(default=1.0, gt=0)


class Line(Entry):
    """One or more equal cables or overhead lines side by side: of a standard type, or by numbers of their own."""

    name: str = Field(min_length=1)
    from_bus: str
    to_bus: str
    length_km: float = Field(gt=0)
    type: str = Field(default="", min_length=1)
    r_ohm_per_km: float | None = Field(default=None, ge=0)
    x_ohm_per_km: float | None = Field(default=None, ge=0)
    ampacity_a: float | None = Field(default=None, gt=0)
    capacitance_nf_per_km: float | None = Field(default=None, ge=0)
    parallel: int = Field(default=1, ge=1)
    loading_max_pu: float = Field(default=1.0, gt=0)
    open: bool = False


class Load(Entry):
    """A customer other than the park."""

    bus: str
    load_kw: float = Field(ge=0)
    load_kvar: float = 0.0


# Numbers in the place of a type: those that are needed, and those that may be left out.
OWN_NEEDED: Mapping[type[Entry], tuple[str, ...]] = {
    Line: ("r_ohm_per_km", "x_ohm_per_km", "ampacity_a"),
    Transformer: ("rated_kva", "short_circuit_percent", "load_loss_kw"),
}
OWN: Mapping[type[Entry], tuple[str, ...]] = {
    Line: (*OWN_NEEDED[Line], "capacitance_nf_per_km"),
    Transformer: (
        *OWN_NEEDED[Transformer], "no_load_loss_kw", "no_load_current_percent", "high_kv", "low_kv",
        "tap_step_percent", "tap_steps",
    ),
}  # fmt: skip
