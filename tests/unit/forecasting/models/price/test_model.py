"""Day-ahead prices: nothing from the day itself or later, any clock, any scale, whatever is missing."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.clock import DAY_NS, HOUR_NS
from forecasting.models.base import CannotForecast
from forecasting.models.price import averaging, process
from forecasting.models.price.days import known_days, prices
from forecasting.models.price.hindcast import hindcast
from tests.unit.forecasting.models.price.market import (
    BERLIN,
    BOOSTED,
    LEVELS,
    PLAIN,
    PRICE,
    PROCESSES,
    archive,
    edges,
    forecast,
    rows,
    table,
)


def number(day: str) -> int:
    return int(pd.Timestamp(day).as_unit("ns").value // DAY_NS)


def test_one_factorisation_gives_what_conditioning_day_by_day_gives():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4))
    covariance = process.matern(((x[:, None] - x[None]) ** 2).sum(axis=-1))
    noise, y = rng.uniform(0.1, 0.3, 30), rng.normal(size=(30, 3))
    y[5] = np.nan
    for lead in (1, 3):
        found = process.ahead(covariance.copy(), noise, y, 25, lead)
        for day in range(25, 30):
            past = np.array([k for k in range(day - lead + 1) if k != 5])
            k = covariance[np.ix_(past, past)] + np.diag(noise[past])
            np.testing.assert_allclose(
                found[day - 25], covariance[day, past] @ np.linalg.solve(k, y[past]), rtol=1e-3, atol=1e-5
            )


def test_the_forecast_beats_yesterday_and_its_band_holds_what_it_should():
    of = table()
    found = hindcast(archive(of).as_of("2024-01-01T00:00Z"), PRICE, BERLIN, int(of["day"].iloc[-1]), 60, LEVELS, PLAIN)
    error = np.abs(found.quantiles[..., 2] - found.actual).mean()
    naive = np.abs(found.actual[1:] - found.actual[:-1]).mean()
    inside = (found.actual >= found.quantiles[..., 0]) & (found.actual <= found.quantiles[..., -1])
    assert error < 0.3 * naive
    assert 0.82 < inside.mean() < 0.97
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0)


@pytest.mark.parametrize("model", [PLAIN, BOOSTED], ids=["processes", "with trees"])
def test_prices_of_the_day_and_later_and_later_forecasts_change_nothing(model):
    of = table()
    day = number("2023-10-10")
    late = of["day"] >= day
    changed = of.assign(
        price=of["price"].where(~late, 1e4),
        demand=of["demand"].where(of["day"] <= day, -1e4),
        wind=of["wind"].where(of["day"] <= day, 1e5),
    )
    last = int(of["day"].iloc[-1])
    ours, theirs = (
        hindcast(archive(one).as_of("2024-01-01T00:00Z"), PRICE, BERLIN, last, last - day + 1, LEVELS, model)
        for one in (of, changed)
    )
    assert ours.number[0] == day
    np.testing.assert_array_equal(ours.quantiles[0], theirs.quantiles[0])
    assert (ours.quantiles[1] != theirs.quantiles[1]).any()
    np.testing.assert_array_equal(
        forecast(model, archive(of), edges("2023-10-10")), forecast(model, archive(changed), edges("2023-10-10"))
    )


@pytest.mark.parametrize("model", [PLAIN, BOOSTED], ids=["processes", "with trees"])
def test_a_hindcast_says_what_the_model_would_have_said(model):
    of = archive(table())
    last = number("2023-10-20")
    whole = hindcast(of.as_of("2023-10-19T22:00Z"), PRICE, BERLIN, last, 15, LEVELS, model)
    for day in ("2023-10-07", "2023-10-20"):
        np.testing.assert_allclose(
            forecast(model, of, edges(day)), whole.quantiles[number(day) - last - 1], rtol=1e-6, atol=1e-6
        )


def test_what_was_learnt_is_kept_and_goes_on_with_the_days_that_follow():
    of = archive(table())
    trained_at, asked_at = edges("2023-10-07"), edges("2023-10-20")
    known = of.as_of(pd.Timestamp(int(trained_at[0]), tz="UTC"))
    trained = pickle.loads(pickle.dumps(BOOSTED.train(known, [PRICE], BERLIN, trained_at - known.time_ns, LEVELS)))
    later = of.as_of(pd.Timestamp(int(asked_at[0]), tz="UTC"))
    found = trained.quantiles(later, asked_at)["price"]
    np.testing.assert_allclose(found, forecast(BOOSTED, of, asked_at), rtol=1e-6)
    np.testing.assert_array_equal(found, trained.quantiles(later, asked_at)["price"])
    assert trained.card["targets"]["price"]["inputs"] == ("demand", "wind")


def test_a_day_before_the_training_is_answered_from_what_was_said_of_it_then():
    of = archive(table())
    asked_at, trained_at = edges("2023-10-10"), edges("2023-10-20")
    known = of.as_of(pd.Timestamp(int(trained_at[0]), tz="UTC"))
    trained = BOOSTED.train(known, [PRICE], BERLIN, trained_at - known.time_ns, LEVELS)
    found = trained.quantiles(of.as_of(pd.Timestamp(int(asked_at[0]), tz="UTC")), asked_at)["price"]
    np.testing.assert_allclose(found[:, 2], forecast(BOOSTED, of, asked_at)[:, 2], rtol=1e-6)


def test_prices_that_never_move_are_forecast_to_stay():
    found = forecast(PLAIN, archive(table().assign(price=50.0)), edges("2023-10-10"))
    np.testing.assert_allclose(found, 50.0, rtol=1e-6)


def test_prices_in_another_currency_give_the_same_forecast_in_it():
    of = table()
    ours = forecast(BOOSTED, archive(of), edges("2023-10-10"))
    theirs = forecast(BOOSTED, archive(of.assign(price=of["price"] * 8.0)), edges("2023-10-10"))
    np.testing.assert_allclose(theirs, 8.0 * ours, rtol=1e-4, atol=1e-3)


def test_negative_prices_and_spikes_are_prices():
    of = table()
    price = of["price"].to_numpy() - 60.0
    price[np.arange(500, len(price), 700)] = 3000.0
    found = forecast(PLAIN, archive(of.assign(price=price)), edges("2023-10-10"))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert np.median(found[:, 2]) < 0
    assert np.abs(found[:, 2]).max() < 200


@pytest.mark.parametrize(("day", "hours"), [("2024-03-31", 23), ("2023-10-29", 25)])
def test_both_days_on_which_clocks_change(day, hours):
    of = archive(table("2023-08-01", 250))
    found = forecast(PLAIN, of, edges(day))
    assert found.shape == (hours, len(LEVELS))
    after = str((pd.Timestamp(day) + pd.Timedelta("1D")).date())
    days = known_days(of.as_of(pd.Timestamp(int(edges(after)[0]), tz="UTC")), PRICE, BERLIN, *_prices(of), number(day))
    assert np.isfinite(days.price[-1]).all()
    assert days.number[-1] == number(day)
    assert np.isfinite(forecast(PLAIN, of, edges(after))).all()


def _prices(of):
    return (prices(of.as_of("2025-01-01T00:00Z"), PRICE),)


def test_a_forecast_that_is_missing_for_the_day_is_not_read_as_a_number():
    of = table()
    gone = archive(of.assign(wind=of["wind"].where(of["day"] != number("2023-10-10"))))
    never = archive(of.drop(columns="wind"))
    at = pd.Timestamp(int(edges("2023-10-10")[0]), tz="UTC")
    members = []
    for one in (gone, never):
        known = one.as_of(at)
        days = known_days(known, PRICE, BERLIN, prices(known, PRICE), number("2023-10-10"))
        members.append(PROCESSES.members[0].forecast(days, len(days.number) - 1, len(days.number), 1))
    np.testing.assert_allclose(members[0], members[1], rtol=1e-9)
    ours, theirs = forecast(BOOSTED, gone, edges("2023-10-10")), forecast(BOOSTED, archive(of), edges("2023-10-10"))
    assert np.isfinite(ours).all()
    assert (ours != theirs).any()


def test_without_any_forecast_bands_are_wider():
    of = table()
    ours = forecast(PLAIN, archive(of), edges("2023-10-10"))
    alone = forecast(PLAIN, archive(of.drop(columns=["wind", "demand"])), edges("2023-10-10"))
    assert (alone[:, -1] - alone[:, 0]).mean() > 1.5 * (ours[:, -1] - ours[:, 0]).mean()


def test_prices_that_are_published_are_certain_and_the_next_day_is_forecast():
    of = table()
    published = archive(of)
    day = of[of["day"] == number("2023-10-10")]
    end = pd.DatetimeIndex(day["start_ns"].to_numpy() + HOUR_NS, tz="UTC")
    noon = pd.Timestamp("2023-10-09T11:00Z")
    published = published.with_forecast("market", "price", noon, noon, end, day["price"].to_numpy())
    ours = forecast(PLAIN, published, edges("2023-10-10", days=2))
    np.testing.assert_array_equal(ours[:24], np.repeat(day["price"].to_numpy()[:, None], len(LEVELS), axis=1))
    assert (ours[24:, -1] > ours[24:, 0]).all()


def test_four_days_ahead_each_with_a_band_of_its_own():
    found = forecast(PLAIN, archive(table()), edges("2023-10-10", days=4))
    assert found.shape == (96, len(LEVELS))
    assert np.isfinite(found).all()


def test_quarter_hours_keep_their_place_in_the_hour():
    found = forecast(PLAIN, archive(table(step_min=15, days=140)), edges("2023-10-10", step="15min"))
    assert found.shape == (96, len(LEVELS))
    beside = found[:, 2].reshape(24, 4)
    np.testing.assert_allclose((beside[:, 1:] - beside[:, :1]).mean(), 3.0, atol=1.0)
    halves = forecast(PLAIN, archive(table(step_min=15, days=140)), edges("2023-10-10", step="30min"))
    np.testing.assert_allclose(halves[:, 2], found[:, 2].reshape(48, 2).mean(axis=1))


def test_a_level_that_is_only_measured_counts_with_its_last_value():
    of = table()
    known = archive(of).as_of("2023-10-09T22:00Z")
    carbon = pd.date_range("2023-06-01T16:00Z", periods=140, freq="1D")
    with_carbon = archive(of).with_measurements("market", "carbon_price", carbon, np.arange(140.0))
    days = known_days(with_carbon.as_of("2023-10-09T22:00Z"), PRICE, BERLIN, prices(known, PRICE), number("2023-10-10"))
    at = (pd.Timestamp("2023-10-09T16:00Z") - carbon[0]).days
    np.testing.assert_array_equal(days.exogenous["carbon_price"][-1], np.full(24, float(at)))
    assert np.isfinite(forecast(PLAIN, with_carbon, edges("2023-10-10"))).all()


def test_what_cannot_be_forecast_is_said():
    of = table(days=40)
    with pytest.raises(CannotForecast, match="days of prices; 70 are needed"):
        forecast(PLAIN, archive(of), edges("2023-07-08"))
    with pytest.raises(CannotForecast, match="no prices under market/other"):
        forecast(PLAIN, archive(of), edges("2023-07-08"), replace(PRICE, name="other"))
    with pytest.raises(CannotForecast, match="steps of 3 h"):
        forecast(PLAIN, archive(table(step_min=180)), edges("2023-07-08"))
    with pytest.raises(CannotForecast, match="do not reach 150 days back"):
        hindcast(archive(table()).as_of("2024-01-01T00:00Z"), PRICE, BERLIN, number("2023-10-27"), 150, LEVELS, PLAIN)
    with pytest.raises(CannotForecast, match="days older"):
        forecast(PLAIN, archive(table(days=120)), edges("2023-11-20"))


def test_members_that_err_more_count_less_and_one_that_is_silent_not_at_all():
    rng = np.random.default_rng(0)
    price = rng.normal(size=(60, 24))
    members = price + np.array([0.1, 0.5])[:, None, None] * rng.normal(size=(2, 60, 24))
    made = averaging.average(members, price, 1)
    assert (made.weights[20:, 0] > 0.99).all()
    np.testing.assert_allclose(made.weights[0], 0.5)
    members[0, 30] = np.nan
    np.testing.assert_allclose(averaging.average(members, price, 1).weights[30], [0.0, 1.0])


def test_runs_keep_the_newest_that_was_there():
    of = table()
    known = archive(of)
    end = of["start_ns"].to_numpy() + HOUR_NS
    last = of["day"].to_numpy() == number("2023-10-10")
    late = np.full(last.sum(), int(end[last][0]) + 2 * HOUR_NS)
    again = known.merge(
        type(known).of_rows({("market", "wind"): rows(late, end[last], late, pd.Series(np.full(last.sum(), 999.0)))})
    )
    np.testing.assert_array_equal(
        forecast(PLAIN, known, edges("2023-10-11")), forecast(PLAIN, again, edges("2023-10-11"))
    )
