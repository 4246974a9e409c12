"""Fair shares of a park's loads: a day of 20 buses whose loads are twelve players, and executors that must agree."""

from __future__ import annotations

import time
from functools import cache, partial
from statistics import median

import numpy as np

from benchmarks.rows import Measured, row
from benchmarks.topics.carbon.marginal import BUSES, day_of_20_buses
from dispatch.carbon.coalitions import Coalitions, coalitions, players_of
from dispatch.carbon.ray import along_the_ray
from dispatch.carbon.shares import Shares, every_coalition, game_ledger, shares
from dispatch.executor import executor
from dispatch.problem import Problem
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits

INPUTS = ("benchmarks/topics/carbon/game.py", "benchmarks/topics/carbon/marginal.py", "dispatch")
_WHAT = "24 steps, 20 buses"


def _players(count: int) -> dict[str, tuple[str, ...]]:
    """The loads of the buses, dealt out one after the other."""
    return {f"player_{k}": tuple(f"load_{i}" for i in range(k, BUSES, count)) for k in range(count)}


@cache
def _planned() -> tuple[Site, Schedule]:
    site, inputs = day_of_20_buses(1.0)
    return site, solve(Problem(site, inputs), Limits())


@cache
def _game(count: int) -> Coalitions:
    site, schedule = _planned()
    return coalitions(site, schedule.inputs, players_of(site, _players(count)))


@cache
def _exact() -> tuple[Shares, float]:
    """Shares of twelve, and how long they took."""
    start = time.perf_counter()
    found = shares(*_planned(), _players(12))
    return found, time.perf_counter() - start


@row("carbon", name=f"game of 12 loads, exact, {_WHAT}: largest hour's left-over over what is emitted", unit="",
     bar="<= 1e-9", slow=True, inputs=INPUTS)  # fmt: skip
def conserved() -> float:
    found, _ = _exact()
    emitted = _planned()[1].per_step("co2_step_kg")
    return float(np.abs(found.value_kg.sum(axis=0) + found.nobody_kg - emitted).max() / emitted.mean())


@row("carbon", name="the same: 4096 coalitions, with compiling", unit="s", bar="<= 300", slow=True, inputs=INPUTS)
def seconds() -> float:
    return _exact()[1]


@row("carbon", name="the same, a coalition from the one before: time over a cold solve", unit="", bar="<= 1", slow=True,
     inputs=INPUTS)  # fmt: skip
def coalition_cost() -> float:
    """In the order of the exact game; the first of them is cold."""
    game = _game(12)
    solver, warm, cold = game.solver(), [], []
    for step in range(64):
        code = step ^ (step >> 1)
        parts = np.isin(np.arange(12), game.ascending[np.flatnonzero(code >> np.arange(12) & 1)]).astype(float)
        start = time.perf_counter()
        solver.at(parts)
        warm.append(time.perf_counter() - start)
        if step % 8 == 0:
            start = time.perf_counter()
            game.solver().at(parts)
            cold.append(time.perf_counter() - start)
    return median(warm[1:]) / median(cold)


@row("carbon", name="the same, 32 orders sampled: largest error over the half-width of 95 %", unit="", bar="<= 2",
     slow=True, inputs=INPUTS)  # fmt: skip
def sampled_error() -> Measured:
    """Over the day of each player; the reference is the mean half-width as a share of the mean share."""
    found = shares(*_planned(), _players(12), method="sampled", permutations=32)
    exact, _ = _exact()
    apart, width = np.abs((found.value_kg - exact.value_kg).sum(axis=1)), found.whole_half_width_kg
    return Measured(float((apart / width).max()), float(width.mean() / exact.value_kg.sum(axis=1).mean()))


@row("carbon", name=f"Aumann-Shapley of 20 loads, {_WHAT}: what does not add up, of all", unit="", bar="<= 1e-7",
     slow=True, inputs=INPUTS)  # fmt: skip
def ray_error() -> float:
    site, schedule = _planned()
    game, players = _game(BUSES), players_of(site, _players(BUSES))
    share, nobody = along_the_ray(site, schedule.inputs, game, players)
    whole = game.solver().at(np.ones(BUSES)).sum()
    return float(abs(share.sum() + nobody.sum() - whole) / whole)


def _same(name: str) -> bool:
    """Four players on 16 coalitions in chunks, and 16 sampled orders: the bytes of this process and of others."""
    site, schedule = _planned()
    game, how = _game(4), partial(shares, site, schedule, _players(4), method="sampled", permutations=16)
    other = executor(name, 2)
    worth = every_coalition(game).tobytes() == every_coalition(game, other).tobytes()
    return worth and how().value_kg.tobytes() == how(executor=other).value_kg.tobytes()


@row("carbon", name="game in processes: same bytes as in this one", unit="", bar="== 1", slow=True, inputs=INPUTS)
def same_in_processes() -> bool:
    return _same("processes")


@row("carbon", name="game on Ray: same bytes as in this process", unit="", bar="== 1", slow=True, inputs=INPUTS)
def same_on_ray() -> bool:
    return _same("ray")


@row("carbon", name=f"game of 4 players, {_WHAT}: time over the plan's own solve", unit="", bar="<= 10", slow=True,
     inputs=INPUTS)  # fmt: skip
def daily_cost() -> float:
    """What it would add to a daily plan, compiling included."""
    site, schedule = _planned()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        problem = Problem(site, schedule.inputs)
        solve(problem, Limits())
        middle = time.perf_counter()
        game_ledger(site, schedule, _players(4))
        times.append((time.perf_counter() - middle) / (middle - start))
    return median(times)
