from __future__ import annotations

import pickle
from functools import lru_cache

import numpy as np
import pytest

from forecasting.archive import Archive
from forecasting.clock import DAY_NS
from forecasting.learners.boosted import Boosted
from forecasting.learners.linear import Linear
from forecasting.models.base import CannotForecast
from forecasting.models.solar.learning import OwnAndAll, Scaled
from forecasting.models.solar.model import IN_TREES, LINES, OF_PLANT, RELATIVE, Solar, SolarTrained
from forecasting.scores import pinball
from tests.unit.forecasting.models.solar.plants import DAY, LEVELS, PLACE, edges, issue, made, month, target

QUICK = OwnAndAll(
    (
        Boosted(rounds=15, depth=2, columns=(*IN_TREES, *OF_PLANT)),
        Linear(columns=LINES[:6], penalty=1e-2),
    ),
    Scaled(Boosted(rounds=30, depth=3, columns=(*IN_TREES, *RELATIVE)), "gain"),
)


@lru_cache(maxsize=1)
def trained() -> SolarTrained:
    targets, archive = month()
    return Solar(QUICK).train(archive.as_of(issue(30)), targets, PLACE, DAY, LEVELS)


def answer(archive: Archive, day: int = 33, model: SolarTrained | None = None) -> dict[str, np.ndarray]:
    return dict((model or trained()).quantiles(archive.as_of(issue(day)), edges(day)))


def test_quantiles_rise_and_stay_within_the_plant_and_the_night_is_exactly_zero() -> None:
    targets, archive = month()
    for one in targets:
        found = answer(archive)[one.name]
        assert found.shape == (24, 5)
        assert (np.diff(found, axis=1) >= 0).all()
        assert found.min() == 0.0
        assert found.max() <= one.capacity_kw
        assert (found[:4] == 0.0).all()
        assert (found[-3:] == 0.0).all()
        assert found[12, 2] > 5.0


def test_it_is_better_than_physics_with_the_right_gain_and_its_band_covers() -> None:
    targets, archive = made(50)
    model = Solar(QUICK).train(archive.as_of(issue(34)), targets, PLACE, DAY, LEVELS)
    loss, plain, inside, count = 0.0, 0.0, 0, 0
    for day in range(36, 49, 2):
        found = answer(archive, day, model)
        for one in targets:
            came = archive.as_of(issue(day + 1)).measurements(one.site, one.name).value[-24:]
            light = came > 1.0
            loss += float(pinball(came, found[one.name], LEVELS).sum())
            own = model.quantiles(archive.as_of(issue(day)), edges(day))[one.name]
            plain += float(pinball(came, np.repeat(own[:, 2:3], 5, axis=1), LEVELS).sum())
            inside += int(((came >= found[one.name][:, 0]) & (came <= found[one.name][:, -1]))[light].sum())
            count += int(light.sum())
    assert loss < 0.8 * plain
    assert 0.75 < inside / count < 0.99


def test_nothing_after_the_issue_changes_the_answer() -> None:
    targets, archive = month()
    changed = dict(archive.rows())
    time_ns = issue(33).as_unit("ns").value
    for key, rows in archive.rows().items():
        later = rows.available_ns > time_ns
        value = np.where(later, 0.3 * rows.value + 7.0, rows.value)
        changed[key] = type(rows)(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, value)
    before, after = answer(archive), answer(Archive.of_rows(changed))
    for one in targets:
        np.testing.assert_array_equal(before[one.name], after[one.name])


def test_what_was_measured_of_the_weather_never_becomes_a_predictor() -> None:
    targets, archive = month()
    rng = np.random.default_rng(3)
    more = archive
    for one in targets:
        known = archive.as_of(issue(33)).measurements(one.site, one.name)
        rows = archive.rows()[one.site, one.name].take(archive.rows()[one.site, one.name].valid_ns <= known.end_ns[-1])
        for name in ("lmd_totalirrad", "shortwave_radiation"):
            values = rng.uniform(0, 900, len(rows))
            beside = type(rows)(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, values)
            more = more.merge(Archive.of_rows({(one.site, name): beside}))
    before, after = answer(archive), answer(more)
    for one in targets:
        np.testing.assert_array_equal(before[one.name], after[one.name])


def test_the_same_inputs_give_the_same_bits_and_a_model_can_be_kept() -> None:
    targets, archive = month()
    again = Solar(QUICK).train(archive.as_of(issue(30)), targets, PLACE, DAY, LEVELS)
    kept = pickle.loads(pickle.dumps(again))
    for one in targets:
        np.testing.assert_array_equal(answer(archive)[one.name], answer(archive, model=kept)[one.name])
    assert kept.card["trained_at"] == "2023-03-31T00:00Z"


def test_without_radiation_ahead_it_says_so_and_fills_nothing() -> None:
    _, archive = month()
    blind = archive.as_of(issue(33)).without(variables=["shortwave_radiation"])
    with pytest.raises(CannotForecast, match="radiation or cloud cover is forecast for 0%"):
        trained().quantiles(blind, edges(33))


def test_too_little_to_learn_from_is_refused_with_what_is_needed() -> None:
    targets, archive = month()
    with pytest.raises(CannotForecast, match="needed are 3"):
        Solar(QUICK).train(archive.as_of(issue(1)), targets, PLACE, DAY, LEVELS)


def test_a_new_plant_gets_what_others_show_times_its_own_gain() -> None:
    targets, archive = month()
    one = targets[0]
    rows = archive.rows()[one.site, one.name]
    first = issue(27).as_unit("ns").value
    few = rows.take(rows.valid_ns > first)
    half = type(rows)(few.issue_ns, few.valid_ns, few.available_ns, few.member, few.value / 2)
    cold = Archive.of_rows(dict(archive.rows()) | {(one.site, one.name): half})
    model = Solar(QUICK).train(cold.as_of(issue(30)), targets, PLACE, DAY, LEVELS)
    whole, new = answer(archive)[one.name], answer(cold, model=model)[one.name]
    light = whole[:, 2] > 10
    ratio = float((new[light, 2] / whole[light, 2]).mean())
    assert 0.5 < ratio < 0.85


def test_curtailed_hours_count_as_at_least_and_not_as_what_was_available() -> None:
    targets, archive = month()
    one = targets[0]
    rows = archive.rows()[one.site, one.name]
    hour = (rows.valid_ns % DAY_NS) // 3_600_000_000_000
    held = (hour >= 10) & (hour <= 13) & ((rows.valid_ns // DAY_NS) % 2 == 0)
    value = np.where(held, np.minimum(rows.value, 5.0), rows.value)
    cut = type(rows)(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, value)
    flag = type(rows)(rows.issue_ns, rows.valid_ns, rows.available_ns, rows.member, held.astype(float))
    plain = Archive.of_rows(dict(archive.rows()) | {(one.site, one.name): cut})
    logged = Archive.of_rows(dict(plain.rows()) | {(one.site, one.name + "_curtailed"): flag})
    noon = slice(10, 13)
    found = []
    for held_archive in (archive, plain, logged):
        model = Solar(QUICK).train(held_archive.as_of(issue(30)), targets, PLACE, DAY, LEVELS)
        found.append(float(answer(held_archive, model=model)[one.name][noon, 2].mean()))
    free, taken_as_it_is, told = found
    assert taken_as_it_is < 0.85 * free
    assert abs(told - free) < 0.1 * free


def test_one_plant_alone_and_a_horizon_of_two_days() -> None:
    targets, archive = made(30, count=1)
    two = np.arange(49) * (DAY[1] - DAY[0])
    model = Solar(QUICK).train(archive.as_of(issue(28)), targets, PLACE, two, LEVELS)
    with pytest.raises(CannotForecast):  # the second day's weather is not known yet
        model.quantiles(archive.as_of(issue(29)), issue(29).as_unit("ns").value + two)
    assert target(0).name in model.quantiles(archive.as_of(issue(29)), edges(29))
