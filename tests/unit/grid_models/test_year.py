from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from grid_models.errors import GridError
from grid_models.injections import Injections
from grid_models.network import Network
from grid_models.power_flow import Flows, solve_batch, solve_reference
from grid_models.year import SERIES, Layout, write_year

DAY = pd.date_range("2016-06-20", periods=96, freq="15min")
ALL = Layout(series=SERIES, dtype="float64", chunk_steps=20, workers=2)


def read(path: Path, series: str, names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    return pd.read_parquet(path)[[f"{series}/{name}" for name in names]].to_numpy().T


def assert_holds(path: Path, flows: Flows) -> None:
    for series in SERIES:
        names = flows.bus_names if series == "vm_pu" else flows.branch_names
        np.testing.assert_allclose(read(path, series, names), getattr(flows, series), atol=1e-9, err_msg=series)
    table = pd.read_parquet(path)
    for total in ("slack_p_kw", "losses_kw", "converged"):
        np.testing.assert_allclose(table[total], getattr(flows, total), atol=1e-9)


def test_the_file_holds_what_the_batch_engine_gives(semiurb: Network, tmp_path: Path) -> None:
    seen: list[int] = []
    path = tmp_path / "day.parquet"
    written = write_year(semiurb.without_reference(), DAY, path, layout=ALL, progress=seen.append)
    assert (written.path, written.steps, written.unsolved, written.resumed_steps) == (path, 96, 0, 0)
    assert seen == [20, 40, 60, 80, 96]
    assert_holds(path, solve_batch(semiurb, semiurb.background(DAY)))
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 5
    assert (pd.read_parquet(path)["time"] == DAY).all()
    told = json.loads(file.schema_arrow.metadata[b"parkwatt"])
    assert told["content_hash"] == semiurb.content_hash
    assert any("ODbL" in note for note in told["notes"])
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_agrees_with_pandapower(semiurb: Network, tmp_path: Path) -> None:
    clock = DAY[::12]
    reference = solve_reference(semiurb, semiurb.background(clock))
    write_year(semiurb, clock, tmp_path / "float32.parquet")
    difference = read(tmp_path / "float32.parquet", "vm_pu", semiurb.bus_names) - reference.vm_pu
    assert 1e-9 < np.abs(difference).max() < 1e-7  # rounded, and no more than that


def test_given_injections_are_asked_for_slice_by_slice(cigre: Network, tmp_path: Path) -> None:
    p_kw = np.linspace(-500.0, 1e6, 7)[None]
    p_kw[0, :6] = 100.0

    def injections(part: slice) -> Injections:
        return Injections(("Bus 7",), p_kw[:, part], 0.0 * p_kw[:, part])

    path = tmp_path / "own.parquet"
    written = write_year(cigre, DAY[:7], path, injections, layout=Layout(chunk_steps=3))
    assert (written.steps, written.unsolved) == (7, 1)
    table = pd.read_parquet(path)
    assert table["converged"].tolist() == [True] * 6 + [False]
    assert table.drop(columns=["time", "converged"]).iloc[6].isna().all()
    with pytest.raises(GridError, match="2 steps for the steps 0 to 2"):
        write_year(cigre, DAY[:7], path, lambda _: injections(slice(0, 2)), layout=Layout(chunk_steps=3))


def test_an_interrupted_run_is_taken_up_where_it_stopped(semiurb: Network, tmp_path: Path) -> None:
    path, part = tmp_path / "day.parquet", tmp_path / "day.parquet.part"

    def stop_at_40(steps: int) -> None:
        if steps >= 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_year(semiurb, DAY, path, layout=ALL, progress=stop_at_40)
    assert not path.exists()
    assert pq.read_metadata(part).num_rows == 40
    for clock, layout, message in (
        (DAY + pd.Timedelta(days=1), ALL, "for other times"),
        (DAY, Layout(), "for another network or layout"),
    ):
        with pytest.raises(GridError, match=message):
            write_year(semiurb, clock, path, layout=layout, resume=True)
        assert pq.read_metadata(part).num_rows == 40  # kept for the right call
    solved: list[int] = []

    def injections(steps: slice) -> Injections:
        solved.append(steps.start)
        return semiurb.background(DAY[steps])

    written = write_year(semiurb, DAY, path, injections, layout=ALL, resume=True)
    assert (written.steps, written.resumed_steps, sorted(solved)) == (96, 40, [40, 60, 80])
    assert_holds(path, solve_batch(semiurb, semiurb.background(DAY)))
    assert list(tmp_path.iterdir()) == [path]
    assert write_year(semiurb, DAY[:3], path, resume=True).resumed_steps == 0  # nothing left over: it starts anew


def test_what_a_killed_run_leaves_is_said_to_be_unreadable(cigre: Network, tmp_path: Path) -> None:
    (tmp_path / "day.parquet.part").write_bytes(b"PAR1 and no end")
    with pytest.raises(GridError, match=r"day\.parquet\.part' has no end.*delete it"):
        write_year(cigre, DAY, tmp_path / "day.parquet", resume=True)
    write_year(cigre, DAY, tmp_path / "day.parquet")


def test_wrong_layouts_and_clocks_are_named(cigre: Network, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"series": ("vm",)}, "unknown series 'vm'; accepted are vm_pu, branch_loading_pu"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
        ({"chunk_steps": 0}, "chunk_steps is 0; at least 1"),
        ({"workers": 0}, "workers is 0; at least 1"),
    ]
    for given, message in wrong:
        with pytest.raises(GridError, match=message):
            Layout(**given)
    with pytest.raises(GridError, match="no steps"):
        write_year(cigre, DAY[:0], tmp_path / "x.parquet")
    with pytest.raises(GridError, match="naive times, got times in Asia/Shanghai"):
        write_year(cigre, DAY.tz_localize("Asia/Shanghai"), tmp_path / "x.parquet")
