"""What a fleet's run costs, piece by piece, as measured: seconds of one core, bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dispatch.signals import Array

LEVELS = np.linspace(0.0, 1.0, 41)
MEASURED = Path(__file__).with_name("measured.json")


@dataclass(frozen=True)
class Spread:
    """A distribution by its quantiles at LEVELS; draws lie on the line between them, and keep the measured mean."""

    mean: float
    quantile: tuple[float, ...]

    @classmethod
    def of(cls, values: Array) -> Spread:
        return cls(float(values.mean()), tuple(float(v) for v in np.quantile(values, LEVELS)))

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        drawn = np.interp(rng.random(count), LEVELS, self.quantile)
        line = np.trapezoid(self.quantile, LEVELS)  # the outermost fortieth is not a line: it carries the longest times
        return np.asarray(drawn * (self.mean / line if line > 0 else 1.0))


@dataclass(frozen=True)
class Power:
    """fixed + scale · x ** exponent."""

    fixed: float
    scale: float
    exponent: float

    def __call__(self, x: float) -> float:
        return self.fixed + self.scale * float(x**self.exponent)

    @classmethod
    def fit(cls, x: Array, y: Array) -> Power:
        """Least squares of relative errors over exponents between .8 and 2, none of the two parts below zero."""
        from scipy.optimize import nnls

        best, found = np.inf, cls(0.0, 0.0, 1.0)
        for exponent in np.linspace(0.8, 2.0, 61):
            columns = np.column_stack([np.ones_like(x), x**exponent]) / y[:, None]
            (fixed, scale), left = nnls(columns, np.ones_like(y))
            if left < best - 1e-12:
                best, found = left, cls(float(fixed), float(scale), float(exponent))
        return found


@dataclass(frozen=True)
class Costs:
    """All that the simulation draws from; seconds are of one core.

    Attributes:
        first_s, again_s: of a site: its first answer to prices, and every later one.
        commit_s: of a site whose units are on or off: one whole-number plan.
        plan_s: of a site on its own: planned, audited and written.
        instantiate_s: of a site from its template; at the driver, which sends the sites to who holds them.
        compile_s: of a structure.
        call_s: of the driver for each piece of work in each round, besides bytes.
        byte_s: of the driver for each byte that it sends or takes in.
        sample_s: of looking for prices by a sample beforehand, most of it at who holds its sites.
        master_s: of the driver for each round, by the number of groups that have columns.
        portion, groups, portions: how the fleet is cut, as :class:`dispatch.fleet.coordination.Settings` has them.
        rows: shared rows.
        rounds: in which all sites are asked until the gap is reached.
        site_bytes: sent to a worker for each site and held there; kept_bytes: held there for each site and round.
        plan_bytes: of a site's plan, which comes to the driver at the end.
        column_bytes: held by the driver for each column.
        worker_bytes, driver_bytes: of a process that holds nothing yet.
        file_bytes: a site's results.
        start_s, respawn_s: until a worker can work, at the start and after one has died.
        measured: where and when.
    """

    first_s: Spread
    again_s: Spread
    commit_s: Spread
    plan_s: Spread
    instantiate_s: float
    compile_s: float
    call_s: float
    byte_s: float
    sample_s: float
    master_s: Power
    portion: int
    portions: int
    groups: int
    rows: int
    rounds: int
    site_bytes: float
    kept_bytes: float
    plan_bytes: float
    column_bytes: float
    worker_bytes: float
    driver_bytes: float
    file_bytes: float
    start_s: float
    respawn_s: float
    measured: str = ""

    def slower(self, times: float) -> Costs:
        """The same on cores that take so many times as long."""

        def longer(spread: Spread) -> Spread:
            return Spread(spread.mean * times, tuple(q * times for q in spread.quantile))

        master = Power(self.master_s.fixed * times, self.master_s.scale * times, self.master_s.exponent)
        return replace(
            self, first_s=longer(self.first_s), again_s=longer(self.again_s), commit_s=longer(self.commit_s),
            plan_s=longer(self.plan_s), instantiate_s=self.instantiate_s * times, compile_s=self.compile_s * times,
            call_s=self.call_s * times, byte_s=self.byte_s * times,
            sample_s=self.sample_s * times, master_s=master,
        )  # fmt: skip


def kept() -> Costs:
    """What was measured last and written down."""
    return read(json.loads(MEASURED.read_text("utf-8")))


def read(raw: Mapping[str, Any]) -> Costs:
    held = {name: value for name, value in raw.items() if isinstance(value, dict) and "quantile" in value}
    spreads = {name: Spread(value["mean"], tuple(value["quantile"])) for name, value in held.items()}
    return Costs(**{**raw, **spreads, "master_s": Power(**raw["master_s"])})


def keep(costs: Costs, path: Path = MEASURED) -> None:
    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: short(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [short(inner) for inner in value]
        return float(f"{value:.4g}") if isinstance(value, float) else value

    path.write_text(json.dumps(short(asdict(costs)), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
