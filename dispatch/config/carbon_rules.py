"""Rules, factors and prices that public bodies set, as dated data: what held on a day, from which source.

They stand in ``configs/carbon/`` and nowhere else. A day for which there is no rule is refused: the rule of another
year is used by name only, and whoever does says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, overload

from pydantic import Field, ValidationError

from dispatch.config.documents import CONFIGS, read_document
from dispatch.config.mistakes import near_miss
from dispatch.errors import ConfigError, DataError, Problem
from dispatch.fields.frozen import Fraction, Frozen, NonNegative, Positive

FOLDER = "carbon"
_SHOWN_ELSEWHERE = {"kind", "name", "source", "valid_from", "valid_to", "verified", "note"}


class Rule(Frozen):
    """One rule and the days it is for.

    Attributes:
        verified: false where nobody has held the numbers against the source.
    """

    kind: str
    name: str
    source: Annotated[str, Field(min_length=1)]
    valid_from: date
    valid_to: date | None = Field(default=None, description="last day, inclusive; default: until it is replaced")
    verified: bool = True
    note: str = ""

    def holds(self, on: date) -> bool:
        """Is it for this day?"""
        return self.valid_from <= on <= (self.valid_to or date.max)

    @property
    def span(self) -> str:
        """The days it is for, in words."""
        return f"{self.valid_from} to {self.valid_to}" if self.valid_to else f"from {self.valid_from}"

    @property
    def entry(self) -> str:
        """What a park's file calls it, where it may be named there."""
        return ""

    def figures(self) -> Iterator[tuple[str, str]]:
        """Its numbers by name, for people."""
        for name, value in self:
            if name not in _SHOWN_ELSEWHERE and value not in (None, ()):
                yield name, f"{value:,.10g}" if isinstance(value, float) else _listed(value)


def _listed(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


class GridFactor(Rule):
    """CO2 of the grid's electricity in a year: of a region or province, or ``national``, ``residual``, ``fossil``."""

    kind: Literal["grid_factor"] = "grid_factor"
    pack: str
    region: str
    year: int
    published: date | None = None
    kg_per_kwh: NonNegative

    @property
    def entry(self) -> str:
        """Such as cn_north_2023."""
        return f"{self.pack}_{self.region}_{self.year}"


class TwoPartTariff(Rule):
    """Who pays for demand, and when a month's demand is cheaper."""

    kind: Literal["two_part_tariff"] = "two_part_tariff"
    mandatory_from_kva: Positive
    rebate_kwh_per_kva_month: Positive
    rebate_factor: Fraction


class DemandPrices(Rule):
    """What demand and contracted capacity cost, from the cheapest province to the dearest."""

    kind: Literal["demand_prices"] = "demand_prices"
    demand_price_per_kw_month_low: Positive
    demand_price_per_kw_month_high: Positive
    capacity_price_per_kva_month_low: Positive
    capacity_price_per_kva_month_high: Positive


class TouRatios(Rule):
    """Prices of peak and valley over that of flat hours, and what is added to peak in sharp ones."""

    kind: Literal["tou_ratios"] = "tou_ratios"
    peak: Positive
    valley: Positive
    sharp_above_peak: NonNegative
    peak_hours: tuple[str, ...] = ()
    valley_hours: tuple[str, ...] = ()


class TouPrices(Rule):
    """Prices of valley, flat and peak hours."""

    kind: Literal["tou_prices"] = "tou_prices"
    valley_per_kwh: Positive
    flat_per_kwh: Positive
    peak_per_kwh: Positive


class CarbonPrice(Rule):
    """Money per tonne of CO2: the range of a period, or its mean."""

    kind: Literal["carbon_price"] = "carbon_price"
    low_per_t: NonNegative | None = None
    high_per_t: NonNegative | None = None
    mean_per_t: NonNegative | None = None


class GreenCertificatePrice(Rule):
    """Money per MWh of a green electricity certificate."""

    kind: Literal["green_certificate_price"] = "green_certificate_price"
    low_per_mwh: NonNegative | None = None
    high_per_mwh: NonNegative | None = None
    mean_per_mwh: NonNegative | None = None


class Offsets(Rule):
    """How much of an obligation offsets may settle."""

    kind: Literal["offsets"] = "offsets"
    share_of_obligation_max: Fraction


class DirectLineShares(Rule):
    """What a plant on a line of its own owes: own use and export over what is available, supply over consumption."""

    kind: Literal["direct_line"] = "direct_line"
    own_use_share_min: Fraction
    supply_share_min: Fraction
    export_share_max: Fraction


class ZeroCarbonPark(Rule):
    """Emissions over energy used that a zero-carbon park may have, by its yearly use, and its share of clean energy."""

    kind: Literal["zero_carbon_park"] = "zero_carbon_park"
    least_use_tce: Positive
    large_from_tce: Positive
    t_per_tce_max: Positive
    large_t_per_tce_max: Positive
    clean_share_min: Fraction


class CoalOf(Frozen):
    """One carrier's coal equivalent [kg], per unit, and the heating value behind it."""

    kgce: Positive
    per: Literal["kWh", "MJ", "kg", "Nm3"]
    kj: Positive

    def __str__(self) -> str:
        return f"{self.kgce:g} kgce/{self.per}"


class CoalEquivalent(Rule):
    """Energy in tonnes of standard coal."""

    kind: Literal["coal_equivalent"] = "coal_equivalent"
    kj_per_kgce: Positive
    carriers: dict[str, CoalOf]


_KINDS: dict[str, type[Rule]] = {
    cls.model_fields["kind"].default: cls
    for cls in (
        *(TwoPartTariff, DemandPrices, TouRatios, TouPrices, CarbonPrice, GreenCertificatePrice),
        *(Offsets, DirectLineShares, ZeroCarbonPark, CoalEquivalent),
    )
}


class _Factors(Frozen):
    """Factors of one source and year, as they stand in the file."""

    year: int
    valid_from: date
    valid_to: date
    published: date | None = None
    source: str
    verified: bool = True
    kg_per_kwh: dict[str, NonNegative]

    def each(self, pack: str) -> Iterator[GridFactor]:
        """Each by itself."""
        shared = self.model_dump(exclude={"kg_per_kwh"})
        for region, value in self.kg_per_kwh.items():
            yield GridFactor(name=f"grid_factor_{region}", pack=pack, region=region, kg_per_kwh=value, **shared)


def packs() -> tuple[str, ...]:
    """Names of the packs that ship, each with the rules of one country."""
    return tuple(sorted(path.stem for path in (CONFIGS / FOLDER).glob("*.yaml")))


@cache
def read(pack: str) -> tuple[Rule, ...]:
    """All rules of a pack, by name and from the oldest on.

    Raises:
        ConfigError: there is no such pack, or a rule in it is not understood, or two of one name hold on one day.
    """
    if pack not in packs():
        problem = Problem("rules", f"there are none of '{pack}'", near_miss(pack, packs()))
        raise ConfigError(pack, [problem])
    document = read_document(CONFIGS / FOLDER / f"{pack}.yaml", f"{pack}.yaml")
    try:
        factors = [_Factors.model_validate(each) for each in document.raw.get("grid_factors", ())]
        made: list[Rule] = [factor for each in factors for factor in each.each(pack)]
        made += [_KINDS[each["kind"]].model_validate(each) for each in document.raw.get("rules", ())]
    except (ValidationError, KeyError) as error:
        raise ConfigError(document.name, [Problem("rules", f"are not understood: {error}")]) from None
    made.sort(key=lambda rule: (rule.name, rule.valid_from))
    for one, other in pairwise(made):
        if one.name == other.name and one.holds(other.valid_from):
            found = f"two rules '{one.name}' hold on {other.valid_from}"
            raise ConfigError(document.name, [Problem("rules", found, "one rule a day")])
    return tuple(made)


@overload
def rules(name: Literal["two_part_tariff"], on: date, pack: str = ...) -> TwoPartTariff: ...
@overload
def rules(name: Literal["demand_prices"], on: date, pack: str = ...) -> DemandPrices: ...
@overload
def rules(name: Literal["ets_price", "ccer_price"], on: date, pack: str = ...) -> CarbonPrice: ...
@overload
def rules(name: Literal["green_certificate_price"], on: date, pack: str = ...) -> GreenCertificatePrice: ...
@overload
def rules(name: Literal["offsets"], on: date, pack: str = ...) -> Offsets: ...
@overload
def rules(name: Literal["direct_line"], on: date, pack: str = ...) -> DirectLineShares: ...
@overload
def rules(name: Literal["zero_carbon_park"], on: date, pack: str = ...) -> ZeroCarbonPark: ...
@overload
def rules(name: Literal["coal_equivalent"], on: date, pack: str = ...) -> CoalEquivalent: ...
@overload
def rules(name: str, on: date, pack: str = ...) -> Rule: ...
def rules(name: str, on: date, pack: str = "cn") -> Any:
    """The rule of that name that held on a day.

    Args:
        name: such as ``direct_line``, ``ets_price`` or ``grid_factor_north``.
        on: the day.
        pack: whose rules; names a file of ``configs/carbon``.

    Raises:
        DataError: there is none of that name, or none for that day; lists what there is.
    """
    alike = _named(name, pack)
    for rule in alike:
        if rule.holds(on):
            return rule
    raise DataError(f"rules of {pack}: no '{name}' is for {on}; there is {', '.join(r.span for r in alike)}")


def _named(name: str, pack: str) -> list[Rule]:
    found = [rule for rule in read(pack) if rule.name == name]
    if not found:
        names = sorted({rule.name for rule in read(pack)})
        raise DataError(f"rules of {pack}: there is no '{name}'; {near_miss(name, names)}")
    return found


@cache
def grid_factors() -> Mapping[str, GridFactor]:
    """All factors of all packs by the name that a park's file may give them, such as cn_north_2023."""
    made = [rule for pack in packs() for rule in read(pack) if isinstance(rule, GridFactor)]
    return {factor.entry: factor for factor in sorted(made, key=lambda f: (-f.year, f.entry))}
