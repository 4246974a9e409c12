"""What a schedule says of its carbon account: the settings it was made under, and the numbers as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dispatch.asset import Carrier
from dispatch.carbon_settings import CarbonSettings
from dispatch.signals import Array
from dispatch.site import Wish


@dataclass(frozen=True)
class CarbonPosition:
    """One schedule's account beside its kinds.

    Attributes:
        settings, wishes: of the park's file.
        carriers: by the name of a bus.
        caps_kg: by a wish's text, (window,) the caps that the schedule was made under.
        quota: by name, (scenario, slot) tonnes: covered, before, free, bought, sold, offsets, registered; (scenario,)
            ``money``. A slot is the period of the horizon's start, or the one after it.
        certificates: by name, (scenario,) MWh: issued, bought, stock_sold, left; (scenario, step) kW: own_sold,
            registered, lost, used; (scenario,) ``money``.
    """

    settings: CarbonSettings = field(default_factory=CarbonSettings)
    wishes: tuple[Wish, ...] = ()
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    caps_kg: Mapping[str, Array] = field(default_factory=dict)
    quota: Mapping[str, Array] = field(default_factory=dict)
    certificates: Mapping[str, Array] = field(default_factory=dict)

    @property
    def money(self) -> Array | float:
        """(scenario,) what both cost."""
        return self.quota.get("money", 0.0) + self.certificates.get("money", 0.0)
