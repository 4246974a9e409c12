"""A lower bound from prices: each block answers a price of the coupling rows, a master mixes the answers.

Dantzig-Wolfe decomposition with a box around the best price so far (Marsten, Hogan & Blankenship 1975, doi
10.1287/opre.23.3.389). Any price gives a valid bound, so nothing depends on how well the master converged.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array, hstack, vstack

from dispatch.search.blocks import Split, threads
from dispatch.signals import Array
from dispatch.solver.highs import Matrices, load

_MOST_ROUNDS = 60
_LEFT = 1e-6  # of a coupling row: slack that counts as none
_BY_SIMPLEX = 6_000  # answers; above, one solve of the master could take minutes
_WIDE = 1.3  # ratio of neighbouring prices of the first scan


@dataclass(frozen=True)
class Mixed:
    """What the decomposition knows at its end.

    Attributes:
        bound: proven lower bound of the whole problem, without its offset.
        price: (coupling row,) the price that gives it, scaled.
        point: (column,) the cheapest mix of answers: a solution of the relaxation, or close to one.
        spare: (block,) how much dearer than its best each block's best answer with other integers is, scaled.
    """

    bound: float
    price: Array
    point: Array
    spare: Array


class Master:
    """min c x over mixes of each block's answers and the rest of the problem, with priced slack in a box."""

    def __init__(self, split: Split) -> None:
        self.split = split
        couplings, blocks, rest = split.lower.size, len(split.blocks), split.rest.columns.size
        box = hstack([csc_array(np.eye(couplings)), csc_array(-np.eye(couplings))])
        self.couplings, self.box = couplings, rest + np.arange(2 * couplings, dtype=np.int32)
        own = split.rest_part.rows
        rows = vstack(
            [
                hstack([split.rest.reach, box]),
                csc_array((blocks, rest + 2 * couplings)),
                hstack([own, csc_array((own.shape[0], 2 * couplings))]),
            ],
            format="csc",
        )
        ones, free = np.ones(blocks), np.full(2 * couplings, np.inf)
        part = split.rest_part
        self.solver = load(
            Matrices(
                np.concatenate([part.cost, np.zeros(2 * couplings)]),
                0.0,
                rows,
                np.concatenate([split.lower, ones, part.row_lower]),
                np.concatenate([split.upper, ones, part.row_upper]),
                np.concatenate([part.col_lower, np.zeros(2 * couplings)]),
                np.concatenate([part.col_upper, free]),
                np.zeros(rows.shape[1], bool),
            )
        )
        # Costs and columns change between calls, which leaves a basis feasible but not its duals.
        self.solver.setOptionValue("simplex_strategy", 4)
        self.solver.setOptionValue("run_crossover", "off")
        self.answers: list[list[tuple[int, Array]]] = [[] for _ in split.blocks]

    def add(self, points: list[Array], wanted: np.ndarray) -> int:
        """Take the answers of the wanted blocks in; returns how many."""
        costs: list[float] = []
        starts, index, value = [0], [], []
        first = self.solver.getNumCol()
        for position in np.flatnonzero(wanted):
            block, point = self.split.blocks[position], points[position]
            effect = block.reach @ point
            used = np.flatnonzero(effect)
            self.answers[position].append((first + len(costs), point))
            costs.append(float(block.cost @ point))
            index.append(np.append(used, self.couplings + position))
            value.append(np.append(effect[used], 1.0))
            starts.append(starts[-1] + used.size + 1)
        count = len(costs)
        if count:
            ends = np.zeros(count), np.full(count, np.inf)
            places = np.array(starts[:-1], np.int32), np.concatenate(index).astype(np.int32), np.concatenate(value)
            self.solver.addCols(count, np.array(costs), *ends, places[1].size, *places)
        return count

    def solve(self, low: Array, high: Array) -> tuple[float, Array, Array, Array]:
        """Objective, (coupling,) price within [low, high], (block,) value of each mix, (coupling,) slack used."""
        self.solver.changeColsCost(self.box.size, self.box, np.concatenate([high, -low]))
        self._run()
        solution = self.solver.getSolution()
        dual = np.array(solution.row_dual)
        slack = np.array(solution.col_value)[self.box].reshape(2, -1)
        blocks = dual[self.couplings : self.couplings + len(self.split.blocks)]
        return float(self.solver.getInfo().objective_function_value), dual[: self.couplings], blocks, slack

    def _run(self) -> None:
        """Few answers by warm simplex; many by interior point, whose central prices also need fewer rounds."""
        import highspy

        large = self.solver.getNumCol() > _BY_SIMPLEX
        self.solver.setOptionValue("solver", "ipm" if large else "simplex")
        self.solver.run()
        if large and self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self.solver.setOptionValue("solver", "simplex")
            self.solver.run()

    def point(self, size: int) -> Array:
        """(column,) of the whole problem: the present mix."""
        share = np.array(self.solver.getSolution().col_value)
        out = np.zeros(size)
        out[self.split.rest.columns] = share[: self.split.rest.columns.size]
        for block, answers in zip(self.split.blocks, self.answers, strict=True):
            for column, point in answers:
                if share[column] > 1e-9:
                    out[block.columns] += share[column] * point
        return out


def mix(split: Split, integer: np.ndarray, gap: float, rounds: int = _MOST_ROUNDS) -> Mixed:
    """Bound and relaxed point of the whole problem.

    Args:
        split: the problem along its coupling rows.
        integer: (column,) which are whole numbers; only to tell answers apart.
        gap: relative difference between bound and master at which to stop.
        rounds: most calls of all blocks after the first scan.
    """
    master = Master(split)
    least, most = _floor(split), _ceiling(split)
    # Interior points leave a little of everything.
    left = _LEFT * np.maximum(1.0, np.abs(np.where(np.isfinite(split.upper), split.upper, split.lower)))
    with ThreadPoolExecutor(threads()) as pool:
        best, price, width = _scan(split, master, pool)
        for _ in range(rounds):
            low, high = np.maximum(price - width, least), np.minimum(price + width, most)
            model, asked, mixed, slack = master.solve(low, high)
            asked = np.clip(asked, low, high)
            answered = split.price_all(asked, pool)
            minima = np.array([value for value, _ in answered])
            value = split.bound(asked, minima)
            master.add([point for _, point in answered], minima < mixed - 1e-7 * np.maximum(1, np.abs(minima)))
            pressed = ((slack[0] > left) & (high < most)) | ((slack[1] > left) & (low > least))
            promised = model - best
            # The box opens where it presses and the bound got better, and closes there where it did not.
            if value > best + 0.1 * promised:
                # Where most of the model's promise is still out of reach, prices have far to go.
                faster = 4.0 if promised > abs(best) else 2.0
                width = np.where(pressed, faster * width, np.maximum(0.7 * width, 1e-4 * np.abs(price).max()))
            else:
                width = np.where(pressed, 0.5 * width, width)
            if value > best:
                best, price = value, asked
            if promised < gap * abs(best) and not pressed.any():
                break
    far = 10 * np.abs(price).max() + width
    # A corner of the mix tears fewer plants than a point inside it.
    master.solver.setOptionValue("run_crossover", "on")
    master.solve(np.maximum(-far, least), np.minimum(far, most))
    return Mixed(best / split.scale, price, master.point(integer.size), _spare(split, master, price, integer))


def _floor(split: Split) -> Array:
    """Lowest price of each coupling row that gives a bound: a row without a lower end never earns."""
    return np.where(np.isfinite(split.upper), -np.inf, 0.0)


def _ceiling(split: Split) -> Array:
    return np.where(np.isfinite(split.lower), np.inf, 0.0)


def _scan(split: Split, master: Master, pool: ThreadPoolExecutor) -> tuple[float, Array, Array]:
    """One price for all equalities, in steps; then, row by row, the step at which the blocks meet the row.

    Returns:
        Best bound, its price and how far each row's price may be from it.
    """
    equal = split.lower == split.upper
    seen: dict[float, tuple[float, Array]] = {}

    def ask(price: Array) -> tuple[float, Array]:
        answered = split.price_all(price, pool)
        master.add([point for _, point in answered], np.ones(len(split.blocks), bool))
        effect = np.sum([b.reach @ point for b, (_, point) in zip(split.blocks, answered, strict=True)], axis=0)
        effect = effect + split.rest.reach @ split.rest.minimum(price)[1]
        return split.bound(price, np.array([value for value, _ in answered])), effect

    def at(level: float) -> float:
        if level not in seen:
            seen[level] = ask(np.where(equal, level, 0.0))
        return seen[level][0]

    # Which way the price of nothing lets the rows down.
    lacking = (split.upper - (at(0.0), seen[0.0][1])[1])[equal].sum()
    level = 1.0 if lacking > 0 else -1.0
    while at(level) < at(0.0) and abs(level) > 1e-6:
        level /= 4
    for factor in (4.0, 2.0, _WIDE):
        while at(level * factor) > at(level):
            level *= factor
        while at(level / factor) > at(level):
            level /= factor
    levels = np.array(sorted(seen))
    effects = np.array([seen[x][1] for x in levels])
    # More price, more effect: the step at which a row reaches what it needs.
    reached = (effects >= split.upper[None, :] - 1e-9).argmax(axis=0)
    meets = np.where((effects >= split.upper[None, :] - 1e-9).any(axis=0), levels[reached], levels[-1])
    price = np.where(equal, meets, 0.0)
    value = ask(price)[0]
    width = np.full(price.size, 0.3 * abs(level))
    if value > at(level):
        return value, price, width
    return at(level), np.where(equal, level, 0.0), width


def _spare(split: Split, master: Master, price: Array, integer: np.ndarray) -> Array:
    """(block,) how much dearer the best answer with other whole numbers than the best one is at the price."""
    spare = np.full(len(split.blocks), np.inf)
    for position, (block, answers) in enumerate(zip(split.blocks, master.answers, strict=True)):
        whole, reduced = integer[block.columns], block.cost - price @ block.reach
        values = np.array([reduced @ point for _, point in answers])
        best = answers[int(values.argmin())][1]
        others = [v for v, (_, point) in zip(values, answers, strict=True) if np.abs(point - best)[whole].max() > 0.5]
        spare[position] = min(others, default=np.inf) - values.min()
    return spare
