"""Learners on data whose quantiles are known."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy.special import ndtri

from forecasting.errors import ForecastError
from forecasting.learners import levels as dense
from forecasting.learners.base import Frame, Learner
from forecasting.learners.boosted import Boosted
from forecasting.learners.censored import Censored
from forecasting.learners.conformal import Conformal, cell_of, moved, offsets
from forecasting.learners.empirical import Forest
from forecasting.learners.held import forward, windows
from forecasting.learners.linear import Linear
from forecasting.learners.stack import Stack

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
DENSE = np.arange(1, 100) / 100
QUICK = Boosted(rounds=30, depth=3, learning_rate=0.15)
ALL: tuple[Learner, ...] = (
    QUICK,
    Linear(),
    Forest(trees=15),
    Stack((Boosted(rounds=15), Forest(trees=8)), blocks=20),
    Conformal(Linear(), blocks=20),
)


def drawn(days: int = 60, per_day: int = 24, seed: int = 0) -> tuple[Frame, np.ndarray]:
    """y = 2·signal + spread·ε with a useless column and some unknown values."""
    rng = np.random.default_rng(seed)
    count = days * per_day
    x = rng.normal(size=(count, 3)).astype(np.float32)
    x[:, 1] = 0.3 + np.abs(x[:, 1])
    y = 2.0 * x[:, 0] + x[:, 1] * rng.standard_normal(count)
    x[::17, 2] = np.nan
    return Frame(x, ("signal", "spread", "noise"), np.arange(count) // per_day), np.asarray(y, dtype=np.float64)


def pinball(actual: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> float:
    miss = actual[:, None] - quantiles
    return float(np.maximum(levels * miss, (levels - 1) * miss).mean())


@pytest.mark.parametrize("learner", ALL, ids=lambda learner: learner.name)
@pytest.mark.parametrize("levels", [LEVELS, DENSE], ids=["five", "dense"])
def test_every_learner_finds_the_quantiles_and_can_be_kept(learner: Learner, levels: np.ndarray) -> None:
    rows, y = drawn()
    new, truth = drawn(seed=1)
    fitted = learner.fit(rows, y, levels)
    found = fitted.predict(new)
    assert found.shape == (len(new), len(levels))
    assert (np.diff(found, axis=1) >= 0).all()
    exact = 2.0 * new.x[:, :1] + new.x[:, 1:2] * ndtri(levels)
    flat = np.broadcast_to(np.quantile(y, levels), exact.shape)
    best, worst = pinball(truth, exact, levels), pinball(truth, flat, levels)
    assert best < pinball(truth, found, levels) < best + 0.35 * (worst - best)
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict(new) == found).all()
    assert (learner.fit(rows, y, levels).predict(new) == found).all()
    assert fitted.predict(new.take(np.zeros(len(new), dtype=bool))).shape == (0, len(levels))


def test_a_line_goes_on_where_trees_stand_still() -> None:
    rows, y = drawn()
    beyond = Frame(np.array([[5.0, 0.5, 0.0]], dtype=np.float32), rows.names, np.array([0]))
    assert Linear().fit(rows, y, LEVELS).predict(beyond)[0, 2] == pytest.approx(10.0, abs=0.3)
    assert QUICK.fit(rows, y, LEVELS).predict(beyond)[0, 2] < 8.0


def test_linear_is_the_minimiser_of_the_pinball_loss() -> None:
    """Within .2 % of scikit-learn's exact linear programme."""
    from sklearn.linear_model import QuantileRegressor

    rows, y = drawn(days=20)
    x = np.nan_to_num(np.asarray(rows.x, dtype=np.float64))
    filled = Frame(x.astype(np.float32), rows.names, rows.block)
    found = Linear(penalty=0.0).fit(filled, y, LEVELS).predict(filled)
    exact = np.stack([QuantileRegressor(quantile=q, alpha=0.0).fit(x, y).predict(x) for q in LEVELS], axis=1)
    assert pinball(y, found, LEVELS) <= 1.002 * pinball(y, exact, LEVELS)


def test_base_is_taken_off_and_put_back() -> None:
    rows, y = drawn()
    with_base = Boosted(rounds=5, base="signal").fit(rows, y + 100 * rows.column("signal"), LEVELS)
    steep = with_base.predict(rows)[:, 2]
    assert np.corrcoef(steep, rows.column("signal"))[0, 1] > 0.95


def test_old_rows_fade() -> None:
    rows, y = drawn()
    shifted = np.where(rows.block >= 50, y + 5.0, y)
    recent = np.median(Boosted(rounds=20, half_life_blocks=3.0).fit(rows, shifted, LEVELS).predict(rows)[:, 2])
    assert recent > np.median(Boosted(rounds=20).fit(rows, shifted, LEVELS).predict(rows)[:, 2]) + 3


def test_levels_are_spread_without_leaving_the_trained_range() -> None:
    few = dense.knots(DENSE, 9)
    assert len(few) == 9
    assert (few[0], few[-1]) == (0.01, 0.99)
    weights = dense.spread(few, DENSE)
    assert np.allclose(weights.sum(axis=0), 1.0)
    assert (weights >= 0).all()
    assert np.allclose(ndtri(few) @ weights, ndtri(DENSE), atol=1e-9)
    assert (dense.spread(np.array([0.5]), np.array([0.1, 0.9])) == 1.0).all()


@pytest.mark.parametrize("levels", [[], [0.0, 0.5], [0.5, 0.5], [0.9, 0.1], [0.5, 1.0]])
def test_levels_that_are_none_are_refused(levels: list[float]) -> None:
    rows, y = drawn(days=4)
    with pytest.raises(ForecastError, match="rising levels between 0 and 1"):
        QUICK.fit(rows, y, np.array(levels))


def test_stack_follows_the_better_member_and_keeps_the_empirical_one() -> None:
    rows, y = drawn()
    blind = Boosted(rounds=15, columns=("noise",), name="blind")
    stacked = Stack((QUICK, blind), keep="blind", floor=0.1, blocks=20).fit(rows, y, LEVELS)
    assert stacked.shares["boosted"] > 0.8
    assert (stacked.weights[1] >= 0.0999).all()
    assert np.allclose(stacked.weights.sum(axis=0), 1.0)
    dropped = Stack((QUICK, blind), keep="boosted", floor=0.1, blocks=20).fit(rows, y, LEVELS)
    assert dropped.shares["blind"] < stacked.shares["blind"]


def test_recent_blocks_weigh_more() -> None:
    """The member that has been right of late wins over the one that was right longer."""
    rows, y = drawn(days=60)
    x = np.stack([y, -y], axis=1).astype(np.float32)
    turned = np.where(rows.block >= 54, -y, y)
    first, second = Linear(base="a", columns=("none",), name="a"), Linear(base="b", columns=("none",), name="b")
    frame = Frame(x, ("a", "b"), rows.block)
    slow = Stack((first, second), floor=0.0, blocks=24, half_life_blocks=1e6, pull=0.0).fit(frame, turned, LEVELS)
    quick = Stack((first, second), floor=0.0, blocks=24, half_life_blocks=1.5, pull=0.0).fit(frame, turned, LEVELS)
    assert quick.shares["b"] > slow.shares["b"] + 0.2


def test_held_out_rows_come_after_those_they_are_predicted_from() -> None:
    rows, y = drawn(days=30)
    parts = windows(rows.block, last=9, folds=3)
    assert [int(part[0]) for part in parts] == [21, 24, 27]
    changed = y.copy()
    changed[rows.block == 29] += 1000.0
    before, after = (forward(QUICK, rows, actual, LEVELS, 9, 3) for actual in (y, changed))
    assert (before.quantiles == after.quantiles).all()
    assert (rows.block[before.position] >= 21).all()
    with pytest.raises(ForecastError, match="two at least"):
        windows(np.zeros(5, dtype=np.int64), 1, 1)


def test_conformal_repairs_a_band_that_is_too_narrow_by_cell() -> None:
    """A learner blind to the spread; calibrated by cells of it, each cell's band covers 90 %."""
    rows, y = drawn(days=150)
    new, truth = drawn(days=100, seed=2)
    blind = Linear(columns=("signal",))
    cells = (("spread", (0.6, 1.2)),)
    plain, corrected = (
        learner.fit(rows, y, LEVELS).predict(new) for learner in (blind, Conformal(blind, cells, blocks=60))
    )
    for low, high in ((0.0, 0.6), (0.6, 1.2), (1.2, 9.0)):
        inside = (new.x[:, 1] >= low) & (new.x[:, 1] < high)

        def covered(band: np.ndarray, inside: np.ndarray = inside) -> float:
            return float(((truth >= band[:, 0]) & (truth <= band[:, -1]))[inside].mean())

        assert abs(covered(corrected) - 0.9) < 0.05
        assert abs(covered(corrected) - 0.9) < abs(covered(plain) - 0.9)


def test_levels_move_outward_by_their_blocks_and_cells_borrow_from_all() -> None:
    """y − q over a width of 1, at τ* = .5 + (τ − .5)(1 + 1/10) = .06, .5, .94 of y = 0, .1, … 10."""
    y, levels = np.arange(101) / 10, np.array([0.1, 0.5, 0.9])
    q = np.tile([0.0, 0.5, 1.0], (101, 1))
    block = np.arange(101) % 10
    found = offsets(y, q, np.where(block < 7, 0, 1), block, levels, floor=0.01)
    np.testing.assert_allclose(found[-1], [0.6, 4.5, 8.4])
    own = y[block < 7]  # τ* of 7 blocks: .0429, .5, .9571
    alone = np.quantile(own, 0.5 + 0.4 * np.array([-1, 0, 1]) * 8 / 7) - q[0]
    np.testing.assert_allclose(found[0], 7 / 12 * alone + 5 / 12 * found[-1])
    assert 1 not in found  # three blocks tell nothing of their own
    few = offsets(y, q, np.where(block < 7, 0, 1), block % 6, levels, floor=0.01)
    assert few.keys() == {-1}
    assert (few[-1] == 0).all()


def test_quantiles_move_by_their_width_and_still_rise() -> None:
    found = moved(np.array([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]]), np.array([0.9, 0.0, -0.1]), floor=0.5)
    np.testing.assert_allclose(found, [[1.0, 1.8, 1.8], [4.95, 5.0, 5.45]])


def test_cells_part_at_their_bounds_and_what_is_unknown_counts_with_the_highest() -> None:
    x = np.array([[5, -1], [12, -1], [5, 0], [np.nan, np.nan], [40, -1]], dtype=np.float32)
    rows = Frame(x, ("lead_h", "elevation_deg"), np.arange(5))
    assert cell_of(rows, (("lead_h", (12, 36)), ("elevation_deg", (0,)))).tolist() == [0, 2, 1, 5, 4]


class Steady:
    """Says −1, 0 and 1 of everything."""

    name = "steady"

    def fit(self, *_: object) -> Steady:
        return self

    def predict(self, rows: Frame) -> np.ndarray:
        return np.tile([-1.0, 0.0, 1.0], (len(rows), 1))


@pytest.mark.parametrize(
    ("strength", "full_blocks", "corrected"),
    [(1.0, 0, [1, 1, 1.955]), (0.5, 20, [0, 0.5, 1.4775]), (1.0, 40, [0, 0.5, 1.4775])],
)
def test_a_correction_is_learnt_from_the_newest_blocks_and_given_to_all_that_were_held_out(
    strength: float, full_blocks: int, corrected: list[float]
) -> None:
    """30 blocks held out, of which the newest 20 count: of 3 and nineteen times 1, τ* = .9725 is 1 + .4775 · 2.

    They apply half of it where 40 would all.
    """
    block = np.arange(100)
    y = np.where(block < 80, 50.0, 1.0)
    y[80] = 3.0
    rows = Frame(np.zeros((100, 1), np.float32), ("nothing",), block)
    learner = Conformal(Steady(), blocks=20, strength=strength, full_blocks=full_blocks)
    fitted, held = learner.fit_held(rows, y, np.array([0.05, 0.5, 0.95]), last=40)
    assert held.position.tolist() == list(range(70, 100))
    np.testing.assert_allclose(held.quantiles, np.tile(corrected, (30, 1)))
    np.testing.assert_allclose(fitted.predict(rows.take(block < 1)), [corrected])


def test_conformal_leaves_a_history_of_few_blocks_alone() -> None:
    rows, y = drawn(days=8)
    assert (Conformal(Linear()).fit(rows, y, LEVELS).offset == 0).all()


def test_censored_rows_give_back_what_deletion_and_belief_lose() -> None:
    """Curtailed at random to below what was there: the median among high signals comes back."""
    rng = np.random.default_rng(3)
    rows, y = drawn(days=120)
    limit = np.where(rng.random(len(y)) < 0.6, 1.0 + 0.5 * rng.random(len(y)), np.inf)
    seen, flag = np.minimum(y, limit), (y > limit)
    x = np.concatenate([rows.x, flag[:, None].astype(np.float32)], axis=1)
    flagged = Frame(x, (*rows.names, "curtailed"), rows.block)
    new, _ = drawn(seed=4)
    ask = Frame(np.concatenate([new.x, np.zeros((len(new), 1), np.float32)], axis=1), flagged.names, new.block)
    windy = (new.x[:, 0] > 0.4) & (new.x[:, 0] < 1.5)
    learner = Boosted(rounds=60, depth=3, learning_rate=0.1)
    whole = learner.fit(rows, y, LEVELS).predict(new)

    def bias(found: np.ndarray) -> np.ndarray:
        """Against the same learner that saw everything; three in seven of these rows are censored."""
        return np.asarray((found - whole)[windy].mean(axis=0))

    repaired = bias(Censored(learner).fit(flagged, seen, LEVELS).predict(ask))
    deleted = bias(learner.fit(rows.take(~flag), seen[~flag], LEVELS).predict(new))
    believed = bias(learner.fit(rows, seen, LEVELS).predict(new))
    assert np.abs(repaired[:4]).max() < 0.12
    assert (deleted[:4] < -0.4).all()
    assert believed[2] < -0.4
    assert (Censored(learner).fit(rows, y, LEVELS).predict(new) == whole).all()
    assert Censored(learner).name == "boosted"
