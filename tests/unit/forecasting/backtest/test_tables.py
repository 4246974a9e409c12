from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from forecasting import scores
from forecasting.backtest import tables
from forecasting.backtest.results import Results, Series, block
from forecasting.backtest.tables import Scored
from forecasting.clock import DAY_NS, HOUR_NS, instant_ns
from forecasting.targets import Place, Target

PLACE = Place(0.0, 0.0, "UTC")
WIND = Target("wind", "wind", 100.0, "park")
PV = Target("pv", "pv", 50.0, "park")
SECOND = Target("pv 2", "pv", 150.0, "park")
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
START = instant_ns("2023-03-20T00:00Z", "start")


def results(sharp: float = 5.0, targets: tuple[Target, ...] = (WIND,), days: int = 30) -> Results:
    """Two days ahead each: a calibrated model, and a climatology and persistence that are wider."""
    import pyarrow as pa

    rng = np.random.default_rng(0)
    parts = []
    for target in targets:
        mean = 50 + 30 * rng.standard_normal((days, 48))
        came = mean + sharp * rng.standard_normal((days, 48))
        for model, centre, width in (
            ("ours", mean, sharp),
            ("climatology", np.full_like(mean, 50.0), 30.0),
            ("persistence", mean + 10, sharp),
        ):
            for day in range(days):
                issue = START + day * DAY_NS
                edges = issue + np.arange(49) * HOUR_NS
                q = centre[day][:, None] + width * norm.ppf(LEVELS)
                actual = np.where(np.arange(48) < 24, came[day], came[day] if day < days - 1 else np.nan)
                parts.append(block(model, target.name, issue, edges, LEVELS, q, actual, model))
    return Results(pa.concat_tables(parts))


def scored(found: Results, *targets: Target) -> Scored:
    return Scored(found.series(), {t.name: t for t in targets}, PLACE)


def row(rows: list[dict[str, object]], **wanted: object) -> dict[str, float]:
    (found,) = [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]
    return found  # type: ignore[return-value]


def test_scores_by_lead_day_and_lead() -> None:
    made = scored(results(), WIND)
    rows = tables.by_lead_day(made)
    ours = row(rows, model="ours", lead_day="all")
    assert ours["count"] == 30 * 48 - 24
    assert ours["nrmse"] == pytest.approx(0.05, rel=0.1)
    assert ours["accuracy"] == pytest.approx(0.95, abs=0.01)
    assert ours["covered_90"] == pytest.approx(0.9, abs=0.03)
    assert ours["covered_50"] == pytest.approx(0.5, abs=0.04)
    assert ours["qualified"] == 1.0
    assert row(rows, model="ours", lead_day=2)["count"] == 29 * 24
    leads = [r for r in tables.by_lead(made, 12) if r["model"] == "ours"]
    assert [(r["lead_from_h"], r["lead_to_h"]) for r in leads] == [(0, 12), (12, 24), (24, 36), (36, 48)]
    assert sum(r["count"] for r in leads) == ours["count"]


def test_skill_is_against_the_better_reference_and_by_day() -> None:
    (ours,) = tables.skills(scored(results(), WIND))
    assert ours["model"] == "ours"
    assert ours["persistence"] == "persistence"
    assert ours["climatology_skill"] == pytest.approx(1 - 5 / 30, abs=0.05)
    assert 0 < ours["persistence_skill"] < ours["climatology_skill"]
    assert ours["climatology_p_better"] < 1e-6
    assert ours["climatology_days"] == 30


def test_only_what_both_answered_is_compared() -> None:
    series = {one.model: one for one in results().series()}
    ours, other = series["ours"], series["climatology"]
    gone = other.quantiles.copy()
    gone[: 48 * 20] = np.nan
    part = Series(**{**vars(other), "quantiles": gone})
    assert tables.compared(ours, part)["days"] == 10
    nothing = Series(**{**vars(other), "quantiles": np.full_like(gone, np.nan)})
    assert np.isnan(tables.compared(ours, nothing)["skill"])
    assert tables.quality(nothing, 1.0) == {"count": 0.0}


def test_regimes_are_thirds_of_what_was_forecast() -> None:
    rows = [r for r in tables.by_regime(scored(results(), WIND)) if r["model"] == "ours"]
    assert [r["regime"] for r in rows] == ["low", "middle", "high"]
    assert np.ptp([r["count"] for r in rows]) <= 24
    for r in rows:
        assert r["covered_90"] == pytest.approx(0.9, abs=0.05)


def test_daylight_and_sites_together() -> None:
    made = scored(results(targets=(PV, SECOND)), PV, SECOND)
    rows = tables.by_lead_day(made)
    day = row(rows, model="ours", target="pv", hours="daylight", lead_day="all")
    whole = row(rows, model="ours", target="pv", hours="all hours", lead_day="all")
    assert day["count"] == pytest.approx(whole["count"] / 2, rel=0.05)
    together = row(rows, model="ours", target="pv, all sites together", hours="all hours", lead_day="all")
    assert together["nrmse"] == pytest.approx(np.sqrt(2) * 5 / 200, rel=0.1)
    assert "covered_90" not in together
    assert row(rows, model="ours", target="pv, all sites together", hours="daylight", lead_day=1)["count"] > 0


def test_unbounded_targets_are_measured_by_what_came() -> None:
    load = Target("wind", "load", float("inf"), "park")
    made = scored(results(), load)
    highest = max(float(np.nanmax(one.actual)) for one in made.series)
    assert made.unit("wind") == highest
    assert made.of("ours", "wind").model == "ours"


def test_reliability_is_that_of_the_scores() -> None:
    made = scored(results(), WIND)
    levels, share, count = tables.reliabilities(made)["ours", "wind"]
    series = made.of("ours", "wind")
    known = series.take(np.isfinite(series.actual))
    np.testing.assert_allclose(share, scores.reliability(known.actual, known.quantiles, levels))
    np.testing.assert_allclose(share, LEVELS, atol=0.05)
    assert count == 30 * 48 - 24
