"""The game of a park's loads: axioms on real dispatches, executors, sampling, the ray, and the marginal ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dispatch import carbon
from dispatch.asset import Inputs, Mode
from dispatch.carbon.coalitions import coalitions, players_of
from dispatch.carbon.marginal_ledger import marginal_ledger, marginal_ledgers
from dispatch.carbon.park import park_marginal
from dispatch.carbon.ray import along_the_ray
from dispatch.carbon.shares import _by_energy, every_coalition, game_ledger, shares
from dispatch.errors import DataError, SolveError
from dispatch.executor import Processes, Serial
from dispatch.problem import Problem
from dispatch.rules import rule_based
from dispatch.schedule import Schedule
from dispatch.site import Site
from dispatch.solve import solve
from dispatch.solver.highs import Limits, continuous
from tests.parks import battery, given, grid, hours, load, park, tariff, unit

STEPS = hours(6)
DEMAND = {
    "works": np.array([60.0, 80, 130, 140, 90, 60]),
    "twin": np.array([60.0, 80, 130, 140, 90, 60]),
    "office": np.array([5.0, 10, 30, 35, 20, 5]),
    "idle": np.zeros(6),
}


def site(*more: dict[str, Any], **fields: Any) -> Site:
    return park(
        grid(import_kw=150, carbon_intensity_kg_per_kwh=0.3, tariff=tariff(0.25)),
        unit("coal", max_kw=120, cost_per_kwh=0.11, co2_kg_per_kwh=0.95, ramp_up_kw_per_h=60),
        unit("gas", max_kw=150, min_kw=20, cost_per_kwh=0.31, co2_kg_per_kwh=0.45, start_cost=3),
        battery(charge_efficiency=0.93, discharge_efficiency=0.93),
        *(load(name, value_of_lost_load_per_kwh=50) for name in DEMAND),
        *more,
        **fields,
    )


def inputs(park_: Site, **changed: np.ndarray) -> Inputs:
    return given(park_, STEPS, {(name, "demand_kw"): kw for name, kw in (DEMAND | changed).items()})


def planned(park_: Site, **changed: np.ndarray) -> tuple[Problem, Schedule]:
    problem = Problem(park_, inputs(park_, **changed))
    return problem, solve(problem, Limits(gap=0.0))


@pytest.fixture(scope="module")
def plan() -> tuple[Site, Problem, Schedule]:
    made = site()
    return made, *planned(made)


def test_shares_of_every_hour_add_up_to_its_emissions(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    ledger = game_ledger(park_, schedule)
    assert ledger.residual < 1e-9
    assert ledger.carbon_kg.sum() == pytest.approx(float(schedule.co2_kg[0]), rel=1e-9)
    assert [meter.name for meter in ledger.meters] == [*DEMAND, "without these loads"]
    np.testing.assert_allclose(ledger.of("works")[0], DEMAND["works"], atol=1e-6)
    # Equal loads get equal shares, and who needs nothing gets none.
    np.testing.assert_allclose(ledger.of("works")[1], ledger.of("twin")[1], atol=1e-6)
    np.testing.assert_allclose(ledger.of("idle")[1], 0.0, atol=1e-9)
    assert ledger.of("office")[1].sum() > 0


def test_a_coalition_is_the_relaxed_plan_of_its_loads_alone(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    game = coalitions(park_, schedule.inputs, players_of(park_))
    worth = every_coalition(game)
    for code in (0b0000, 0b0001, 0b0101, 0b0111):
        others = {name: np.zeros(6) for place, name in enumerate(DEMAND) if not code >> place & 1}
        alone = Problem(park_, inputs(park_, **others), Mode("convex"))
        cost = game.cost() @ np.array(_point(game, code))
        relaxed = replace(alone.compiled.matrices(), cost=game.cost())
        assert cost == pytest.approx(continuous(relaxed).x @ game.cost(), rel=1e-7, abs=1e-6)
        assert worth[code].sum() == pytest.approx(game.hourly.sum(axis=0) @ continuous(relaxed).x, abs=1e-4)


def _point(game: Any, code: int) -> Any:
    solver = game.solver()
    solver.at(np.array([float(code >> k & 1) for k in range(len(game.players))]))
    return solver.highs.getSolution().col_value


def test_groups_are_players_and_what_is_no_player_stays(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    ledger = game_ledger(park_, schedule, {"factory": ["works", "twin"], "office": ["office"]})
    assert ledger.residual < 1e-9
    assert [(m.name, m.kind) for m in ledger.meters[:2]] == [("factory", "group"), ("office", "load")]
    some = game_ledger(park_, schedule, ["office"])
    assert some.residual < 1e-9
    assert some.of("without these loads")[1].sum() > 0.5 * some.emitted_kg.sum()


def test_games_add_up_where_plants_do_not_meet() -> None:
    """Two loads, each behind a meter and a supply of its own, cause what they would cause alone."""
    two = park(
        grid(carbon_intensity_kg_per_kwh=0.4, tariff=tariff(0.25)),
        grid(name="far", bus="heat", carbon_intensity_kg_per_kwh=0.9, tariff=tariff(0.25)),
        load("near"),
        load("there", bus="heat"),
        buses=[{"name": "main"}, {"name": "heat"}],
    )
    given_ = given(two, STEPS, {("near", "demand_kw"): DEMAND["works"], ("there", "demand_kw"): DEMAND["office"]})
    schedule = solve(Problem(two, given_))
    for method in ("exact", "sampled", "aumann_shapley"):
        found = shares(two, schedule, method=method, permutations=4)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.value_kg, [0.4 * DEMAND["works"], 0.9 * DEMAND["office"]], atol=1e-5)


@pytest.mark.parametrize("method", ["exact", "sampled", "aumann_shapley"])
def test_a_ledger_is_of_its_scenario_its_hours_and_its_own_players(method: str) -> None:
    """Half-hours of two loads that do not meet, and of one on the first's meter that is no player; twice as much in
    the second scenario: .4 · 60 kW · .5 h is 12 kg at most in the first."""
    two = park(
        grid(carbon_intensity_kg_per_kwh=0.4, tariff=tariff(0.25)),
        grid(name="far", bus="away", carbon_intensity_kg_per_kwh=0.9, tariff=tariff(0.25)),
        *(load("near"), load("rest"), load("there", bus="away")),
        buses=[{"name": "main"}, {"name": "away"}],
    )
    kw = {"near": DEMAND["works"], "rest": np.full(6, 10.0), "there": DEMAND["office"]}
    series = {(name, "demand_kw"): np.array([one, 2 * one]) for name, one in kw.items()}
    schedule = solve(Problem(two, given(two, hours(6, step_h=0.5), series, 2)))
    for scenario, times in ((0, 0.5), (1, 1.0)):
        players = {"both": ["near"], "away": ["there"]}
        how: dict[str, Any] = {"method": method, "permutations": 4, "scenario": scenario}
        ledger = game_ledger(two, schedule, players, **how)
        assert ledger.residual < 1e-9
        for name, factor, load_ in (("both", 0.4, "near"), ("away", 0.9, "there")):
            energy, carbon_kg = ledger.of(name)
            np.testing.assert_allclose(energy, times * kw[load_], atol=1e-6)
            np.testing.assert_allclose(carbon_kg, factor * times * kw[load_], atol=1e-5)
        np.testing.assert_allclose(ledger.of("without these loads")[1], 0.4 * times * kw["rest"], atol=1e-5)


def test_meters_are_those_of_the_assets_or_of_their_group() -> None:
    boiler = {"kind": "electric_boiler", "name": "boiler", "bus": "main", "heat_bus": "heat", "electric_kw": 300}
    warm = park(grid(carbon_intensity_kg_per_kwh=0.4), boiler, load("hall", bus="heat"), load("a"), load("b"))
    series = {(name, "demand_kw"): np.full(6, 9.0) for name in ("hall", "a", "b")}
    schedule = solve(Problem(warm, given(warm, STEPS, series)))
    ledger = game_ledger(warm, schedule, {"warmth": ["hall"], "both": ["a", "b"]})
    assert [(m.name, m.asset, m.carrier, m.bus) for m in ledger.meters[:2]] == [
        ("warmth", "hall", "heat", "heat"),
        ("both", "both", "electricity", "main"),
    ]


def test_chunks_of_coalitions_are_put_where_they_belong(
    plan: tuple[Site, Problem, Schedule], monkeypatch: pytest.MonkeyPatch
) -> None:
    park_, _, schedule = plan
    game = coalitions(park_, schedule.inputs, players_of(park_))
    whole = every_coalition(game)
    monkeypatch.setattr("dispatch.carbon.shares._CHUNK_BITS", 1)
    np.testing.assert_allclose(every_coalition(game), whole, atol=1e-6)


def test_as_many_players_as_are_exact_are(
    plan: tuple[Site, Problem, Schedule], monkeypatch: pytest.MonkeyPatch
) -> None:
    park_, _, schedule = plan
    monkeypatch.setattr("dispatch.carbon.shares.MOST_EXACT", 4)
    assert shares(park_, schedule).method == "exact"
    monkeypatch.setattr("dispatch.carbon.shares.MOST_EXACT", 3)
    found = shares(park_, schedule, permutations=8)
    assert found.method == "sampled"
    # Errors of a player's steps make up for each other in part.
    assert (found.whole_half_width_kg < 0.9 * found.half_width_kg.sum(axis=1))[:2].all()


def test_executors_give_the_same_bytes(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    how: dict[str, Any] = {"method": "sampled", "permutations": 16, "seed": 3}
    alone, serial = shares(park_, schedule, **how), shares(park_, schedule, executor=Serial(), **how)
    assert alone.value_kg.tobytes() == serial.value_kg.tobytes()
    assert alone.half_width_kg.tobytes() == serial.half_width_kg.tobytes()
    exact = shares(park_, schedule)
    apart = np.abs((alone.value_kg - exact.value_kg).sum(axis=1))
    assert (apart <= 2 * alone.whole_half_width_kg + 1e-6).all()
    assert np.abs(alone.value_kg.sum(axis=0) + alone.nobody_kg - schedule.per_step("co2_step_kg")).max() < 1e-9


@pytest.mark.slow
def test_processes_give_the_same_bytes_too(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    game = coalitions(park_, schedule.inputs, players_of(park_))
    assert every_coalition(game).tobytes() == every_coalition(game, Processes(2)).tobytes()


def test_a_chunk_that_fails_is_told(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    with pytest.raises(SolveError, match="coalitions-0: not done within"):
        shares(park_, schedule, executor=_Late())


def test_a_demand_that_stands_in_the_matrix_is_a_player_too() -> None:
    """Curtailment for so many hours a day multiplies demand with a decision."""
    cut = {"kind": "curtailable", "name": "cut", "bus": "main", "share": 0.5, "price_per_kwh": 0.01, "max_h_per_day": 2}
    park_ = site(cut)
    own = given(park_, STEPS, {(k, "demand_kw"): kw for k, kw in (DEMAND | {"cut": np.full(6, 40.0)}).items()})
    schedule = solve(Problem(park_, own))
    players = players_of(park_, ["works", "cut"])
    game = coalitions(park_, own, players)
    assert game.entry_now.size > 0
    worth = every_coalition(game)
    for code, gone in ((1, ["cut"]), (2, ["works"]), (0, ["cut", "works"])):
        none = {(name, "demand_kw"): np.zeros((1, 6)) for name in gone}
        alone = Problem(park_, replace(own, series={**own.series, **none}), Mode("convex"))
        found = continuous(replace(alone.compiled.matrices(), cost=game.cost()))
        assert worth[code].sum() == pytest.approx(game.hourly.sum(axis=0) @ found.x, abs=1e-4)
    assert game_ledger(park_, schedule).residual < 1e-9
    with pytest.raises(DataError, match="choose exact or sampled"):
        shares(park_, schedule, method="aumann_shapley")


def test_a_coalition_that_nothing_serves_is_named(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    game = coalitions(park_, schedule.inputs, players_of(park_))
    matrices = game.matrices
    shut = replace(game, matrices=replace(matrices, col_upper=np.minimum(matrices.col_upper, 1.0)))
    with pytest.raises(SolveError, match="no dispatch serves nobody alone"):
        shut.solver().at(np.zeros(4))
    with pytest.raises(SolveError, match="no dispatch serves works, office alone"):
        shut.solver().at(np.array([1.0, 0.0, 1.0, 0.0]))


class _Late:
    def map(self, fn: Any, chunks: Any) -> Any:
        return Serial().map(fn, chunks, 0.0)


def test_along_the_ray_shares_add_up_and_are_what_slopes_say(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    players = players_of(park_)
    game = coalitions(park_, schedule.inputs, players)
    share, nobody = along_the_ray(park_, schedule.inputs, game, players)
    solver = game.solver()
    assert share.sum() + nobody.sum() == pytest.approx(solver.at(np.ones(4)).sum(), rel=1e-7)
    np.testing.assert_allclose(share[0], share[1], atol=1e-6)
    np.testing.assert_allclose(share[3], 0.0, atol=1e-9)
    # Against a plain sum of finite differences along the ray.
    by_hand, pieces = np.zeros(4), 400
    for middle in (np.arange(pieces) + 0.5) / pieces:
        base = np.full(4, middle)
        for player in range(3):
            more = base + 1e-5 * (np.arange(4) == player)
            by_hand[player] += (solver.at(more).sum() - solver.at(base).sum()) / 1e-5 / pieces
    np.testing.assert_allclose(share.sum(axis=1)[:3], by_hand[:3], rtol=5e-3)


def test_players_that_are_none_are_refused(plan: tuple[Site, Problem, Schedule]) -> None:
    park_, _, schedule = plan
    with pytest.raises(DataError, match="'battery' has no demand of its own; accepted: works, twin"):
        shares(park_, schedule, ["battery"])
    with pytest.raises(DataError, match="no players"):
        shares(park_, schedule, [])
    with pytest.raises(DataError, match="'works' belongs to two"):
        shares(park_, schedule, {"a": ["works"], "b": ["works", "twin"]})
    many = site(*(load(f"more{k}") for k in range(10)))
    series = {(f"more{k}", "demand_kw"): np.full(6, 1.0) for k in range(10)}
    own = given(many, STEPS, {(name, "demand_kw"): kw for name, kw in DEMAND.items()} | series)
    made = solve(Problem(many, own))
    with pytest.raises(DataError, match="14 players; exact up to 12"):
        shares(many, made, method="exact")
    assert game_ledger(many, made, permutations=4).residual < 1e-9


def test_the_marginal_ledger_says_what_it_leaves_over(plan: tuple[Site, Problem, Schedule]) -> None:
    _, problem, schedule = plan
    rates = park_marginal(problem)
    assert carbon.marginal(problem).kg_per_kwh.tobytes() == rates.kg_per_kwh.tobytes()
    mean, left, right = marginal_ledgers(problem, schedule)
    np.testing.assert_allclose(mean.of("works")[1], DEMAND["works"] * rates.kg_per_kwh[0, 0], rtol=1e-9)
    np.testing.assert_allclose(mean.left_over_kg, mean.emitted_kg - mean.carbon_kg.sum(axis=0))
    np.testing.assert_allclose((left.carbon_kg + right.carbon_kg) / 2, mean.carbon_kg, atol=1e-9)
    assert mean.emitted_kg.sum() == pytest.approx(rates.emitted_kg)
    assert np.abs(mean.left_over_kg).max() > 1.0
    assert {meter.role for meter in mean.meters} == {"load"}
    # Whatever was solved on the problem since then, the rates are those of the schedule.
    rule_based(problem)
    others = problem.point()
    np.testing.assert_allclose(marginal_ledger(problem, schedule).carbon_kg, mean.carbon_kg, atol=1e-9)
    np.testing.assert_array_equal(problem.point(), others)
    with pytest.raises(DataError, match="side 'up'"):
        marginal_ledger(problem, schedule, side="up")  # type: ignore[arg-type]


def test_exports_are_meters_of_the_marginal_ledger() -> None:
    selling = park(
        grid(export_kw=500, carbon_intensity_kg_per_kwh=0.2, tariff=tariff(0.4, feed_in=0.3)),
        unit("coal", max_kw=300, cost_per_kwh=0.1, co2_kg_per_kwh=0.95),
        load(),
    )
    problem = Problem(selling, given(selling, STEPS, {("load", "demand_kw"): np.full(6, 50.0)}))
    ledger = marginal_ledger(problem, solve(problem))
    energy, carbon = ledger.of("pcc: export")
    np.testing.assert_allclose(energy, 250.0)
    np.testing.assert_allclose(carbon, 0.0, atol=1e-9)  # what is used more is sold less


def test_what_a_step_has_goes_by_its_energy_or_by_all_energy_or_evenly() -> None:
    energy = np.array([[2.0, 0.0, 1.0], [6.0, 0.0, 0.0]])
    np.testing.assert_allclose(_by_energy(energy, np.array([8.0, 18.0, 5.0])), [[2, 18 * 3 / 9, 5], [6, 18 * 6 / 9, 0]])
    np.testing.assert_allclose(_by_energy(np.zeros((2, 2)), np.array([8.0, 6.0])), [[4, 3], [4, 3]])
