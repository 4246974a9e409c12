"""A replay as a whole: what its methods come to, what they may know, and that nothing jumps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dispatch.errors import SolveError
from dispatch.executor import Failure, executor
from dispatch.replay import METHODS, Journal, Replayed, replay
from dispatch.replay.ledger import ledger
from dispatch.replay.methods import Runner
from dispatch.replay.pieces import buses
from dispatch.replay.replay_page import write_all
from dispatch.replay.results import lines, summary
from dispatch.replay.windows import store_values_of
from dispatch.stores.stock import Storage
from tests.unit.dispatch.replay.days import FAST, case

SERIAL = executor("serial")
pytestmark = pytest.mark.timeout(300)  # the first test waits for the fixture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay")


@pytest.fixture(scope="module")
def done(folder: Path) -> Replayed:
    """All methods; a published plan changes only for more than one euro."""
    return replay(case(folder, METHODS, keep_plan_below=1.0), SERIAL, Journal(folder / "journal"))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != "timings.json"}


def test_every_path_passes_the_audit_of_its_months_and_no_state_jumps(done: Replayed) -> None:
    for method, of in done.ledgers.items():
        assert of.violations == (), method
        assert of.jumps == (), method
    assert done.ledgers["rolling"].seams == 8 + 8 - 1
    assert done.ledgers["day_ahead"].seams == 1


def test_perfect_foresight_is_a_bound_and_every_plan_beats_the_rules(done: Replayed) -> None:
    regret = {line.method: line.regret for line in lines(done)}
    assert done.bound
    assert regret["perfect"] == 0
    assert all(value is not None and value > -1e-3 for value in regret.values()), regret
    assert max(regret["rolling"], regret["day_ahead"], regret["rolling_scenarios"]) < regret["rule_based"]


def test_the_days_have_the_hours_they_have(done: Replayed) -> None:
    days = [last - first for _, first, last in done.case.days]
    assert days == [23, 24]
    assert [day.plans for day in done.ledgers["rolling"].days] == [8, 8]
    assert [day.plans for day in done.ledgers["rolling_scenarios"].days] == [3, 3]
    assert done.ran["rolling"].compiled <= 2  # once, and again where the month changes what a stored kWh is worth


def test_a_plan_is_kept_unless_changing_it_saves_enough(done: Replayed) -> None:
    by = {line.method: line for line in lines(done)}
    assert by["rolling_kept"].kept > 0
    assert by["rolling_kept"].changes < by["rolling"].changes
    assert by["rolling"].kept == 0


@pytest.mark.slow
def test_all_executors_and_all_runs_write_the_same_bytes(done: Replayed, tmp_path: Path) -> None:
    write_all(done, tmp_path / "one")
    again = replay(replace(done.case, issued=()), executor("processes", 2), Journal(tmp_path / "journal"))
    write_all(again, tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert set(bytes_of(tmp_path / "one")) == {"steps.parquet", "days.parquet", "replay.json", "replay.html"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning")
def test_ray_writes_the_same_bytes(done: Replayed, tmp_path: Path) -> None:
    write_all(done, tmp_path / "one")
    again = replay(replace(done.case, issued=()), executor("ray", 2), Journal(tmp_path / "journal"))
    write_all(again, tmp_path / "two")
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_what_was_stopped_in_between_goes_on_to_the_same_bytes(done: Replayed, folder: Path, tmp_path: Path) -> None:
    write_all(done, tmp_path / "one")
    shutil.copytree(folder / "journal", tmp_path / "journal")
    for method in METHODS:
        for later in sorted((tmp_path / "journal" / method).iterdir())[1:]:
            later.unlink()
    journal = Journal(tmp_path / "journal")
    again = replay(replace(done.case, issued=()), SERIAL, journal)
    write_all(again, tmp_path / "two")
    assert len(again.ran["rolling"].seconds) == 8, "the first day is not planned again"
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


@pytest.mark.parametrize("method", ["day_ahead", "rolling", "rolling_kept", "rolling_scenarios"])
def test_what_comes_later_changes_nothing_before(done: Replayed, method: str) -> None:
    """Other measurements from noon of the second day on: the path up to noon is the same to the last bit."""
    known, noon = done.case, 23 + 12
    twisted = {name: values.copy() for name, values in known.actual.items()}
    for values in twisted.values():
        values[noon:] *= 0.3
    cut = np.datetime64(known.span.edges[noon], "ns").astype(np.int64)
    rows = {}
    for key, of in known.archive._rows.items():
        late = of.valid_ns > cut
        rows[key] = replace(of, value=np.where(late, of.value * 0.3, of.value))
    other = replace(known, actual=twisted, archive=replace(known.archive, _rows=rows), issued=())
    again = replay(replace(other, settings=replace(other.settings, methods=(method,))), SERIAL, Journal())
    before, after = done.ran[method].piece.arrays, again.ran[method].piece.arrays
    for key in before:
        assert np.array_equal(before[key][:, :noon], after[key][:, :noon]), key
    assert any(not np.array_equal(before[key][:, noon:], after[key][:, noon:]) for key in before)


def test_a_state_that_is_not_handed_on_is_found(
    done: Replayed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    honest = Storage.carry.__func__  # type: ignore[attr-defined]

    def forgetful(cls: Any, *arguments: Any) -> Any:
        return {name: {"start_fill": has["start_fill"] * 0.9} for name, has in honest(cls, *arguments).items()}

    monkeypatch.setattr(Storage, "carry", classmethod(forgetful))
    ran = Runner(done.case, Journal())("rolling")
    monkeypatch.undo()
    found = ledger(done.case, ran.piece, buses(done.case), store_values_of(done.case))
    assert any("start_fill" in text for text in found.jumps)
    assert any("content differs from its powers" in text for text in found.violations)


def test_days_add_up_to_the_month_with_its_demand_charge(done: Replayed) -> None:
    days = done.ledgers["rule_based"].days
    piece = done.ran["rule_based"].piece
    imported = piece.arrays["grid_connection/series/import_kw"][0]
    starts = [t.hour for t in done.case.span.local_start]
    price = np.where([7 <= hour < 21 for hour in starts], 0.35, 0.1)
    march, april = slice(0, 23), slice(23, None)
    bill = float(imported @ price) + 2.0 * (imported[march].max() + imported[april].max())
    assert sum(day.bill for day in days) == pytest.approx(bill)
    assert days[0].bill == pytest.approx(float(imported[march] @ price[march]) + 2.0 * imported[march].max())


def test_the_summary_says_what_perfect_foresight_is_and_how_plans_were_made(done: Replayed) -> None:
    told = summary(done)
    assert told["perfect_foresight_is"].startswith("one solve over the whole span")
    assert told["methods"]["rolling"]["rungs"] == {"optimal": 16}
    assert told["methods"]["rolling"]["seams"] == 15
    assert told["rolling"]["keep_plan_below"] == 1.0


def test_foresight_of_some_days_where_the_span_is_too_long_for_one_solve(done: Replayed, tmp_path: Path) -> None:
    settings = replace(done.case.settings, methods=("perfect",), single_solve_days=1.0, foresight_h=30.0)
    again = replay(replace(done.case, settings=settings), SERIAL, Journal(tmp_path))
    assert not again.bound
    assert "next 30 h" in summary(again)["perfect_foresight_is"]
    one, other = (sum(d.objective for d in of.ledgers["perfect"].days) for of in (done, again))
    assert one - 1e-3 <= other <= sum(d.objective for d in done.ledgers["rolling"].days)
    assert again.ledgers["perfect"].violations == ()


class Broken:
    """An executor whose workers all die."""

    def map(self, fn: Any, chunks: Any, deadline: float | None = None) -> Any:  # noqa: ARG002 - as executors do
        return ((name, Failure("died", "status 9")) for name, _ in chunks)


def test_a_dead_worker_ends_the_replay_with_its_chunk_named(tmp_path: Path) -> None:
    with pytest.raises(SolveError, match=r"forecasts from 2024-03-30T1100Z: status 9"):
        replay(case(tmp_path, FAST), Broken(), Journal())
