"""The pictures of a network and of long spans: what stands where, and that nothing is drawn wrongly or twice."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dispatch.presentation.network_pictures import capacities_on, loading_durations, voltages_at
from dispatch.report.drawings import Curve, Stack, bars, curves, duration
from dispatch.report.network_picture import HEIGHT, WIDTH, NetworkPicture, draw_network
from dispatch.report.study import Section, StudyPage, render_study
from grid_models.injections import Injections
from grid_models.library import load as load_network
from grid_models.limits import Limits
from grid_models.network import Network
from grid_models.power_flow import Flows, solve_batch

LINE = NetworkPicture(
    title="of a test",
    about="three buses",
    place=((0, 0), (1, 1), (2, 0)),
    bus=("a", "b", "<c>"),
    value=(0.95, 1.0, 1.06),
    unit="p.u.",
    decimals=3,
    low=0.95,
    high=1.05,
    branch=("ab", "bc"),
    ends=((0, 1), (1, 2)),
    loading=(0.2, 1.1),
    named=(2,),
    own=(1,),
)


@pytest.fixture(scope="module")
def cigre() -> Network:
    return load_network("pandapower:create_cigre_network_mv")


@pytest.fixture(scope="module")
def flows(cigre: Network) -> Flows:
    p_kw = np.array([[-500.0, 3000.0, -100.0], [200.0, 100.0, -900.0]])
    return solve_batch(cigre, Injections(("Bus 10", "Bus 5"), p_kw, np.zeros_like(p_kw)))


def test_buses_stand_as_given_and_inside_the_frame() -> None:
    drawn = draw_network(LINE)
    x = [dot.x for dot in sorted(drawn.dots, key=lambda dot: dot.x)]
    assert x[0] > 0
    assert x[2] < WIDTH
    assert x[1] == pytest.approx((x[0] + x[2]) / 2)
    by_name = {dot.title.split(":")[0]: dot for dot in drawn.dots}
    assert by_name["b"].y < by_name["a"].y == by_name["<c>"].y < HEIGHT  # up is less in a picture
    assert [dot.own for dot in drawn.dots].count(True) == 1


def test_a_branch_is_as_wide_as_it_is_loaded_and_red_beyond_its_rating() -> None:
    calm, hot = draw_network(LINE).strokes
    assert calm.width < hot.width
    assert calm.title == "ab: 20.0 %"
    warm = draw_network(replace(LINE, loading=(0.2, 0.9))).strokes[1]
    unknown = next(s for s in draw_network(replace(LINE, loading=(math.nan, 0.5))).strokes if s.title.startswith("ab"))
    assert len({calm.colour, warm.colour, hot.colour}) == 3
    assert unknown.title == "ab: –"


def test_colours_end_with_the_scale() -> None:
    def colour(value: float) -> str:
        return next(d.colour for d in draw_network(replace(LINE, value=(value, 1.0, 1.0))).dots if d.title[0] == "a")

    assert colour(0.95) == colour(0.5)
    assert colour(1.049) == colour(2.0)
    assert len({colour(0.95), colour(1.0), colour(1.05), colour(math.nan)}) == 4
    assert len(draw_network(LINE).scale) == 7


def test_only_some_buses_are_named_and_no_name_hides_another() -> None:
    many = replace(
        LINE,
        place=tuple((float(k % 12), float(k // 12)) for k in range(120)),
        bus=tuple(f"bus {k}" for k in range(120)),
        value=tuple(1 + 0.0001 * k for k in range(120)),
        named=(0, 119),
        own=(60, 61),
    )
    labels = draw_network(many).labels
    assert [label.text.split(" · ")[0] for label in labels] == ["bus 60", "bus 61", "bus 0", "bus 119"]
    places = [(label.x, label.y) for label in labels]
    assert len({y for _, y in places}) == 4 or len(set(places)) == 4
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in places)


def test_a_duration_curve_keeps_energy_and_falls() -> None:
    values, hours = [3.0, 1.0, 2.0, 5.0], [1.0, 0.5, 0.25, 2.0]
    x, y = duration(values, hours)
    assert x[-1] == sum(hours)
    assert list(y) == sorted(y, reverse=True)
    area = sum((x[k] - x[k - 1]) * y[k] for k in range(1, len(x)))
    assert area == pytest.approx(sum(v * h for v, h in zip(values, hours, strict=True)))
    long = duration(list(range(35040)), [0.25] * 35040)
    assert len(long[0]) < 500
    assert long[0][-1] == 8760


def test_curves_and_bars_fit_their_frames() -> None:
    drawn = curves("t", "a", ("h", "MW"), [Curve("c", "#000000", (0, 1, 2), (4.0, math.nan, -1.0))], (("limit", 6.0),))
    assert drawn.paths[0][0].count("M") == 2  # a gap is none of the line
    assert drawn.top <= drawn.limits[0].at <= drawn.bottom
    assert drawn.y_marks[0].text == "−2"
    stacks = (Stack("one", "#111111", (1.0, 0.0)), Stack("two", "#222222", (2.0, 3.0)))
    piled = bars("t", "a", ("", "MWh"), ("Jan", "Feb"), stacks)
    assert len(piled.boxes) == 3
    jan = [box for box in piled.boxes if box.title.startswith("Jan")]
    assert jan[1].y + jan[1].height == pytest.approx(jan[0].y, abs=0.11)
    assert jan[1].height == pytest.approx(2 * jan[0].height, abs=0.2)
    empty = bars("t", "a", ("", ""), ("Jan",), (Stack("one", "#111111", (0.0,)),))
    assert empty.boxes == ()


def test_a_network_shows_its_extremes_and_the_park(cigre: Network, flows: Flows) -> None:
    drawn = voltages_at(cigre, flows, Limits.of(cigre), ("Bus 10",), 1, "At noon")
    assert len(drawn.dots) == len(cigre.bus_names)
    assert len(drawn.strokes) == len(cigre.branch_names)
    assert drawn.labels[0].text.startswith("Bus 10 · ")
    assert "At noon" in drawn.about
    worst = drawn.strokes[-1].title.split(":")[0]
    assert worst == cigre.branch_names[int(np.nanargmax(flows.branch_loading_pu[:, 1]))]


def test_capacities_name_the_least_and_the_most(cigre: Network, flows: Flows) -> None:
    values = {"Bus 3": 4000.0, "Bus 5": 9000.0, "Bus 11": 1000.0}
    drawn = capacities_on(cigre, flows, values, ("Bus 10",), "of a test", "why")
    assert {label.text for label in drawn.labels} == {"Bus 10 · – MW", "Bus 5 · 9.00 MW", "Bus 11 · 1.00 MW"}


def test_durations_are_of_the_branches_loaded_most(cigre: Network, flows: Flows) -> None:
    drawn = loading_durations(flows, np.ones(3))
    tops = np.nanmax(flows.branch_loading_pu, axis=1)
    assert drawn.legend[0][0] == cigre.branch_names[int(np.argmax(tops))]
    assert len(drawn.paths) == 3


def test_a_study_page_escapes_names_and_runs_nothing() -> None:
    page = render_study(
        StudyPage(
            "of a test", "<b>park</b>", "a year", ("all days",), (("Lost", "1", "MWh", ""),),
            (Section("One", networks=(draw_network(LINE),)),), ("<script>x</script>",),
        )
    )  # fmt: skip
    assert "<script" not in page
    assert "&lt;b&gt;park" in page
    assert "&lt;c&gt; · 1.060 p.u." in page
    assert "default-src 'none'" in page
