"""The page: well formed, safe with any name, honest about what is missing, the same for the same data."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.report import Balance, Finding, Line, Method, ReportData, Status, render, wording
from dispatch.report import data as data_module
from dispatch.report.facts import lamps
from dispatch.report.page import json_block
from tests.unit.dispatch.report_example import example, with_gaps

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)> \"quoted\" & 'single' {{ 7 * 7 }}"


class Page(HTMLParser):
    """A strict reader: every element closed in order, no attribute twice, no id twice."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", " ".join(self.words))

    def payload(self) -> dict[str, object]:
        def refuse(constant: str) -> float:
            raise AssertionError(f"{constant} in JSON")

        value = json.loads(self.scripts[0], parse_constant=refuse)
        assert isinstance(value, dict)
        return value

    def classes(self, wanted: str) -> list[str]:
        return [tag for tag, attrs in self.elements if wanted in attrs.get("class", "").split()]


def bare() -> ReportData:
    """The least a plan can show."""
    day = example(step_h=(1.0,))
    empty: tuple[float, ...] = (math.nan,)
    return ReportData(
        "t", "s", "d", "UTC", "EUR", "convex", day.step_start, (1.0,), (), (), empty, empty, empty,
        (), None, (), (), (), (), (), (), {}, (),
    )  # fmt: skip


def hostile() -> ReportData:
    """Every text that a user can choose is an attack."""
    day = with_gaps(example())
    lines = (Line(HOSTILE, day.balances[0].supply[0].values),)
    zeros = (0.0,) * 96
    return replace(
        day,
        title=HOSTILE,
        site=HOSTILE,
        day=HOSTILE,
        currency=HOSTILE,
        commitment=HOSTILE,
        balances=(
            Balance("electricity", HOSTILE, lines, (Line(HOSTILE, zeros),)),
            Balance(HOSTILE, "b", (), ()),
        ),
        stores=(replace(day.stores[0], name=HOSTILE),),
        fans=(replace(day.fans[0], name=HOSTILE, unit=HOSTILE),),
        comparison=(Method(HOSTILE, HOSTILE, 1.0, 2.0, math.nan, 4.0, 5.0), *day.comparison),
        money=((HOSTILE, 1.0),),
        carbon=((HOSTILE, math.nan),),
        wishes=((HOSTILE, HOSTILE, False),),
        findings=(Finding("violation", HOSTILE),),
        setpoints=(Line(HOSTILE, zeros, unit=HOSTILE), Line("=1+1", (math.nan, *zeros[1:]))),
        certificate={HOSTILE: {HOSTILE: [HOSTILE]}},
        notes=(HOSTILE,),
        status=Status(HOSTILE, math.nan, 0, None, math.inf, HOSTILE),
    )  # fmt: skip


DAYS = {
    "a day": example,
    "gaps": lambda: with_gaps(example()),
    "92 quarter-hours": lambda: example("2025-03-30", "Europe/Berlin"),
    "100 quarter-hours": lambda: example("2025-10-26", "Europe/Berlin"),
    "unequal steps": lambda: example(step_h=(0.25,) * 16 + (1.0,) * 20 + (4.0,) * 6),
    "one step": bare,
    "hostile": hostile,
}


@pytest.mark.parametrize("name", DAYS)
def test_every_page_is_well_formed(name: str) -> None:
    page = Page(render(DAYS[name]()))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for tag, a in page.elements if tag == "a"]
    assert set(targets) <= set(ids)
    plots = [attrs for _, attrs in page.elements if "data-chart" in attrs]
    charts = page.payload()["charts"]
    assert isinstance(charts, list)
    assert [plot["data-chart"] for plot in plots] == [chart["id"] for chart in charts]
    assert all(plot["aria-label"] and "height:" in plot["style"] for plot in plots)


@pytest.mark.parametrize("name", DAYS)
def test_every_picture_has_its_values_for_every_step(name: str) -> None:
    data = DAYS[name]()
    page = Page(render(data))
    charts = page.payload()["charts"]
    assert isinstance(charts, list)
    for chart in charts:
        for panel in chart["panels"]:
            for series in panel["series"]:
                assert len(series["values"]) == len(data.step_h) + series["atEdges"]
    assert len(page.classes("values")) >= len(charts)


def test_hostile_names_stay_text() -> None:
    page = Page(render(hostile()))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("script") == 3
    assert "img" not in tags
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]
    assert HOSTILE in page.text
    assert page.payload()["csv"]["columns"][0]["name"] == f"{HOSTILE} [{HOSTILE}]"  # type: ignore[index]
    assert re.fullmatch(r"[A-Za-z0-9-]+\.csv", page.payload()["csv"]["file"])  # type: ignore[index]


def test_missing_is_a_gap_and_never_a_zero() -> None:
    data = with_gaps(example())
    page = Page(render(data))
    charts = page.payload()["charts"]
    assert isinstance(charts, list)
    price, _, balance = charts[0]["panels"]
    assert price["series"][0]["values"][60:64] == [None] * 4
    assert price["missing"] == [[15, 16]]
    offices = next(one for one in balance["series"] if one["name"] == "offices")
    assert offices["values"][29] is not None
    assert offices["values"][30:38] == [None] * 8
    assert balance["missing"] == [[7.5, 9.5]]
    assert "25.4 MWh, 8 gaps" in page.text


def test_supply_is_drawn_up_and_use_down() -> None:
    page = Page(render(example()))
    balance = page.payload()["charts"][0]["panels"][2]  # type: ignore[index]
    signs = {(one["name"], one["sign"]) for one in balance["series"]}
    assert {("li", 1), ("li", -1), ("roof", 1), ("offices", -1)} <= signs
    assert all(value >= 0 for one in balance["series"] for value in one["values"])


def test_only_our_scripts_may_run_and_nothing_is_fetched() -> None:
    page = Page(render(example()))
    policy = next(attrs["content"] for _, attrs in page.elements if "http-equiv" in attrs)
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in page.scripts[1:]]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy.replace("style-src 'unsafe-inline'", "")
    addresses = [attrs.get(name, "") for _, attrs in page.elements for name in ("src", "href")]
    assert all(not address or address.startswith(("#", "data:")) for address in addresses)


def test_the_library_is_the_published_one() -> None:
    vendor = Path(data_module.__file__).parent / "vendor"
    digest = hashlib.sha256((vendor / "echarts.common.min.js").read_bytes()).hexdigest()
    assert digest == "61f13280aba3161f77fc801bf5f9c786f55f10432153a0683fc5cc0700b013d5"  # echarts 6.1.0 on npm
    assert "</script" not in (vendor / "echarts.common.min.js").read_text(encoding="utf-8").lower()
    assert "Apache License" in (vendor / "LICENSE.echarts").read_text(encoding="utf-8")
    assert (vendor / "NOTICE.echarts").exists()


def test_the_same_data_give_the_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from tests.unit.dispatch.report_example import example, with_gaps; "
        "from dispatch.report import render; "
        "print(hashlib.sha256(render(with_gaps(example())).encode()).hexdigest())"
    )
    root = Path(data_module.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root,
        env={"PYTHONHASHSEED": "7", "TZ": "America/New_York", "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout.strip() == hashlib.sha256(render(with_gaps(example())).encode()).hexdigest()


def test_nothing_stated_is_never_shown_as_passed() -> None:
    page = Page(render(bare()))
    assert page.classes("ok") == []
    assert len(page.classes("unknown")) == 5
    assert "not run" in page.text
    assert "No network model was given" in page.text
    assert "Nothing to report." in page.text


def test_rungs_are_written_as_words() -> None:
    words = [lamp["words"] for lamp in lamps(Status("optimal", 0.0, 0, 0, 1.0, "own_past, xgboost"))]
    assert words[-1] == "forecast: own past, xgboost"


@pytest.mark.parametrize(
    ("status", "states"),
    [
        (Status("optimal", 0.0, 0, 0, 1.0, "xgboost"), ["ok", "ok", "ok", "ok", "ok"]),
        (Status("relaxed", 0.02, 1, 2, 30.0, ""), ["warn", "warn", "bad", "bad", "warn"]),
        (Status("safe_state", math.nan, 0, None, math.nan), ["bad", "unknown", "ok", "unknown", "unknown"]),
        (Status("no such rung", None, 3, 0, 24.0), ["unknown", "unknown", "bad", "ok", "ok"]),
    ],
)
def test_the_status_strip_tells_the_state(status: Status, states: list[str]) -> None:
    text = render(replace(example(), status=status, findings=()))
    strip = text[text.index('<ul class="lamps"') :]
    assert re.findall(r'<li class="(\w+)">', strip[: strip.index("</ul>")]) == states


def test_violations_stand_at_the_top_and_first_in_the_list() -> None:
    text = render(with_gaps(example()))
    assert text.index('role="alert"') < text.index('<ul class="figures"')
    listed = text[text.index('id="findings"') :]
    order = re.findall(r'<b class="severity">(\w+)</b>', listed)
    assert order == ["violation", "violation", "warning", "info"]
    assert 'role="alert"' not in render(example())


def test_key_figures_compare_the_plan_with_the_second_row() -> None:
    page = Page(render(example()))
    assert "41\u202f230 CNY −12.1 % against rule-based" in page.text
    assert "53.2 % +6.5 points against rule-based" in page.text
    rows = example().comparison
    worse = replace(example(), comparison=(replace(rows[0], cost=50_000.0, co2_kg=rows[1].co2_kg), rows[1]))
    text = render(worse)
    assert '<span class="change worse">+6.6 % against rule-based' in text
    assert "same as rule-based" in text
    assert "against" not in Page(render(replace(example(), comparison=rows[:1]))).text.split("Differences")[0]


def test_what_is_not_served_is_the_first_figure() -> None:
    rows = example().comparison
    short = replace(example(), comparison=(replace(rows[0], shed_kwh=1273.7), *rows[1:]))
    text = render(short)
    assert text.index(">Not served<") < text.index(">Cost<")
    assert "Not served" not in render(example())


def test_bars_start_at_a_common_zero_also_for_an_income() -> None:
    rows = example().comparison
    costs = (-100.0, 300.0, math.nan)
    day = replace(example(), comparison=tuple(replace(m, cost=c) for m, c in zip(rows, costs, strict=True)))
    bars = re.findall(r'<i class="money" style="left:([\d.]+)%;width:([\d.]+)%"', render(day))
    assert bars == [("0.0", "25.0"), ("25.0", "75.0"), ("0.0", "0.0")]


def test_many_members_are_folded_and_their_sum_is_kept() -> None:
    values = [float(i) for i in range(30)]
    lines = tuple(Line(f"pv_{i}", (value,), "pv") for i, value in enumerate(values))
    data = replace(bare(), balances=(Balance("electricity", "mv", lines, (Line("load", (sum(values),)),)),))
    panel = Page(render(data)).payload()["charts"][0]["panels"][-1]  # type: ignore[index]
    up = [one for one in panel["series"] if one["sign"] > 0]
    assert [one["name"] for one in up] == [*(f"pv_{i}" for i in range(17, 30)), "17 others"]
    assert sum(one["values"][0] for one in up) == sum(values)


def test_the_certificate_is_shown_in_its_own_order() -> None:
    certificate = {
        "b": 1,
        "a": {"x": True, "y": None},
        "rows": [{"k": 0.1}, {"k": math.nan}],
        "list": [1, 2.5],
    }
    text = render(replace(example(), certificate=certificate))
    table = text[text.index('<table class="certificate"') :]
    rows = re.findall(r"rem\">([^<]*)</th><td>([^<]*)</td>", table[: table.index("</table>")])
    assert rows == [
        ("b", "1"), ("a", ""), ("x", "yes"), ("y", "–"), ("rows", ""), ("0", ""), ("k", "0.1"), ("1", ""),
        ("k", "–"), ("list", "1, 2.5"),
    ]  # fmt: skip


@given(
    st.recursive(
        st.floats() | st.text() | st.booleans() | st.none() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_json_never_holds_markup_or_nan(value: object) -> None:
    text = json_block(value)
    assert not set("<>&\u2028\u2029") & set(text)
    json.loads(text, parse_constant=pytest.fail)


def test_numpy_numbers_are_numbers() -> None:
    assert json_block([np.float64(1.5), np.int64(2), np.float32(math.nan), -0.0]) == "[1.5,2,null,0]"
    with pytest.raises(TypeError):
        json_block(object())


def test_columns_of_words_are_read_from_the_left_and_numbers_stand_at_the_right():
    rows = (("boiler", "outside", "high", None, 1200.0), ("exchanger", "high", "low", 900.0, 880.0))
    table = data_module.Table(("Plant", "From", "To", "Takes [kWh]", "Gives [kWh]"), rows)
    page = render(replace(example(), answers=(data_module.Answer("Cascade", (), tables=(table,)),)))
    cells = re.findall(r'<td( class="text")?>([^<]*)</td>', page[page.index("Cascade</h3>") :].partition("</table>")[0])
    assert [(bool(text), value) for text, value in cells] == [
        (True, "outside"),
        (True, "high"),
        (False, wording.MISSING),
        (False, wording.adaptive(1200.0)),
        (True, "high"),
        (True, "low"),
        (False, wording.adaptive(900.0)),
        (False, wording.adaptive(880.0)),
    ]
    assert '<th scope="col" class="text">From</th>' in page
    assert '<th scope="col">Takes [kWh]</th>' in page
    assert re.search(r"td\.text[^{]*\{ text-align: left", page)
