r"""The fair share of a park's emissions that each load has in causing them: a cooperative game, by meter and step.

v(S) is what the park emits when it serves, at least cost, only the loads of coalition S; a load's share is the Shapley
value of that game, in every step of the horizon at once. So the shares of a step and what the park emits without any of
these loads add up to the step's emissions.

The game is that of the relaxed dispatch (see :mod:`dispatch.carbon.coalitions`). What the plan emits beyond it, because
plant is on or off, is shared by energy, which is a game of its own (v(S) in proportion to what S uses): the sum of two
games' values is the value of their sum, so that all axioms stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np

from dispatch.carbon.coalitions import Coalitions, coalitions, players_of
from dispatch.carbon.game import added_by_pairs, orders, sampled, shapley
from dispatch.carbon.ledger import Ledger, Meter
from dispatch.carbon.ray import along_the_ray
from dispatch.errors import DataError, SolveError
from dispatch.schedule import Schedule
from dispatch.signals import Array
from dispatch.site import Site

Method = Literal["exact", "sampled", "aumann_shapley"]
MOST_EXACT = 12
_CHUNK_BITS = 8  # of an exact game: 256 coalitions, one after the other
_CHUNK_PAIRS = 4  # of a sampled one: orders with their reverses

QUESTION = "What is each load's fair share of the emissions that all of them cause together?"
_NAMES = {
    "exact": "game, shapley",
    "sampled": "game, shapley sampled",
    "aumann_shapley": "game, aumann-shapley",
}


class Maps(Protocol):
    """An executor; see :mod:`dispatch.executor`, which stands above this package."""

    def map(
        self, fn: Any, chunks: Sequence[tuple[str, Any]], deadline: float | None = None
    ) -> Iterator[tuple[str, Any]]:
        """Answers as they come, every chunk once."""
        ...


@dataclass(frozen=True, eq=False)
class Shares:
    """What each player caused.

    Attributes:
        players: assets by player.
        value_kg: (player, T) shares, with what whole numbers add.
        half_width_kg: (player, T) of the confidence interval; zero where exact.
        whole_half_width_kg: (player,) likewise of a player's sum over all steps.
        nobody_kg: (T,) what is emitted without any of them: exports, and loads that are no players.
        beyond_kg: (T,) of the shares, what the plan emits beyond the relaxed game; shared by energy.
        method: how the shares were found.
    """

    players: Mapping[str, tuple[str, ...]]
    value_kg: Array
    half_width_kg: Array
    whole_half_width_kg: Array
    nobody_kg: Array
    beyond_kg: Array
    method: Method


def shares(
    site: Site,
    schedule: Schedule,
    players: Mapping[str, Sequence[str]] | Iterable[str] | None = None,
    *,
    method: Method | None = None,
    permutations: int = 64,
    seed: int = 0,
    confidence: float = 0.95,
    executor: Maps | None = None,
    scenario: int = 0,
) -> Shares:
    """Share out what one path of a schedule emits.

    Args:
        players: assets with a demand, by the name of the player that they make up together; every such asset is one
            by default.
        method: exact up to twelve players and sampled above by default.
        permutations: orders drawn when sampling, an even number.
        executor: where chunks of coalitions are solved; in this process by default. The answer is the same.

    Raises:
        DataError: a player that has no demand; more than twelve for an exact game.
        SolveError: a coalition cannot be served.
    """
    made = players_of(site, players)
    if not made:
        raise DataError("game: there are no players; accepted: assets with a demand")
    chosen: Method = method or ("exact" if len(made) <= MOST_EXACT else "sampled")
    if chosen == "exact" and len(made) > MOST_EXACT:
        raise DataError(f"game: {len(made)} players; exact up to {MOST_EXACT}, choose sampled or aumann_shapley above")
    game = coalitions(site, schedule.inputs, made, scenario)
    energy = energy_kwh(schedule, made, scenario)
    width, whole_width = np.zeros_like(energy), np.zeros(len(made))
    if chosen == "exact":
        worth = every_coalition(game, executor)
        value, nobody, whole = shapley(worth), worth[0], worth[-1]
    elif chosen == "sampled":
        pairs = _by_orders(game, orders(len(made), permutations, seed), executor)
        found = sampled(pairs, confidence)
        value, width, whole_width = found.value, found.half_width, sampled(pairs.sum(axis=2), confidence).half_width
        ends = game.solver()
        nobody, whole = (ends.at(np.full(len(made), part)) for part in (0.0, 1.0))
    else:
        value, nobody = along_the_ray(site, schedule.inputs, game, made, scenario)
        # By the step of use: what is left over of a step moved to another one's use.
        whole = nobody + value.sum(axis=0)
    beyond = schedule.per_step("co2_step_kg", scenario) - whole
    return Shares(made, value + _by_energy(energy, beyond), width, whole_width, nobody, beyond, chosen)


def game_ledger(site: Site, schedule: Schedule, players: Any = None, **how: Any) -> Ledger:
    """The shares as a ledger; arguments as in :func:`shares`.

    Its meters are the players, and one for what is emitted without any of them.
    """
    found = shares(site, schedule, players, **how)
    scenario = int(how.get("scenario", 0))
    kinds = {asset.name: asset for asset in site.assets}
    carriers = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    meters = []
    for name, assets in found.players.items():
        first = kinds[assets[0]]
        bus = str(getattr(first, "bus", ""))
        kind = first.kind if len(assets) == 1 else "group"
        meters.append(Meter(name, assets[0] if len(assets) == 1 else name, kind, bus, carriers.get(bus, ""), "load"))
    meters.append(Meter("without these loads", "", "", "", "electricity", "others"))
    energy = np.vstack([energy_kwh(schedule, found.players, scenario), np.zeros_like(found.nobody_kg)])
    carbon = np.vstack([found.value_kg, found.nobody_kg])
    emitted = schedule.per_step("co2_step_kg", scenario)
    return Ledger(_NAMES[found.method], QUESTION, schedule.inputs.horizon, tuple(meters), energy, carbon, emitted)


def energy_kwh(schedule: Schedule, players: Mapping[str, Sequence[str]], scenario: int = 0) -> Array:
    """(player, T) what each takes from its buses."""
    buses = next(iter(schedule.kinds.values())).rows.buses
    taken = [-sum(schedule.power_kw(asset, buses)[scenario] for asset in assets) for assets in players.values()]
    return np.array(taken) * schedule.inputs.horizon.hours


def _by_energy(energy: Array, kg: Array) -> Array:
    """(player, T) of what a step has, in proportion to the step's energy, or to all energy where it has none."""
    whole = energy.sum(axis=1, keepdims=True)
    fallback = whole / whole.sum() if whole.sum() > 0 else np.full_like(whole, 1 / len(whole))
    step = energy.sum(axis=0)
    part = np.divide(energy, step, out=np.broadcast_to(fallback, energy.shape).copy(), where=step > 0)
    return np.asarray(part * kg)


def every_coalition(game: Coalitions, executor: Maps | None = None) -> Array:
    """(2ⁿ, T) kg of every coalition, in chunks that do not depend on who solves them."""
    count = len(game.players)
    low = min(count, _CHUNK_BITS)
    chunks = [(f"coalitions-{high}", (game, high << low, low)) for high in range(2 ** (count - low))]
    found = _mapped(_walked, chunks, executor)
    out = np.empty((2**count, game.hourly.shape[0]))
    for name, (_, first, bits) in chunks:
        out[_places(game, first + np.arange(2**bits))] = found[name]
    return out


def _places(game: Coalitions, codes: np.ndarray) -> np.ndarray:
    """Positions in a game's values of coalitions whose k-th bit stands for the k-th smallest player."""
    return np.asarray(sum(((codes >> bit & 1) << int(player)) for bit, player in enumerate(game.ascending)))


def _walked(chunk: tuple[Coalitions, int, int]) -> Array:
    """(2^bits, T) of the coalitions from ``first`` on, one player joining or leaving at a time (a Gray code).

    The smallest one does so every second time, the largest only once.
    """
    game, first, bits = chunk
    solver, out = game.solver(), np.empty((2**bits, game.hourly.shape[0]))
    for step in range(2**bits):
        code = step ^ (step >> 1)
        out[code] = solver.at(_parts(len(game.players), int(_places(game, np.array(first | code)))))
    return out


def _parts(players: int, code: int) -> Array:
    return (code >> np.arange(players) & 1).astype(np.float64)


def _by_orders(game: Coalitions, drawn: np.ndarray, executor: Maps | None) -> Array:
    """(pair, player, T) what each adds in the drawn orders."""
    starts = range(0, len(drawn), _CHUNK_PAIRS)
    chunks = [(f"orders-{start}", (game, drawn[start : start + _CHUNK_PAIRS])) for start in starts]
    found = _mapped(_added, chunks, executor)
    return np.concatenate([found[name] for name, _ in chunks])


def _added(chunk: tuple[Coalitions, np.ndarray]) -> Array:
    game, drawn = chunk
    solver = game.solver()

    def value(solver: Any, coalition: frozenset[int]) -> Array:
        return np.asarray(solver.at(np.isin(np.arange(len(game.players)), list(coalition)).astype(np.float64)))

    return added_by_pairs(partial(value, solver), drawn)


def _mapped(fn: Any, chunks: Sequence[tuple[str, Any]], executor: Maps | None) -> dict[str, Array]:
    if executor is None:
        return {name: fn(chunk) for name, chunk in chunks}
    out = {}
    for name, answer in executor.map(fn, chunks):
        if not hasattr(answer, "value"):
            raise SolveError(f"game, {name}: {answer.text}")
        out[name] = np.asarray(answer.value)
    return out
