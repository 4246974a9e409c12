"""The model of photovoltaic power: own and pooled learners on physical features, corrected by what has come since.

Quantiles are learnt as shares of the capacity in daylight only; in the dark the power is exactly zero. The first
correction comes from the last days of training, which were held out; from then on each day's outcome moves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting.archive import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.features import Steps, seen
from forecasting.learners.base import Frame, Learner
from forecasting.learners.boosted import Boosted
from forecasting.learners.censored import Censored
from forecasting.learners.held import forward
from forecasting.learners.levels import checked
from forecasting.learners.linear import Linear
from forecasting.models.base import CannotForecast
from forecasting.models.solar import rows as features
from forecasting.models.solar.anchor import Anchored, Physical, Tried, mixed, trust
from forecasting.models.solar.following import Seen, corrected
from forecasting.models.solar.learning import OwnAndAll, Scaled
from forecasting.models.solar.past import LOOK_BACK_DAYS, Past, past_of
from forecasting.models.solar.rows import State, among, build, state_of
from forecasting.models.solar.shade import Shade, shade_of
from forecasting.models.solar.weather import Weather
from forecasting.steps import overlap
from forecasting.targets import Place, Target

Floats = NDArray[np.float64]
VERSION = "solar-1"
HISTORY_DAYS = 400
LEARNT_EVERY_H = 0.5  # of quarter-hours, whose errors are alike, every second one
KEPT_EVERY_H = 1.0
HELD_DAYS = 60
SURE_DAYS = 60  # up to so many of all plants, held-out days judge what was learnt; no longer of twice as many
FOLLOWED_DAYS = 60  # 120 are no better, on held-out days and on the days after
LEAST_DAYS = 3
LEAST_ISSUES = 60  # a state of the plant that was seen less often would be learnt by heart
NEIGHBOURS, NEIGHBOURS_KM = 8, 300.0
LEAST_KNOWN = 0.9  # share of the daylight ahead of which radiation must be forecast

IN_TREES = (
    "elevation", "azimuth", "clear_share", "lead_h", "just_now", "physics_share", "physics_over_clear", "k", "k_2h",
    "k_6h", "k_day", "k_before_2h", "k_before_1h", "k_before_0.5h", "k_after_0.5h", "k_after_1h", "k_after_2h",
    "k_unsteady", "beam_share", "wind_from_east", "wind_from_north", "humidity_day", *features.PLAIN, *features.NEAR,
)  # fmt: skip
OF_PLANT = (
    *(f"ratio_{d}d" for d in (1, 3, 7, 28)), "clear_ratio_1d", "clear_ratio_7d", *features.OF_HOUR, "best_share_usual"
)  # fmt: skip
OF_REGION = ("near_ratio_1d", "near_ratio_3d", "near_ratio_7d")
LINES = (
    "clear_share", "physics_share", *(f"clear_x_{n}" for n in features.IN_LINES if n not in features.OF_SHADE),
)  # fmt: skip
OF_SHADE = (*features.OF_SHADE, *(f"clear_x_{name}" for name in features.OF_SHADE))
RELATIVE = tuple(f"relative_{name}" for name in OF_PLANT)
OF_STATE = (*OF_PLANT, *OF_REGION, *RELATIVE, *(f"clear_x_{name}" for name in (*OF_PLANT, *OF_REGION)))
COLUMNS = (*IN_TREES, *OF_PLANT, *OF_REGION, *RELATIVE, *LINES[2:], *OF_SHADE)


def default_learner(shade: bool = False) -> Learner:
    """Settings found on blocks of PVOD's training months; see decision 23. With `shade` it asks for plants' maps."""
    own, product = (OF_SHADE[:1], OF_SHADE[1:]) if shade else ((), ())
    trees = Boosted(
        rounds=150, depth=4, learning_rate=0.06, leaf_blocks=4.0, column_share=0.5, rows_per_round=15,
        columns=(*IN_TREES, *OF_PLANT, *OF_REGION, *own),
    )  # fmt: skip
    lines = Linear(columns=(*LINES, *product), penalty=1e-2)
    pooled = Boosted(
        rounds=200, depth=5, learning_rate=0.06, leaf_blocks=3.0, column_share=0.5, rows_per_round=30,
        columns=(*IN_TREES, *RELATIVE, *OF_REGION, *own),
    )  # fmt: skip
    strange = replace(pooled, columns=(*IN_TREES, *OF_REGION))
    return OwnAndAll((trees, lines), Scaled(pooled, "gain"), Scaled(strange, "gain"))


@dataclass(frozen=True)
class Solar:
    """Photovoltaic plants, many together: what one lacks others may show.

    Without `follow` nothing is held out and what comes later corrects nothing. With `shade` a map of each plant's best
    share of the clear sky by the sun's place is one more column; `learner` must ask for it.
    """

    learner: Learner = field(default_factory=default_learner)
    history_days: int = HISTORY_DAYS
    follow: bool = True
    shade: bool = False
    name: str = "solar"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> SolarTrained:
        """Learn all plants from what was known at `known.time_ns`."""
        levels = checked(levels)
        scene = Scene.of(known, targets, place, known.time_ns + horizon_ns, self.history_days + LOOK_BACK_DAYS)
        if self.shade:
            scene = replace(scene, shades=tuple(shade_of(past) for past in scene.pasts))
        table = _training_table(scene, self.history_days)
        if len(np.unique(table.frame.block)) < LEAST_DAYS:
            raise CannotForecast(
                f"solar: {len(np.unique(table.frame.block))} days on which power and forecast radiation are both known "
                f"before {utc_text(known.time_ns)}; needed are {LEAST_DAYS}"
            )
        learner = Censored(self.learner, ceiling=1.0)
        held: dict[int, Seen] = {}
        weight = dict.fromkeys(range(len(targets)), 1.0)
        if self.follow or len(np.unique(table.frame.block)) < SURE_DAYS:
            held, weight = _held(learner, table, levels, len(targets))
        fitted = Anchored(
            learner.fit(table.frame, table.actual, levels), Physical().fit(table.frame, table.actual, levels), weight
        )
        days, held = (FOLLOWED_DAYS, held) if self.follow else (0, {})
        card = self._card(known, table) | {"learnt_weight": {targets[n].name: w for n, w in weight.items()}}
        return SolarTrained(tuple(targets), place, levels, fitted, held, days, known.time_ns, card, shades=scene.shades)

    def _card(self, known: Known, table: Table) -> dict[str, Any]:
        return {
            "model": self.name,
            "version": VERSION,
            "trained_at": utc_text(known.time_ns),
            "rows": len(table.frame),
            "days": len(np.unique(table.frame.block)),
            "features": COLUMNS,
            "settings": repr(self.learner),
        }


@dataclass(frozen=True, eq=False)
class Scene:
    """All plants as known at one time, and whose neighbours they are."""

    weather: Weather
    pasts: tuple[Past, ...]
    edges_ns: Ns
    near: tuple[tuple[int, ...], ...]
    shades: tuple[Shade | None, ...]

    @classmethod
    def of(cls, known: Known, targets: Sequence[Target], place: Place, edges_ns: Ns, days: int) -> Scene:
        """The last so many days of all plants."""
        weather = Weather(known)
        pasts = tuple(past_of(weather, target, place, edges_ns, days) for target in targets)
        return cls(weather, pasts, edges_ns, _neighbours(pasts), (None,) * len(pasts))

    @property
    def time_ns(self) -> int:
        """When it is seen."""
        return self.weather.known.time_ns

    def states(self, issue_ns: Ns) -> list[State]:
        """Each plant's state at the issues, with what its neighbours show."""
        alone = [state_of(past, issue_ns) for past in self.pasts]
        return [
            among(past, alone[number], issue_ns, [(self.pasts[other], alone[other]) for other in self.near[number]])
            for number, past in enumerate(self.pasts)
        ]

    def rows(self, number: int, issue_ns: Ns, state: State) -> features.Rows:
        """Columns of one plant for the horizon's steps after each issue; issues are whole steps apart."""
        past = self.pasts[number]
        others = [self.pasts[other] for other in self.near[number]]
        step = steps_after(past, self.edges_ns, issue_ns)
        return build(self.weather, past, others, issue_ns, step, state, self.shades[number])


def steps_after(past: Past, edges_ns: Ns, issue_ns: Ns) -> Steps:
    """Grid steps (I, H) that the edges touch, moved from the last issue to each."""
    grid = past.grid
    first = (int(edges_ns[0]) - grid.start_ns) // grid.step_ns
    last = -(-(int(edges_ns[-1]) - grid.start_ns) // grid.step_ns)
    back = (issue_ns - int(issue_ns[-1])) // grid.step_ns
    return back[:, None] + np.arange(first, last)


def _neighbours(pasts: Sequence[Past]) -> tuple[tuple[int, ...], ...]:
    """The nearest plants with weather of their own, within 300 km."""
    at = np.deg2rad([[past.plant.latitude_deg, past.plant.longitude_deg] for past in pasts])
    found = []
    for number, (latitude, longitude) in enumerate(at):
        east = (at[:, 1] - longitude) * np.cos(latitude)
        distance_km = 6371 * np.hypot(at[:, 0] - latitude, east)
        order = [int(k) for k in np.argsort(distance_km, kind="stable") if k != number]
        found.append(tuple(k for k in order if distance_km[k] < NEIGHBOURS_KM)[:NEIGHBOURS])
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of all plants in the order of time, and what came as a share of the capacity."""

    frame: Frame
    actual: Floats


def frame_of(rows: features.Rows, use: NDArray[np.bool_], number: int, day: NDArray[np.int64], cut: Floats) -> Frame:
    """The chosen rows (I, H) as a frame; `day` (I, H) labels blocks."""
    x = rows.matrix(COLUMNS, use)
    more = np.stack(
        [
            np.full(len(x), float(number)),
            np.broadcast_to(rows.gain[:, None], rows.step.shape)[use],
            np.broadcast_to(cut, rows.step.shape)[use],
        ],
        axis=1,
    )
    block = day[use]
    return Frame(np.concatenate([x, more.astype(np.float32)], axis=1), (*COLUMNS, "site", "gain", "curtailed"), block)


def thinned(past: Past, step: Steps, every_h: float) -> NDArray[np.bool_]:
    """Mask of the steps that lie on every so many hours."""
    return np.asarray(step % max(round(every_h / past.grid.step_h), 1) == 0)


def _training_table(scene: Scene, history_days: int) -> Table:
    """Rows of all plants, each past interval about once."""
    horizon_days = -(-int(scene.edges_ns[-1] - scene.edges_ns[0]) // DAY_NS)
    issue_ns = scene.time_ns - np.arange(history_days // horizon_days, 0, -1) * horizon_days * DAY_NS
    frames, came = [], []
    states = scene.states(issue_ns)
    for number, past in enumerate(scene.pasts):
        step = steps_after(past, scene.edges_ns, np.append(issue_ns, scene.time_ns))[:-1]
        live = (step[:, -1] >= 0) & (step[:, 0] <= past.history.last_step)
        if not live.any():
            continue
        others = [scene.pasts[other] for other in scene.near[number]]
        rows = build(
            scene.weather, past, others, issue_ns[live], step[live], _part(states[number], live), scene.shades[number]
        )
        actual = seen(past.history, rows.step, np.array(scene.time_ns)) / past.target.capacity_kw
        use = np.isfinite(actual) & ~rows.sun.dark & thinned(past, rows.step, LEARNT_EVERY_H)
        use &= np.isfinite(rows.columns["k"])
        cut = past.curtailed[np.clip(rows.step, 0, past.grid.count - 1)].astype(np.float64)
        if len(issue_ns) < LEAST_ISSUES:
            rows = rows.without(OF_STATE)
        frames.append(frame_of(rows, use, number, past.day(past.grid.start_of(rows.step)), cut))
        came.append(actual[use])
    return _joined(frames, came)


def _part(state: State, chosen: NDArray[np.bool_]) -> State:
    return State({k: v[chosen] for k, v in state.ratios.items()}, state.gain[chosen], state.days[chosen])


def _joined(frames: Sequence[Frame], came: Sequence[Floats]) -> Table:
    names = (*COLUMNS, "site", "gain", "curtailed")
    if not frames:
        return Table(Frame(np.empty((0, len(names)), np.float32), names, np.empty(0, np.int64)), np.empty(0))
    block = np.concatenate([frame.block for frame in frames])
    order = np.argsort(block, kind="stable")
    x = np.concatenate([frame.x for frame in frames])[order]
    return Table(Frame(x, names, block[order]), np.concatenate(came)[order])


def _held(learner: Learner, table: Table, levels: Floats, count: int) -> tuple[dict[int, Seen], dict[int, float]]:
    """Of `count` plants, forecasts of the last days of training by who had not seen them, and weights of the learnt."""
    if len(np.unique(table.frame.block)) < 4 * LEAST_DAYS:
        return {}, {}
    held, beside = (
        forward(one, table.frame, table.actual, levels, HELD_DAYS, folds=1) for one in (learner, Physical())
    )
    rows, actual = table.frame.take(held.position), table.actual[held.position]
    site, free = rows.column("site"), rows.column("curtailed") == 0
    mine = {n: (site == n) & free & (rows.column("elevation") > 0) for n in range(count)}
    tried = {
        n: Tried.of(held.quantiles[use], beside.quantiles[use], actual[use], rows.block[use], levels)
        for n, use in mine.items()
    }
    days = len(np.unique(table.frame.block))
    weight = {n: _grown(w, days) for n, w in trust(tried).items()}
    both = mixed(held.quantiles, beside.quantiles, site, weight)
    every_row = Seen(rows.block, both, actual)
    return {n: every_row.take(use) for n, use in mine.items()}, weight


def _grown(weight: float, days: int) -> float:
    """The weight of learners of so many days: those that were tried had seen fewer, of other seasons.

    A plant that is new among others of long histories is answered by what these have learnt: on PVOD, two stations of
    some two months that were given to physics by their first weeks lost 3 % of all stations' score.
    """
    return 1 - (1 - weight) * float(np.clip(2 - days / SURE_DAYS, 0.0, 1.0))


@dataclass(frozen=True, eq=False)
class SolarTrained:
    """Plants that have learnt. `held` are forecasts of the days before `trained_ns` that had not been learnt from."""

    targets: tuple[Target, ...]
    place: Place
    levels: Floats
    fitted: Anchored
    held: Mapping[int, Seen]
    followed_days: int
    trained_ns: int
    about: Mapping[str, Any]
    asked: tuple[str, ...] = ()
    shades: tuple[Shade | None, ...] = ()

    @property
    def card(self) -> Mapping[str, Any]:
        """What it is."""
        return self.about

    def only(self, *names: str) -> SolarTrained:
        """The same, asked for some of its targets only."""
        return replace(self, asked=names)

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """By target (T, Q) in kW."""
        scene = Scene.of(known, self.targets, self.place, edges_ns, LOOK_BACK_DAYS + self.followed_days + 2)
        scene = replace(scene, shades=self.shades or scene.shades)
        back = np.arange(self.followed_days, -1, -1) * DAY_NS
        issue_ns = known.time_ns - back[known.time_ns - back > self.trained_ns - HOUR_NS]
        if not len(issue_ns) or issue_ns[-1] != known.time_ns:
            issue_ns = np.array([known.time_ns])
        states = scene.states(issue_ns)
        return {
            target.name: self._one(scene, number, issue_ns, states[number])
            for number, target in enumerate(self.targets)
            if not self.asked or target.name in self.asked
        }

    def _one(self, scene: Scene, number: int, issue_ns: Ns, state: State) -> Floats:
        past, target = scene.pasts[number], self.targets[number]
        rows = scene.rows(number, issue_ns, state)
        _refuse_unknown(target, rows)
        bright = ~rows.sun.dark
        keep = bright & thinned(past, rows.step, KEPT_EVERY_H)
        keep[-1] = bright[-1]
        day = past.day(past.grid.start_of(rows.step))
        frame = frame_of(rows, keep, number, day, np.zeros(1))
        raw = self.fitted.predict(frame)
        now = np.broadcast_to((issue_ns == scene.time_ns)[:, None], keep.shape)[keep]
        actual = seen(past.free, rows.step, np.array(scene.time_ns))[keep] / target.capacity_kw
        light = frame.column("elevation") > 0  # at the edge of night all is zero, and says nothing of a band
        own = Seen(frame.block, raw, np.where(now | ~light, np.nan, actual))
        before = self._before(own, number, int(past.day(issue_ns[-1:])[0]))
        lead_h = frame.column("lead_h")[now]
        moved = corrected(before, raw[now], lead_h, self.levels, self.followed_days)
        levels = np.zeros((rows.step.shape[1], len(self.levels)))
        levels[bright[-1]] = np.sort(np.clip(moved, 0.0, 1.0), axis=1)
        share = overlap(past.grid, rows.step[-1], scene.edges_ns)
        return np.asarray(share @ levels * target.capacity_kw)

    def _before(self, own: Seen, number: int, today: int) -> Seen:
        """Forecasts whose outcome is known at the issue: those of this model, and before them those held out."""
        joined = self.held[number].then(own) if number in self.held else own
        use = np.isfinite(joined.actual) & (joined.block >= today - self.followed_days)
        return joined.take(use)


def _refuse_unknown(target: Target, rows: features.Rows) -> None:
    light = ~rows.sun.dark[-1]
    known = np.isfinite(rows.columns["k"][-1][light])
    if light.any() and known.mean() < LEAST_KNOWN:
        raise CannotForecast(
            f"{target.name}: radiation or cloud cover is forecast for {known.mean():.0%} of the daylight ahead "
            f"under {list(target.weather)}; needed are {LEAST_KNOWN:.0%}"
        )


__all__ = ["Solar", "SolarTrained", "default_learner"]
