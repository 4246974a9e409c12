"""One ensemble per kind for many sites, each with its own correction; all answered in one pass over arrays.

What differs between sites stands in columns: shares of the site's own scale, statistics of its past, its sun. So one
ensemble learns from all of them, a thinned year of each; conformal offsets per site and lead, shrunk towards those of
all, give each site its own calibration. A year of quarter-hours of 100 sites trains in a minute or two, and a forecast
for all costs little more than one for a few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecasting import dependence, scenarios
from forecasting.archive.known import Known
from forecasting.clock import DAY_NS, HOUR_NS, Ns, utc_text
from forecasting.dependence import Dependence
from forecasting.learners import conformal
from forecasting.learners import levels as dense
from forecasting.learners.base import Fitted, Frame
from forecasting.learners.boosted import Boosted
from forecasting.models.base import CannotForecast, Shown
from forecasting.models.fleet.columns import BACK_DAYS, Sites, common_weather, frame_of, statistics_of
from forecasting.models.fleet.panel import Panel, panel_of, step_of
from forecasting.quantiles import LEVELS
from forecasting.targets import Kind, Place, Target

Floats = NDArray[np.float64]
VERSION = "fleet-1"
LEAST_DAYS = 28
CALIBRATION_DAYS = 60
CALIBRATION_SHARE = 0.3
LEAD_BLOCKS_H = np.array([12.0, 36.0, 60.0])
FLOOR_SHARE = 0.01
NIGHT_DEG = -1.0
BOOSTED = Boosted(rounds=100, depth=6, learning_rate=0.1, leaf_blocks=0.0, min_rows=60, knots=7)


@dataclass(frozen=True)
class Fleet:
    """Learns from `rows_at_most` rows of all sites together."""

    boosted: Boosted = BOOSTED
    rows_at_most: int = 120_000
    history_days: int = 400
    seed: int = 0
    name: str = "fleet"

    def train(
        self, known: Known, targets: Sequence[Target], place: Place, horizon_ns: Ns, levels: Floats
    ) -> FleetTrained:
        """Learn all targets, kind by kind."""
        levels = dense.checked(levels)
        step = step_of(known, targets, horizon_ns)
        groups = {}
        for kind in dict.fromkeys(target.kind for target in targets):
            alike = tuple(target for target in targets if target.kind == kind)
            groups[kind] = self._group(known, alike, place, horizon_ns, step, levels)
        return FleetTrained(self, groups, levels, step, known.time_ns, _joint(groups, len(horizon_ns) - 1, step), place)

    def _group(
        self, known: Known, targets: tuple[Target, ...], place: Place, horizon_ns: Ns, step_ns: int, levels: Floats
    ) -> Group:
        first_ns = (known.time_ns - self.history_days * DAY_NS) // DAY_NS * DAY_NS
        first_ns += (known.time_ns + int(horizon_ns[0])) % step_ns
        panel = panel_of(known, targets, step_ns, first_ns, known.time_ns + int(horizon_ns[-1]))
        sites = _sites(known, targets, place, panel)
        plan = _Plan.of(panel, known.time_ns, horizon_ns)
        rng = np.random.default_rng(self.seed)
        each = int(np.clip(self.rows_at_most // (len(targets) * max(len(plan.issue_ns), 1)), 1, plan.steps))
        pick = np.sort(rng.permuted(np.tile(np.arange(plan.steps), (len(plan.issue_ns), 1)), axis=1)[:, :each], axis=1)
        step = plan.first[:, None] + pick
        frame = frame_of(known, sites, panel, plan.issue_ns, step)
        actual = (panel.seen(step, np.array(known.time_ns)) / sites.scale[:, None, None]).ravel()
        use = np.isfinite(actual) & _lit(frame)
        before = use & np.tile(np.repeat(~plan.held, each), len(targets))
        first = self.boosted.fit(frame.take(before), actual[before], levels)
        offset, shown = _calibrated(known, sites, panel, plan, first, levels)
        fitted = self.boosted.fit(frame.take(use), actual[use], levels)
        return Group(sites, fitted, offset, shown, int(use.sum()), frame.names)


def _sites(known: Known, targets: tuple[Target, ...], place: Place, panel: Panel) -> Sites:
    sourced = tuple(replace(t, weather=t.weather or (t.site,)) for t in targets)
    peak = np.nanmax(np.where(np.isfinite(panel.value), np.abs(panel.value), 0.0), axis=1)
    capacity = np.array([t.capacity_kw for t in targets])
    scale = np.where(np.isfinite(capacity), capacity, np.where(peak > 0, peak, 1.0))
    days = np.isfinite(panel.value).sum(axis=1) / panel.grid.per_day
    if (thin := np.flatnonzero(days < LEAST_DAYS)).size:
        raise CannotForecast(
            f"{targets[thin[0]].name}: {days[thin[0]]:.0f} days of measurements; {LEAST_DAYS} are needed"
        )
    places = tuple(t.place or place for t in targets)
    return Sites(sourced, places, common_weather(known, sourced), scale, statistics_of(panel.value, scale))


@dataclass(frozen=True, eq=False)
class _Plan:
    """Issues to learn from (I,): as often as each interval is used once; first step of each, which are held out."""

    issue_ns: Ns
    first: NDArray[np.int64]
    steps: int
    held: NDArray[np.bool_]

    @classmethod
    def of(cls, panel: Panel, time_ns: int, horizon_ns: Ns) -> _Plan:
        grid, steps = panel.grid, len(horizon_ns) - 1
        days = max(-(-int(horizon_ns[-1] - horizon_ns[0]) // DAY_NS), 1)
        stride = days - 1 if days % 7 == 0 else days  # each lead must see every weekday
        span = (time_ns - grid.start_ns) // DAY_NS
        back = np.arange((span - BACK_DAYS) // stride, 0, -1) * stride
        first = (time_ns + int(horizon_ns[0]) - grid.start_ns) // grid.step_ns - back * grid.per_day
        held = back <= min(CALIBRATION_DAYS, CALIBRATION_SHARE * span)
        return cls(time_ns - back * DAY_NS, first, steps, held)


def _lit(frame: Frame) -> NDArray[np.bool_]:
    """Rows that are not in the dark, where a photovoltaic plant gives nothing."""
    if "elevation" not in frame.names:
        return np.ones(len(frame), dtype=bool)
    return np.asarray(frame.x[:, frame.names.index("elevation")] >= NIGHT_DEG)


def _calibrated(
    known: Known, sites: Sites, panel: Panel, plan: _Plan, fitted: Fitted, levels: Floats
) -> tuple[Floats, dict[str, Shown]]:
    """Offsets (S, lead blocks, Q), and what was said of the held-out days, by target."""
    issue_ns, step = plan.issue_ns[plan.held], plan.first[plan.held][:, None] + np.arange(plan.steps)
    frame = frame_of(known, sites, panel, issue_ns, step)
    actual = panel.seen(step, np.array(known.time_ns)) / sites.scale[:, None, None]
    quantiles = fitted.predict(frame).reshape(*actual.shape, len(levels))
    lit = _lit(frame).reshape(actual.shape)
    cell = _cells(sites, (panel.grid.start_of(step) - issue_ns[:, None]) / HOUR_NS)
    use = np.isfinite(actual) & lit
    block = frame.block.reshape(actual.shape)
    found = conformal.offsets(actual[use], quantiles[use], cell[use], block[use], levels, FLOOR_SHARE)
    count = len(sites.targets) * (len(LEAD_BLOCKS_H) + 1)
    offset = np.stack([found.get(k, found[-1]) for k in range(count)])
    moved = np.where(lit[..., None], conformal.moved(quantiles, offset[cell], FLOOR_SHARE), 0.0)
    at_seven = dense.spread(levels, LEVELS, beyond=True)
    start = panel.grid.start_of(step)
    shown = {
        target.name: Shown(start, np.where(lit[k], actual[k], np.nan), np.sort(moved[k] @ at_seven, axis=-1))
        for k, target in enumerate(sites.targets)
    }
    return offset.reshape(len(sites.targets), -1, len(levels)), shown


def _cells(sites: Sites, lead_h: Floats) -> NDArray[np.intp]:
    """Cell (S, I, H) of each row: the site, then the block of its lead."""
    block = np.searchsorted(LEAD_BLOCKS_H, lead_h)
    return np.arange(len(sites.targets))[:, None, None] * (len(LEAD_BLOCKS_H) + 1) + block


@dataclass(frozen=True, eq=False)
class Group:
    """All sites of one kind: their ensemble (of shares of the scale), offsets (S, blocks, Q), held-out forecasts."""

    sites: Sites
    fitted: Fitted
    offset: Floats
    shown: Mapping[str, Shown]
    rows: int
    names: tuple[str, ...]

    def take(self, names: set[str]) -> Group | None:
        """Some of its sites; None where it has none of them."""
        at = [k for k, target in enumerate(self.sites.targets) if target.name in names]
        if not at:
            return None
        shown = {name: one for name, one in self.shown.items() if name in names}
        return replace(self, sites=self.sites.take(at), offset=self.offset[at], shown=shown)


@dataclass(frozen=True, eq=False)
class FleetTrained:
    """Groups by kind."""

    model: Fleet
    groups: Mapping[Kind, Group]
    levels: Floats
    step_ns: int
    trained_ns: int
    joint: Dependence
    place: Place

    @property
    def targets(self) -> tuple[Target, ...]:
        """All targets, kind by kind."""
        return tuple(target for group in self.groups.values() for target in group.sites.targets)

    @property
    def top_rung(self) -> Mapping[str, str]:
        """The rung that each target stands on while its inputs are as usual."""
        each = ((group, target) for group in self.groups.values() for target in group.sites.targets)
        return {target.name: "latest_nwp" if group.sites.weather else "own_past" for group, target in each}

    @property
    def card(self) -> Mapping[str, Any]:
        """What it is."""
        about = {
            kind: {"sites": len(group.sites.targets), "rows": group.rows, "features": group.names}
            for kind, group in self.groups.items()
        }
        return {"model": self.model.name, "version": VERSION, "trained_at": utc_text(self.trained_ns), "kinds": about}

    @property
    def shown(self) -> Mapping[str, Shown]:
        """What it said of held-out days, as shares of each site's scale."""
        return {name: one for group in self.groups.values() for name, one in group.shown.items()}

    def only(self, names: Sequence[str]) -> FleetTrained:
        """The same trained model for some of its targets."""
        kept = {kind: group.take(set(names)) for kind, group in self.groups.items()}
        at = [k for k, name in enumerate(self.joint.names) if name in names]
        joint = Dependence(
            tuple(self.joint.names[k] for k in at),
            tuple(self.joint.kinds[k] for k in at),
            self.joint.by_lag,
            self.joint.across[np.ix_(at, at)],
        )
        return replace(self, groups={kind: group for kind, group in kept.items() if group is not None}, joint=joint)

    def quantiles(self, known: Known, edges_ns: Ns) -> Mapping[str, Floats]:
        """See `Trained`; the edges are those of the fleet's steps."""
        if (np.diff(edges_ns) != self.step_ns).any():
            raise CannotForecast(f"the fleet was trained for steps of {self.step_ns / HOUR_NS:g} h")
        found: dict[str, Floats] = {}
        for group in self.groups.values():
            values = self._ahead(group, known, edges_ns)
            found |= {target.name: values[k] for k, target in enumerate(group.sites.targets)}
        return found

    def _ahead(self, group: Group, known: Known, edges_ns: Ns) -> Floats:
        """Quantiles (S, T, Q) of a group in its targets' units."""
        sites, steps = group.sites, len(edges_ns) - 1
        back = -(-BACK_DAYS * DAY_NS // self.step_ns)
        first_ns = int(edges_ns[0]) - back * self.step_ns
        panel = panel_of(known, sites.targets, self.step_ns, first_ns, int(edges_ns[-1]))
        issue_ns, step = np.array([known.time_ns]), back + np.arange(steps)[None, :]
        frame = frame_of(known, sites, panel, issue_ns, step)
        lit = _lit(frame)
        raw = np.zeros((len(frame), len(self.levels)))
        raw[lit] = group.fitted.predict(frame.take(lit) if not lit.all() else frame)
        cell = _cells(sites, (panel.grid.start_of(step) - known.time_ns) / HOUR_NS).ravel()
        moved = conformal.moved(raw, group.offset.reshape(-1, len(self.levels))[cell], FLOOR_SHARE)
        moved[~lit] = 0.0
        values = moved.reshape(len(sites.targets), steps, -1) * sites.scale[:, None, None]
        bounds = np.array([target.bounds for target in sites.targets])
        return np.clip(values, bounds[:, :1, None], bounds[:, 1:, None])


def _joint(groups: Mapping[Kind, Group], steps: int, step_ns: int) -> Dependence:
    """How all targets' errors hang together, from the held-out days."""
    scores, kinds = {}, {}
    for kind, group in groups.items():
        for name, one in group.shown.items():
            scores[name], kinds[name] = scenarios.normal_scores(one.actual, one.quantiles), str(kind)
    return dependence.fit(scores, kinds, steps, step_ns / HOUR_NS)


__all__ = ["Fleet", "FleetTrained"]
