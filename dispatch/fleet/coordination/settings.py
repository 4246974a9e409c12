"""How a coordination goes about its work and when it ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

_SAMPLED, _FINER = 16, 5


@dataclass(frozen=True)
class Settings:
    """When to stop, and how the fleet is cut; results do not depend on who runs the pieces.

    Attributes:
        gap: relative difference of upper and lower bound at which the answer is good enough.
        rounds: most times that all sites are asked.
        deadline_s: no further round begins after so long [s]; the best answer so far comes back with its gap.
        excess_price: money per unit by which a shared row may be passed where nothing else helps; None for a hundred
            times what the fleet pays per unit of the row, and ten thousand times that where it leaves a row passed.
        portion: most sites of a piece of work; a worker holds several pieces.
        portions: fewest pieces, where there are sites for so many.
        groups: about so many groups of sites have answers of their own in the master; five times as many where whole
            numbers are relaxed, whose answers cost little.
        sample: about so many sites of a thousand look for prices before all are asked; of larger fleets up to four
            times as many, of smaller ones fewer.
        least_sampled: fleets of fewer times the sample go without.
        spreads: so often groups are asked at prices of their own around the sample's.
        sample_rounds: most times that the sample is asked.
    """

    gap: float = 1e-4
    rounds: int = 60
    deadline_s: float | None = None
    excess_price: float | None = None
    portion: int = 250
    portions: int = 4
    groups: int = 200
    sample: int = 50
    least_sampled: int = 4
    spreads: int = 2
    sample_rounds: int = 30

    def sized(self, sites: int) -> Settings:
        """For so many sites whose whole numbers are relaxed; asking the sample ten times costs less than all once."""
        sample = max(min(sites // _SAMPLED, 4 * self.sample), min(4, self.sample))
        return replace(self, sample=sample, groups=_FINER * self.groups)
