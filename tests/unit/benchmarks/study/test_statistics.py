from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.study.spec import Study
from benchmarks.study.statistics import Difference, differences, holm, paired

NOTHING = Difference("", "", "", "", 5, 0.0, None, None, None)


def test_t_is_that_of_the_one_sample_test() -> None:
    values = np.random.default_rng(3).normal(-2.0, 1.0, 20)
    found = paired(values, 0.9, 500)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)
    assert found.t == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(values.mean())
    assert found.days == 20


def test_the_bootstrap_holds_the_mean_and_is_the_same_every_time() -> None:
    values = np.random.default_rng(4).exponential(1.0, 30)
    first, again = paired(values, 0.95, 2000), paired(values, 0.95, 2000)
    assert first.bootstrap == again.bootstrap
    assert first.bootstrap is not None
    assert first.bootstrap[0] < values.mean() < first.bootstrap[1]
    # Of a skewed sample it is not symmetric, as Student's is.
    assert first.bootstrap[1] - values.mean() > values.mean() - first.bootstrap[0]


def test_wilcoxon_of_five_days_that_all_are_better() -> None:
    """Of 2⁵ ways to give signs one has all ranks on one side: two-sided 2/32."""
    assert paired(-np.arange(1.0, 6.0), 0.95, 500).p == pytest.approx(0.0625)


def test_days_that_are_all_the_same_have_an_interval_of_one_point() -> None:
    found = paired(np.full(6, -3.0), 0.95, 500)
    assert found.t == found.bootstrap == (-3.0, -3.0)
    assert found.p is not None
    assert found.p < 0.05
    assert paired(np.zeros(6), 0.95, 500).p == 1.0


def test_one_day_says_nothing_of_how_sure_it_is() -> None:
    found = paired(np.array([2.0]), 0.95, 500)
    assert (found.mean, found.t, found.bootstrap, found.p) == (2.0, None, None, None)


def test_holm_by_hand() -> None:
    """Of 0.01, 0.04, 0.03, 0.005: 4·0.005, 3·0.01, 2·0.03, then no less than that (1·0.04)."""
    found = holm([replace(NOTHING, p=p) for p in (0.01, 0.04, 0.03, 0.005)])
    assert [one.p_holm for one in found] == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_what_has_no_p_and_never_passes_one() -> None:
    found = holm([replace(NOTHING, p=0.7), NOTHING, replace(NOTHING, p=0.9)])
    assert [one.p_holm for one in found] == [1.0, None, 1.0]


def days(costs: dict[str, list[float]], seeds: tuple[int, ...] = ()) -> pd.DataFrame:
    rows = [
        {"case": "a", "method": method, "seed": seed, "day": f"2024-01-{day + 1:02d}", "cost": value + (seed or 0)}
        for method, values in costs.items()
        for seed in (seeds if method == "stochastic" and seeds else (None,))
        for day, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


STUDY = Study.model_validate(
    {
        "title": "t",
        "cases": ["a"],
        "methods": ["rule_based", "day_ahead", "stochastic"],
        "baseline": "rule_based",
        "statistics": {"metrics": ["cost"], "few_days": 4},
    }
)


def test_days_are_paired_and_the_baseline_is_taken_off() -> None:
    (one,) = differences(STUDY, days({"rule_based": [10.0, 30.0, 20.0], "day_ahead": [9.0, 29.0, 18.0]}))
    assert (one.case, one.metric, one.method, one.baseline) == ("a", "cost", "day_ahead", "rule_based")
    assert one.mean == pytest.approx(-4 / 3)
    assert one.note == "only 3 days, fewer than 4"


def test_seeds_are_no_days_of_their_own() -> None:
    frame = days({"rule_based": [10.0, 10.0, 10.0, 10.0], "stochastic": [8.0, 8.0, 9.0, 9.0]}, seeds=(0, 1, 2))
    (one,) = differences(STUDY, frame)
    assert one.days == 4
    assert one.mean == pytest.approx(-0.5)  # the mean over seeds 0, 1 and 2 is 1 above
    assert one.note == ""


def test_a_day_that_one_of_them_lacks_is_left_out() -> None:
    frame = days({"rule_based": [10.0, 10.0, 10.0], "day_ahead": [9.0, float("nan"), 9.0]})
    (one,) = differences(STUDY, frame)
    assert one.days == 2
