"""What a park holds and gives away of certificates for its electricity: the block ``claims`` of its file.

Green power of a connection, direct lines and own generation bring certificates without being named here; this block
says what is bought beside them, what is sold or cancelled elsewhere, and which meter gets which. A certificate is used
once: what is sold, or registered for offsets, covers no load of the park.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dispatch.fields.frozen import Finite, Fraction, Frozen, Positive
from dispatch.fields.series import Factor, Signal

Name = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9_\-]+$")]


class Span(Frozen):
    """Local days, both included; without them the whole period that is accounted."""

    first: date | None = Field(default=None, description="first local day; default: that of the account")
    last: date | None = Field(default=None, description="last local day, included; default: that of the account")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError(f"last {self.last} is before first {self.first}")
        return self


class Lot(Span):
    """Certificates without electricity, bought or there from before; they say in which days it was made, no hour.

    An account by the year uses them in the years of those days; one by the hour leaves them unused and says so.
    """

    name: Name
    energy_kwh: Positive
    opening: bool = Field(default=False, description="true: held from before the period, not bought in it")
    source: str = Field(default="", description="registry and numbers, or where the figure comes from")


class Disposal(Span):
    """Certificates that leave the park: sold, registered as offsets, or cancelled for a purpose of somebody else."""

    of: Name = Field(description="the plant, contract or lot behind them")
    energy_kwh: Positive | None = None
    share: Annotated[Finite, Field(gt=0, le=1)] | None = Field(default=None, description="of those that come in")
    how: Literal["sold", "offset", "retired"] = Field(
        default="sold", description="offset: the same generation is registered for offsets (CCER), so none is claimed"
    )

    @model_validator(mode="after")
    def _one_amount(self) -> Self:
        if (self.energy_kwh is None) == (self.share is None):
            raise ValueError(f"certificates of '{self.of}' that are {self.how}: give energy_kwh or share, one of them")
        return self


class Claims(Frozen):
    """Certificates beside the park's own supply, and by which rule they cover its meters."""

    lots: tuple[Lot, ...] = ()
    disposals: tuple[Disposal, ...] = Field(default=(), description="what is sold, registered as offsets or retired")
    shares: dict[str, dict[str, Fraction]] = Field(
        default_factory=dict,
        description="by plant, contract or lot: what part each named meter gets of it; others by their load",
    )
    residual_kg_per_kwh: Signal | Factor | None = Field(
        default=None,
        description="of electricity that no certificate covers, such as cn_residual_2023; default: the connection's "
        "average factor",
    )
    with_exports: bool = Field(
        default=True,
        description="certificates of own plant that no load uses go with what is exported of it; false: they are kept, "
        "and what is exported has the residual factor",
    )
    claim: Literal["hour", "year"] = Field(
        default="hour", description="by which account the park claims: certificates cannot be used in both"
    )

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [lot.name for lot in self.lots]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"'{twice[0]}' names two lots: certificates are counted by name")
        for name in {disposal.of for disposal in self.disposals}:
            whole = sum(d.share or 0.0 for d in self.disposals if d.of == name and d.first is None and d.last is None)
            if whole > 1 + 1e-9:
                raise ValueError(
                    f"{whole:g} of the certificates of '{name}' are given away: one that is sold is not registered "
                    "for an offset, too"
                )
        for name, shares in self.shares.items():
            if (total := sum(shares.values())) > 1 + 1e-9:
                raise ValueError(f"shares of '{name}' add up to {total:g}; accepted: 1 at most")
        return self
