"""How a park's ledgers hold and share carbon: the block ``carbon: ledgers`` of its file. Agreement, not physics."""

from __future__ import annotations

from math import nan
from typing import Literal

from pydantic import Field

from dispatch.asset import Carrier
from dispatch.fields.frozen import Efficiency, Frozen, NonNegative

StoreRule = Literal["tank", "carry"]
# A tank of water mixes, and its owner bears its losses; what is sold out of other stores bears them.
_TANKS = frozenset({"heat", "steam", "cold"})


class Conventions(Frozen):
    """Rules of stores, of plant with several outputs, and what stores held at the start."""

    stores: dict[Carrier, StoreRule] = Field(
        default_factory=dict,
        description="by carrier of what a store gives: tank (it loses carbon with energy, which is its owner's) or "
        "carry (what leaves bears the losses); default: tank for heat, steam and cold, carry for all else",
    )
    cogeneration: Literal["energy", "efficiency"] = Field(
        default="energy",
        description="of plant that gives electricity and heat: shared by energy, or by the fuel that each would have "
        "taken on its own",
    )
    electric_efficiency: Efficiency = Field(
        default=0.35, description="of making power on its own; WRI/WBCSD, Allocation of GHG Emissions from a CHP, 2006"
    )
    heat_efficiency: Efficiency = Field(default=0.8, description="likewise of heat; the same source")
    start_kg_per_kwh: dict[str, NonNegative] = Field(
        default_factory=dict,
        description="by store, what a kWh held at the start bears; default: as what the store is charged with",
    )

    def rule(self, carrier: str) -> StoreRule:
        """Of a store that gives this carrier."""
        named = {str(name): rule for name, rule in self.stores.items()}
        return named.get(carrier, "tank" if carrier in _TANKS else "carry")

    def start(self, name: str) -> float:
        """Of what a store holds at the start [kg/kWh]; NaN where the file does not say."""
        return float(self.start_kg_per_kwh.get(name, nan))

    def weight(self, carrier: str, others: frozenset[str]) -> float:
        """What a kWh of an output counts beside outputs of the carriers ``others``."""
        if carrier == "co2" and others - {"co2"}:
            return 0.0
        if self.cogeneration == "efficiency" and "electricity" in others | {carrier}:
            return 1 / self.electric_efficiency if carrier == "electricity" else 1 / self.heat_efficiency
        return 1.0
