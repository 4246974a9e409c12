"""Bodies of products, bids, awards and settlements."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from dispatch.markets.product import Product as MarketProduct
from dispatch.markets.product import Side
from dispatch.service.schemas.results import Failure, Result
from dispatch.service.schemas.values import Body, Day, FlexibilityId, Moment, Name, NotNegative, Number, ShortText, Time

MOST_PERIODS = 300
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e9)]
BidState = Literal["draft", "submitted", "awarded", "withdrawn", "expired"]


class Gate(Body):
    """The gate that closes next."""

    day: Day
    opens: Time
    closes: Time
    open_now: bool


class Product(Body):
    """A product of a market, for some delivery days."""

    name: str
    product: MarketProduct
    span: Annotated[str, Field(description="Delivery days, in words")]
    price_unit: str
    refused: Annotated[str | None, Field(description="Why bids for it are refused; null where they are taken")] = None
    next_gate: Annotated[Gate | None, Field(description="Null where it is for no later day")] = None


class Step(Body):
    """So much more at this price."""

    quantity_kw: Positive
    price: Number
    energy_price_per_kwh: Number | None = None


class Period(Body):
    """The curve of a delivery period."""

    start: Moment
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=200)]


class BidAsked(Body):
    """A bid from what a fleet can do; with periods a curve of one's own instead of that of the costs."""

    flexibility: FlexibilityId
    product: Name
    day: Annotated[Day | None, Field(description="Delivery day; that of the flexibility by default")] = None
    side: Side
    holding_per_kw_h: Annotated[NotNegative, Field(description="Price of a kW kept ready for an hour")] = 0.0
    portfolio: ShortText = ""
    start: Annotated[Moment | None, Field(description="Offer only in periods that begin then or later")] = None
    end: Annotated[Moment | None, Field(description="Offer only in periods that begin before")] = None
    periods: Annotated[tuple[Period, ...] | None, Field(min_length=1, max_length=MOST_PERIODS)] = None

    @model_validator(mode="after")
    def _one_choice(self) -> Self:
        if self.periods is not None and (self.start is not None or self.end is not None):
            raise ValueError("start and end choose among the periods of the costs: leave them out beside periods")
        return self


class Bid(Body):
    """A bid."""

    id: str
    fleet: str
    flexibility: str
    state: Annotated[
        BidState,
        Field(description="A draft expires when its gate closes, a submitted bid when its last period has passed"),
    ]
    product: str
    day: Day
    side: Side
    portfolio: str
    price_unit: str
    periods: tuple[Period, ...]
    left_out_kw: Annotated[float, Field(description="Mean of what is there and is not offered: rounding, limits")]
    clipped: Annotated[
        str | None,
        Field(description="Why it offers less than single periods allow; null where all is possible together"),
    ] = None
    expires_at: Annotated[Time, Field(description="When its last gate closes")]
    created: Time
    submitted: Time | None = None
    award: Annotated[str | None, Field(description="The award that was carried out")] = None


class AwardPeriod(Body):
    """What the market took of a period."""

    start: Moment
    quantity_kw: NotNegative
    price: Number
    energy_price_per_kwh: Number | None = None


class AwardAsked(Body):
    """What the market took of a bid; periods that are left out are none."""

    periods: Annotated[tuple[AwardPeriod, ...], Field(min_length=1, max_length=MOST_PERIODS)]


class Certificate(Body):
    """An inequality that holds for all that is possible with every wish kept, and that the award breaks."""

    text: str
    steps: list[Time]
    asked_kwh: float
    limit_kwh: float


class NearestPeriod(Body):
    """The most of an awarded period that the fleet can give."""

    start: Time
    awarded_kw: float
    nearest_kw: float


class Award(Result):
    """An award, and how it is carried out."""

    bid: str
    product: str
    day: Day
    side: Side
    periods: tuple[AwardPeriod, ...]
    feasible: bool | None = None
    awarded_kwh: float | None = None
    missed_kwh: float | None = None
    off_kw: Annotated[float | None, Field(description="How far the set-points are from the award, at most")] = None
    nearest: Annotated[tuple[NearestPeriod, ...], Field(description="Where it cannot be given in full")] = ()
    certificate: Annotated[
        tuple[Certificate, ...], Field(description="Why not, while stores end the day as they should")
    ] = ()
    left_out: Annotated[
        tuple[Failure, ...], Field(description="Sites without a part: deleted, or of other plant than was offered")
    ] = ()
    schedules: dict[str, str] = Field(
        default_factory=dict, description="By site, the schedule planned around the award"
    )


class DeliveryPeriod(Body):
    """A period of an award while it runs."""

    start: Time
    end: Time
    award_kw: float
    delivered_kw: Annotated[float | None, Field(description="Of the sites that are metered; null before any is")]
    short_kw: Annotated[float | None, Field(description="What lacks; null until all sites are metered")]
    sites_metered: int


class Delivery(Body):
    """What was delivered so far, against the plan without the award."""

    award: str
    against: Literal["plan"] = "plan"
    at: Time
    sites: int
    silent: Annotated[tuple[str, ...], Field(description="Sites without readings of a period that is over")]
    periods: list[DeliveryPeriod]
    awarded_kwh: Annotated[float, Field(description="Of the periods that are metered in full")]
    delivered_kwh: float
    deficiency_kwh: float


class SettlementPeriod(Body):
    """What the product's rules need beside meters, of an awarded period."""

    start: Moment
    surplus_price_per_kwh: Number | None = None
    shortage_price_per_kwh: Number | None = None
    available_share: Annotated[float | None, Field(strict=True, ge=0, le=1)] = None
    activated_kw: NotNegative | None = None


class SettlementAsked(Body):
    """How an award is settled."""

    baseline: Annotated[Name, Field(description="A method, such as ten_of_ten")]
    split_by: Literal["delivered", "marginal", "shapley"] = "delivered"
    holidays: Annotated[tuple[Day, ...], Field(max_length=400)] = ()
    periods: Annotated[tuple[SettlementPeriod, ...], Field(max_length=MOST_PERIODS)] = ()


class Missing(Body):
    """Awarded periods of a site that are not settled yet, one after the other."""

    site: str
    start: Time
    end: Time
    lacks: Annotated[
        Literal["readings", "baseline", "others"],
        Field(
            description="Of the site: meters all through the periods, or enough days before them; others: all in all "
            "what is known of the fleet was told to go the other way"
        ),
    ]
    awarded_kwh: Annotated[float, Field(description="The site's part of the award; below 0 the other way")]


class Settlement(Result):
    """An award in money, for what is known of its sites."""

    award: str
    supersedes: Annotated[str | None, Field(description="The settlement of the award that it replaces")] = None
    superseded_by: Annotated[str | None, Field(description="A later settlement that counts in its place")] = None
    product: str | None = None
    side: str | None = None
    baseline: str
    split_by: str
    currency: str | None = None
    revenue: Annotated[float | None, Field(description="To the portfolio, to the cent; negative: it pays")] = None
    lines: dict[str, float] = Field(default_factory=dict, description="By kind of line")
    sites: dict[str, float] = Field(default_factory=dict, description="By site; they add up to the revenue to the cent")
    delivered_kwh: float | None = None
    awarded_kwh: Annotated[float | None, Field(description="Of what is settled")] = None
    provisional: Annotated[
        bool | None,
        Field(description="Something is missing, and is in no sum: settle again when it has come; null until settled"),
    ] = None
    open_kwh: Annotated[float | None, Field(description="Of the award what is not settled")] = None
    missing: Annotated[tuple[Missing, ...], Field(description="What is not settled, and for want of what")] = ()
    notes: tuple[Any, ...] = ()
