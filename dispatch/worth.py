"""What an asset means for the worth of a kWh that is kept: what it buys, sells, serves, and makes of what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Activity:
    """What plant does at its rating, by bus in kWh (kg of CO2): inputs and outputs, each beginning with its purpose.

    Attributes:
        takes, gives: by bus, how much.
        cost: money beside its inputs.
        makes: it is a way to have one more of its first output; else that cannot be moved, only saved.
    """

    takes: Mapping[str, float]
    gives: Mapping[str, float]
    cost: float = 0.0
    makes: bool = True


@dataclass(frozen=True)
class Worth:
    """An asset's own part of it, prices being means over the horizon.

    Attributes:
        activities: what it makes of what; none where it only brings, takes or keeps, or where its source is free.
        bought: by bus, what one more costs where it enters the site [money/kWh, of CO2 money/kg]. What a network brings
            reaches every bus of the carrier.
        sold: by bus, what one is sold for.
        served: what it draws must be there, whatever that costs.
    """

    activities: tuple[Activity, ...] = ()
    bought: Mapping[str, float] = field(default_factory=dict)
    sold: Mapping[str, float] = field(default_factory=dict)
    served: bool = False
