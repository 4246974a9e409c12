"""What a coordination comes to."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.fleet.coordination.rounds import Round
from dispatch.signals import Array


@dataclass(frozen=True)
class Breach:
    """A shared row that the best plan found passes: with whole numbers another plan may keep it.

    Attributes:
        row: its name.
        amount: by how much; above the upper side +, below the lower one −.
        price: what it was worth to keep it, per unit.
    """

    row: str
    amount: float
    price: float

    @property
    def text(self) -> str:
        """For a person."""
        side = "passed" if self.amount > 0 else "missed"
        most = f"though {self.price:.4g} per unit would have been paid for one"
        return f"{self.row} is {side} by {abs(self.amount):.6g}: no plan was found that keeps it, {most}"


@dataclass(frozen=True, eq=False)
class Coordinated:
    """Plans of all sites under the shared rows, what the rows are worth, and how far from the optimum it can be.

    Attributes:
        price: (K,) of the shared rows: above zero use of the row is dear. They prove ``lower``.
        lower, upper: the fleet's least cost is at least, and this answer costs; what is passed counts at its price.
        rounds: the bounds after each.
        names: (N,) the sites'.
        own_cost: (N,) cost of each site's plan, without prices.
        effect: (N, Q) its quantities.
        x: by structure, (n, C) the sites' points.
        y: (Y,) values of the rest.
        money: of the sites and the rest, without what is passed.
        used: (K,) activity of each row, the rest's included.
        breaches: rows that are passed; empty where all are kept.
        seconds: by what the time went on; ``sites_cpu`` is CPU time over all workers, the others are wall time here.
        stopped: why it ended: "gap", "rounds" or "deadline".
    """

    price: Array
    lower: float
    upper: float
    rounds: tuple[Round, ...]
    names: tuple[str, ...]
    own_cost: Array
    effect: Array
    x: tuple[Array, ...]
    y: Array
    money: float
    used: Array
    breaches: tuple[Breach, ...]
    seconds: dict[str, float]
    stopped: str

    @property
    def gap(self) -> float:
        """Relative distance of the bounds."""
        return max(self.upper - self.lower, 0.0) / max(abs(self.upper), 1e-9)
