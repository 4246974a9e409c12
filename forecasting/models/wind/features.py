"""What bears on the power of a wind farm, at each issue time for each step ahead of it.

Of the farm's own weather: components, speeds, shear and veer, the hours around, means over 5 h and 25 h (a front that
comes an hour early errs less in the mean than at the hour), older runs, density; of other sites' weather the speed and
its components, because a front reaches one before the other; and the last power, known for as long as it helps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forecasting.clock import DAY_NS, HOUR_NS, Ns
from forecasting.models.wind.rows import Past
from forecasting.models.wind.stages import known_mean
from forecasting.models.wind.wakes import equivalent_speed_m_s
from forecasting.models.wind.winds import Steps, Winds
from forecasting.physics import STANDARD_DENSITY_KG_PER_M3, air_density_kg_per_m3, hub_speed_m_s, wind_power_kw
from forecasting.targets import Target

Floats = NDArray[np.float64]
YEAR_DAYS = 365.2425
AROUND_H = (-3, -2, -1, 1, 2, 3)
COMPONENTS_AROUND_H = (-2, -1, 1)
LAST_POWER_H = 36.0  # after a day and a half the last power says no more than climatology
ICE_MEMORY_H = (0, 3, 6, 9, 12)
CALM_M_S = 0.3  # below it shear and direction are noise


@dataclass(frozen=True, eq=False)
class Look:
    """One site's weather as seen at issues (I,) for steps (I, H); `own_run` looks around within the step's run only."""

    winds: Winds
    issue_ns: Ns
    step: Steps
    own_run: bool = False
    hindcast: bool = False
    _rows: dict[int, NDArray[np.int64]] = field(default_factory=dict)

    def row(self, by: int = 0) -> NDArray[np.int64]:
        """Rows (I, H) of the weather so many steps later: of the same run where it reaches, else of the latest."""
        if by not in self._rows:
            if by == 0:
                self._rows[0] = self.winds.latest(self.issue_ns[:, None], self.step, self.hindcast)
            else:
                found = self.winds.shifted(self.row(), by)
                if not self.own_run and (lost := (found < 0) & (self.row() >= 0)).any():
                    found[lost] = self._of_another(lost, by)
                self._rows[by] = found
        return self._rows[by]

    def _of_another(self, lost: NDArray[np.bool_], by: int) -> NDArray[np.int64]:
        """Rows of the latest run so many steps later, for steps whose own does not reach.

        A later run than the issue knew stands in only beside a step that is itself a hindcast: elsewhere training would
        see beyond the end of the run what a forecast never does.
        """
        issue = np.broadcast_to(self.issue_ns[:, None], self.step.shape)[lost]
        step = self.step[lost] + by
        found = self.winds.latest(issue, step)
        late = (found < 0) & (self.winds.available_ns[self.winds.run[self.row()[lost]]] > issue)
        if late.any():
            found[late] = self.winds.latest(issue[late], step[late], hindcast=True)
        return found

    def at(self, name: str, hours: int = 0) -> Floats:
        """A column (I, H) so many hours later."""
        by = int(np.sign(hours)) * self.winds.lattice.steps(abs(hours)) if hours else 0
        return self.winds.value(name, self.row(by))

    def around(self, name: str, hours: int) -> tuple[Floats, Floats]:
        """Mean and spread (I, H) of a column over the hours before and after, of what is known of them."""
        values = np.stack([self.at(name, k) for k in range(-hours, hours + 1)])
        known = np.isfinite(values)
        count = known.sum(axis=0)
        mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
        square = np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count, 1)
        return np.where(count > 0, mean, np.nan), np.where(count > 0, np.sqrt(square), np.nan)


def main_height_m(target: Target, winds: Winds) -> int:
    """The height nearest to the hub, the highest where that is not known."""
    heights = winds.heights_m
    if target.farm is None:
        return heights[-1]
    hub_m = target.farm.hub_height_m
    return min(heights, key=lambda height: abs(height - hub_m))


def own(target: Target, look: Look) -> dict[str, Floats]:
    """Features (I, H) of the farm's own weather."""
    heights = look.winds.heights_m
    main = main_height_m(target, look.winds)
    speed = f"speed_{main}"
    found: dict[str, Floats] = {}
    for height in heights:
        for part in ("speed", "east", "north"):
            if f"{part}_{height}" in look.winds.columns:
                found[f"{part}_{height}"] = look.at(f"{part}_{height}")
    found |= _profile(look, heights, main)
    found |= {f"{speed}_{k:+d}h": look.at(speed, k) for k in AROUND_H}
    for k in COMPONENTS_AROUND_H:
        names = [f"speed_{height}" for height in heights if height != main] + [f"east_{main}", f"north_{main}"]
        found |= {f"{name}_{k:+d}h": look.at(name, k) for name in names if name in look.winds.columns}
    for height in heights:
        found[f"speed_{height}_5h"], spread = look.around(f"speed_{height}", 2)
        if height == main:
            found[f"{speed}_5h_spread"] = spread
    found[f"{speed}_25h"], found[f"{speed}_25h_spread"] = look.around(speed, 12)
    found["speed_middle"] = (found[speed] + look.at(speed, -1)) / 2
    found["run_lead_h"] = look.winds.lead_h(look.row())
    return found | _older_runs(look, speed) | _air(target, look, found[speed]) | _icing(look)


def _icing(look: Look) -> dict[str, Floats]:
    """What ice on the blades comes of: damp air below freezing, which stays for hours once it is there."""
    if not {"temperature_2m", "relative_humidity_2m"} <= look.winds.columns.keys():
        return {}
    found = {"temperature": look.at("temperature_2m"), "humidity": look.at("relative_humidity_2m")}
    for name, column in (("temperature", "temperature_2m"), ("humidity", "relative_humidity_2m")):
        before = np.stack([look.at(column, -hours) for hours in ICE_MEMORY_H])
        found[f"{name}_before"] = known_mean(before, axis=0)
    return found


def _profile(look: Look, heights: Sequence[int], main: int) -> dict[str, Floats]:
    """Shear, veer and direction."""
    found: dict[str, Floats] = {}
    low, high = heights[0], heights[-1]
    if low != high:
        ratio = np.maximum(look.at(f"speed_{high}"), CALM_M_S) / np.maximum(look.at(f"speed_{low}"), CALM_M_S)
        found["shear"] = np.log(ratio) / np.log(high / low)
    angle = {
        height: np.arctan2(look.at(f"east_{height}"), look.at(f"north_{height}"))
        for height in heights
        if f"east_{height}" in look.winds.columns
    }
    if low != high and low in angle and high in angle:
        found["veer_rad"] = np.angle(np.exp(1j * (angle[high] - angle[low])))
    if main in angle:
        found |= {"toward_sin": np.sin(angle[main]), "toward_cos": np.cos(angle[main])}
    return found


def _older_runs(look: Look, speed: str) -> dict[str, Floats]:
    """The same step in the runs before, and how far they disagree."""
    if look.own_run:
        return {}
    runs = [look.at(speed)] + [look.winds.value(speed, look.winds.earlier(look.row(), k)) for k in (1, 2, 3)]
    found = {f"{speed}_run_{k}": runs[k] for k in (1, 2)}
    known = np.isfinite(np.stack(runs))
    mean = np.where(known, np.stack(runs), 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    older = known[1:].any(axis=0)
    found[f"{speed}_runs"] = np.where(older, mean, np.nan)
    gap = np.abs(np.where(known, np.stack(runs) - mean, 0.0)).max(axis=0)
    return found | {f"{speed}_runs_apart": np.where(older, gap, np.nan)}


def _air(target: Target, look: Look, speed: Floats) -> dict[str, Floats]:
    """Density, the speed of equal power at standard density, and the farm's power by its curve."""
    found: dict[str, Floats] = {}
    density = np.full(speed.shape, STANDARD_DENSITY_KG_PER_M3)
    if {"temperature_2m", "surface_pressure"} <= look.winds.columns.keys():
        density = air_density_kg_per_m3(look.at("temperature_2m"), look.at("surface_pressure"))
        found["density"] = density
        found["speed_equivalent"] = speed * np.cbrt(density / STANDARD_DENSITY_KG_PER_M3)
    if target.farm is not None:
        speeds = {float(height): look.at(f"speed_{height}") for height in look.winds.heights_m}
        hub = hub_speed_m_s(speeds, target.farm.hub_height_m)
        standard = np.where(np.isfinite(density), density, STANDARD_DENSITY_KG_PER_M3)
        found["physics_kw"] = wind_power_kw(target.farm, hub, standard)
    return found


def equivalent(target: Target, look: Look) -> tuple[Floats, Floats]:
    """Speed of equal power at standard density and the direction it comes from (I, H), NaN where that is unknown."""
    height = main_height_m(target, look.winds)
    density = np.full(look.step.shape, np.nan)
    if {"temperature_2m", "surface_pressure"} <= look.winds.columns.keys():
        density = air_density_kg_per_m3(look.at("temperature_2m"), look.at("surface_pressure"))
    from_deg = np.full(look.step.shape, np.nan)
    if f"east_{height}" in look.winds.columns:
        toward = np.arctan2(look.at(f"east_{height}"), look.at(f"north_{height}"))
        from_deg = (np.rad2deg(toward) + 180) % 360
    return equivalent_speed_m_s(look.at(f"speed_{height}"), density), from_deg


def elsewhere(name: str, look: Look) -> dict[str, Floats]:
    """Features (I, H) of another site's weather, at its highest speed."""
    height = look.winds.heights_m[-1]
    mean, _ = look.around(f"speed_{height}", 2)
    found = {f"{name}_speed": look.at(f"speed_{height}"), f"{name}_speed_5h": mean}
    for part in ("east", "north"):
        if f"{part}_{height}" in look.winds.columns:
            found[f"{name}_{part}"] = look.at(f"{part}_{height}")
    return found


def calendar(look: Look, longitude_deg: float) -> dict[str, Floats]:
    """Mean solar hour of the day and season (I, H)."""
    start = look.winds.lattice.end_ns(look.step) - look.winds.lattice.step_ns
    year = 2 * np.pi * (start / DAY_NS) / YEAR_DAYS
    return {
        "hour": (start / HOUR_NS + longitude_deg / 15) % 24,
        "season_cos": np.cos(year),
        "season_sin": np.sin(year),
    }


def last_power(past: Past, look: Look) -> dict[str, Floats]:
    """The last power known at the issue, means before it, and their age at the step (I, H); NaN once it is old."""
    last = past.last_known(look.issue_ns)
    age_h = (look.step - last[:, None]) * look.winds.lattice.step_ns / HOUR_NS
    fresh = age_h <= LAST_POWER_H
    found = {"last_power": past.at(last), "power_age_h": None}
    for name, hours in (("last_3h", 3), ("last_day", 24)):
        back = last[:, None] - np.arange(look.winds.lattice.steps(hours))
        values = past.as_known(back, look.issue_ns[:, None])
        count = np.isfinite(values).sum(axis=1)
        found[name] = np.where(count > 0, np.nansum(values, axis=1) / np.maximum(count, 1), np.nan)
    kept = {name: np.where(fresh, value[:, None], np.nan) for name, value in found.items() if value is not None}
    return kept | {"power_age_h": np.where(fresh, age_h, np.nan)}


def stacked(columns: Mapping[str, Floats], names: Sequence[str], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Named features (N, F) of rows in the order of issues, then steps; one that is not there is unknown."""
    unknown = np.full(shape, np.nan)
    parts = [np.asarray(columns.get(name, unknown), dtype=np.float32).ravel() for name in names]
    return np.stack(parts, axis=1)
