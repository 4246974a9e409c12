"""Sites that share limits and products: column generation with a certificate."""

from __future__ import annotations

from dispatch.fleet.coordination.coordinate import coordinate
from dispatch.fleet.coordination.coordinated import Breach, Coordinated
from dispatch.fleet.coordination.portions import Kept, Portion, Structure
from dispatch.fleet.coordination.pricing import Priced, Pricer, SimplexPricer
from dispatch.fleet.coordination.rounds import Round
from dispatch.fleet.coordination.settings import Settings

__all__ = [
    "Breach",
    "Coordinated",
    "Kept",
    "Portion",
    "Priced",
    "Pricer",
    "Round",
    "Settings",
    "SimplexPricer",
    "Structure",
    "coordinate",
]
