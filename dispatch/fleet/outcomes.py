"""What became of each site, and its plan's values, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from dispatch.fleet.checked import Sums
from dispatch.fleet.joined import Joined
from dispatch.schedule import Schedule, Solved
from dispatch.signals import Array, Horizon
from dispatch.solver.highs import Answer
from dispatch.tables import is_published, published

if TYPE_CHECKING:
    import pyarrow as pa

_NO_PLAN = float("nan")
# Money from which on a penalty is told of, and most sites that are named.
PENALTY = 0.005
_NAMED = 5


@dataclass(frozen=True)
class Outcome:
    """One site's row in the summary.

    Attributes:
        site: its name.
        quality: the rung of the ladder; ``none`` where there is no plan.
        objective, bound, gap: of its search.
        money, co2_kg, penalty: sums over the horizon.
        reason: why no better rung was reached, or what limits the plan passes; empty on the first.
    """

    site: str
    quality: str
    objective: float
    bound: float
    gap: float
    money: float
    co2_kg: float
    penalty: float
    reason: str

    @classmethod
    def of(cls, site: str, answer: Answer, sums: Sums, n: int, passed: Sequence[str]) -> Outcome:
        """Of a site of a batch."""
        money, co2_kg, penalty = (float(values[n]) for values in (sums.money, sums.co2_kg, sums.penalty))
        quality = "relaxed" if passed and answer.quality in ("optimal", "incumbent") else answer.quality
        proved = answer.objective, answer.bound, answer.gap
        return cls(site, quality, *proved, money, co2_kg, penalty, "; ".join(passed))

    @classmethod
    def of_schedule(cls, site: str, schedule: Schedule) -> Outcome:
        """Of a site planned by itself."""
        proof = schedule.proof
        money, co2_kg, penalty = (float(v[0]) for v in (schedule.money, schedule.co2_kg, schedule.penalty))
        told = "; ".join([*([proof.reason] if proof.reason else []), *proof.relaxed])
        return cls(site, proof.quality, proof.objective, proof.bound, proof.gap, money, co2_kg, penalty, told)

    @classmethod
    def none(cls, site: str, reason: str) -> Outcome:
        """Of a site without a plan."""
        return cls(site, "none", _NO_PLAN, _NO_PLAN, _NO_PLAN, _NO_PLAN, _NO_PLAN, _NO_PLAN, reason)


@dataclass(frozen=True)
class Blocks:
    """Values of several series: (series, step), each of an asset of a site."""

    site: Sequence[str]
    asset: Sequence[str]
    series: Sequence[str]
    values: Array


def batch_blocks(joined: Joined, kinds: Mapping[str, Solved], prices: Array, keep: np.ndarray) -> Blocks:
    """What an operator would follow, of those sites of a batch that ``keep`` marks."""
    site: list[str] = []
    asset: list[str] = []
    series: list[str] = []
    values: list[Array] = []
    steps = joined.inputs.horizon.steps
    for solved in kinds.values():
        owners = [name.split("/", 1) for name in solved.rows.names]
        mine = np.flatnonzero(np.repeat(keep, len(owners) // joined.count))
        for name, value in solved.series.items():
            if value.shape[-1] == steps and value.shape[0] == len(owners) and is_published(name):
                site += [owners[row][0] for row in mine]
                asset += [owners[row][1] for row in mine]
                series += [name] * mine.size
                values.append(value[mine])
    buses = joined.members[0].site.bus_names
    kept = np.flatnonzero(keep)
    site += [joined.members[n].name for n in kept for _ in buses]
    asset += [bus for n in kept for bus in joined.members[n].site.bus_names]
    series += ["local_price_per_kwh"] * (kept.size * len(buses))
    values.append(prices[kept].reshape(-1, steps))
    return Blocks(site, asset, series, np.concatenate(values))


def schedule_blocks(site: str, schedule: Schedule) -> Blocks:
    """The same of a site planned by itself."""
    own = {tuple(name.split(".", 1)): values for name, values in published(schedule).items()}
    if schedule.price_per_kwh is not None:
        buses = next(iter(schedule.kinds.values())).rows.buses
        own |= {
            (bus, "local_price_per_kwh"): values for bus, values in zip(buses, schedule.price_per_kwh[0], strict=True)
        }
    return Blocks([site] * len(own), [k[0] for k in own], [k[1] for k in own], np.array(list(own.values())))


def schedule_table(order: Sequence[str], blocks: Sequence[Blocks], horizon: Horizon) -> pa.Table:
    """One row for each value: site, asset, series, step, start (UTC), value; sites in the order given."""
    import pyarrow as pa

    columns = {name: [x for block in blocks for x in getattr(block, name)] for name in ("site", "asset", "series")}
    values = np.concatenate([np.zeros((0, horizon.steps)), *[block.values for block in blocks]])
    place = {name: n for n, name in enumerate(order)}
    keys = (columns["series"], columns["asset"], np.array([place[name] for name in columns["site"]], int))
    by = np.lexsort([np.array(key) for key in keys]) if columns["site"] else np.zeros(0, int)
    step = np.arange(horizon.steps, dtype=np.int32)
    repeated = np.repeat(np.arange(by.size), horizon.steps)
    starts = horizon.edges[:-1].astype("datetime64[s]")
    words = {
        name: pa.array(np.array(own, object)[by], pa.string()).dictionary_encode() for name, own in columns.items()
    }
    arrays = {name: array.take(pa.array(repeated)) for name, array in words.items()}
    arrays["step"] = pa.array(np.tile(step, by.size))
    arrays["start"] = pa.array(np.tile(starts, by.size), pa.timestamp("s", tz="UTC"))
    arrays["value"] = pa.array(values[by].ravel())
    return pa.table(arrays)


def summary_table(outcomes: Sequence[Outcome]) -> pa.Table:
    """One row for each site."""
    import pyarrow as pa

    kinds = {"float": pa.float64(), "str": pa.string()}
    own = {field.name: field for field in fields(Outcome)}
    made = {n: pa.array([getattr(o, n) for o in outcomes], kinds[str(f.type)]) for n, f in own.items()}
    return pa.table(made)


def penalty_words(sites: Sequence[str], penalties: Sequence[float | None]) -> str | None:
    """Sites that pay penalties, the most first, for load not served or limits not kept; None where none does.

    Args:
        sites: (N,) names.
        penalties: (N,) [money]; None or NaN where a site has no plan.
    """
    paid = {site: value for site, value in zip(sites, penalties, strict=True) if value is not None and value > PENALTY}
    if not paid:
        return None
    ranked = sorted(paid, key=lambda site: (-paid[site], site))
    more = f" and {len(ranked) - _NAMED} more" if len(ranked) > _NAMED else ""
    return (
        f"beside the money, penalties of {sum(paid.values()):,.2f}: load is not served or a limit is not kept "
        f"at {', '.join(ranked[:_NAMED])}{more}"
    )
