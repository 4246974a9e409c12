"""The ``carbon`` block of a park's file: what its emissions cost, and what its certificates are worth."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from dispatch.carbon_wanted.conventions import Conventions
from dispatch.carbon_wanted.wishes import Covered
from dispatch.fields.frozen import Finite, Fraction, Frozen, NonNegative, Positive

Period = Literal["horizon", "month", "year"]
ACCOUNT = "carbon account"
"""Key of ``Inputs.state`` for what is carried across windows; no asset can have this name."""


class Trading(Frozen):
    """Allowances at market prices, as many as are needed or left."""

    buy_price_per_t: NonNegative
    sell_price_per_t: NonNegative = 0.0

    @model_validator(mode="after")
    def _no_machine(self) -> Self:
        if self.sell_price_per_t > self.buy_price_per_t:
            raise ValueError(
                f"sell_price_per_t {self.sell_price_per_t:g} is above buy_price_per_t {self.buy_price_per_t:g}: buying "
                "to sell would earn without end; accepted: at most the price of buying"
            )
        return self


class StepPrice(Frozen):
    """A price that rises by ``growth`` of itself with every ``interval_t`` above the quota (阶梯式碳交易).

    Below the quota a tonne earns the first price.
    """

    price_per_t: NonNegative
    interval_t: Positive
    growth: NonNegative = Field(default=0.25, description="rise per interval, as a share of the first price")
    steps: int = Field(default=10, ge=0, le=100, description="intervals after which the price stays")


class Offsets(Frozen):
    """Credits that stand for a tonne each (CCER), bought here or registered for own generation."""

    price_per_t: NonNegative
    share_max: Fraction = Field(
        default=0.05,
        description="most of the obligation that they may stand for; 5 % in the national market of China "
        "(碳排放权交易管理办法(试行), 2020, art. 29)",
    )


class Quota(Frozen):
    """What may be emitted for nothing in a period, and what happens to the rest.

    A plan pays what it adds to the period's account: of a month or year the rest is what ``emitted_to_date_t`` and
    ``expected_day_t`` say. The quota of the horizon has no rest: its surplus is sold, its lack bought.
    """

    free_t: NonNegative = Field(description="free allowances of the period")
    per: Period = "month"
    covers: Covered = Field(default="all", description="direct: without that of imported electricity")
    emitted_to_date_t: NonNegative = Field(default=0.0, description="emitted in the period before the horizon")
    expected_day_t: NonNegative = Field(default=0.0, description="expected of each day of the period after the horizon")
    trading: Trading | None = None
    steps: StepPrice | None = Field(default=None, description="in place of trading: a price by steps")
    offsets: Offsets | None = None

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if (self.trading is None) == (self.steps is None):
            found = "neither" if self.trading is None else "both"
            raise ValueError(f"a quota has one price of emissions: trading or steps (found {found})")
        given = {"emitted_to_date_t", "expected_day_t"} & self.model_fields_set
        if self.per == "horizon" and given:
            raise ValueError(f"{min(given)} bears on nothing: the period is the horizon; write per: month or year")
        return self


class Certificates(Frozen):
    """Green certificates, one per MWh of own clean generation; one that is sold is no claim any more.

    Own generation's stay with what is used unless they are sold or registered as offsets. Those in stock or bought
    belong to no hour: they count for the clean share and for clean energy, not for carbon-free hours.
    """

    held_mwh: NonNegative = Field(default=0.0, description="in stock at the start")
    issued_by: tuple[str, ...] | None = Field(default=None, description="assets; default: all own clean generation")
    buy_price_per_mwh: NonNegative | None = Field(default=None, description="default: none can be bought")
    sell_price_per_mwh: NonNegative | None = Field(default=None, description="default: none is sold")
    offset_t_per_mwh: Annotated[Finite, Field(gt=0)] | None = Field(
        default=None, description="t that a MWh is registered for as an offset of its own; default: none is"
    )

    @model_validator(mode="after")
    def _no_machine(self) -> Self:
        buy, sell = self.buy_price_per_mwh, self.sell_price_per_mwh
        if buy is not None and sell is not None and sell > buy:
            raise ValueError(
                f"sell_price_per_mwh {sell:g} is above buy_price_per_mwh {buy:g}: buying to sell would earn without "
                "end; accepted: at most the price of buying"
            )
        return self


class CarbonSettings(Frozen):
    """What carbon costs beside its price in the objective, counted as money; and how it is accounted."""

    quota: Quota | None = None
    certificates: Certificates | None = None
    ledgers: Conventions = Field(default=Conventions(), description="how accounts hold and share carbon")

    @model_validator(mode="after")
    def _registered_for_something(self) -> Self:
        registers = self.certificates is not None and self.certificates.offset_t_per_mwh is not None
        if registers and (self.quota is None or self.quota.offsets is None):
            raise ValueError(
                "certificates.offset_t_per_mwh bears on nothing: there is no quota.offsets whose share it could fill"
            )
        return self
