"""What a schedule says of its carbon account: the settings it was made under, and the numbers as they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dispatch.asset import Carrier
from dispatch.carbon_wanted.settings import CarbonSettings, Quota
from dispatch.carbon_wanted.wishes import EmissionsWish
from dispatch.signals import Array
from dispatch.site import Wish, wish_names

_SMALL = 0.005


@dataclass(frozen=True)
class CarbonPosition:
    """One schedule's account beside its kinds.

    Attributes:
        settings, wishes: of the park's file.
        followed: caps that count from window to window and are held elsewhere.
        carriers: by the name of a bus.
        caps_kg: by a wish's name, (window,) the caps that the schedule was made under.
        quota: by name, (scenario, slot) tonnes: covered, before, free, bought, sold, offsets, registered; (scenario,)
            ``money``. A slot is the period of the horizon's start, or the one after it.
        certificates: by name, (scenario,) MWh: issued, bought, stock_sold, left; (scenario, step) kW: own_sold,
            registered, lost, used; (scenario,) ``money``.
    """

    settings: CarbonSettings = field(default_factory=CarbonSettings)
    wishes: tuple[Wish, ...] = ()
    followed: tuple[EmissionsWish, ...] = ()
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    caps_kg: Mapping[str, Array] = field(default_factory=dict)
    quota: Mapping[str, Array] = field(default_factory=dict)
    certificates: Mapping[str, Array] = field(default_factory=dict)

    @property
    def caps(self) -> tuple[EmissionsWish, ...]:
        """Caps on emissions, those held elsewhere too."""
        return (*self.followed, *(wish for wish in self.wishes if isinstance(wish, EmissionsWish)))

    @property
    def named_caps(self) -> Iterator[tuple[str, EmissionsWish]]:
        """Caps on emissions of the park's file, each by the name that its results have."""
        for wish, names in zip(self.wishes, wish_names(self.wishes), strict=True):
            if isinstance(wish, EmissionsWish):
                yield names[0], wish

    def lines(self, scenario: int = 0) -> Iterator[tuple[str, float]]:
        """Its money, line by line."""
        quota, certificates = self.settings.quota, self.settings.certificates
        if quota is not None:
            paid = list(self._of_quota(quota, scenario))
            yield from paid
            anyway = sum(money for _, money in paid) - float(self.quota["money"][scenario])
            if abs(anyway) > _SMALL:
                yield f"carbon: what the {quota.per} costs without this plan, taken off", -anyway
        if certificates is not None:
            yield "green certificates", float(self.certificates["money"][scenario])

    def _of_quota(self, quota: Quota, scenario: int) -> Iterator[tuple[str, float]]:
        def tonnes(name: str) -> float:
            return float(self.quota[name][scenario].sum())

        if quota.trading is not None:
            yield "carbon: allowances bought", quota.trading.buy_price_per_t * tonnes("bought_t")
            yield "carbon: allowances sold", -quota.trading.sell_price_per_t * tonnes("sold_t")
        else:
            yield "carbon: price by steps", tonnes("stepped_money")
        if quota.offsets is not None:
            yield "carbon: offsets", quota.offsets.price_per_t * tonnes("offsets_t")

    @property
    def money(self) -> Array | float:
        """(scenario,) what both cost."""
        return self.quota.get("money", 0.0) + self.certificates.get("money", 0.0)
