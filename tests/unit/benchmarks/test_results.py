"""The results page: what is measured in the time there is, what is said of the rest, and how the page shows it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import manifests, show_cli
from benchmarks.__main__ import main
from benchmarks.manifests import Key
from benchmarks.results import cells, changed, contents, due, markdown, order, page, running
from benchmarks.results.headings import HEADINGS
from benchmarks.results.lines import lines
from benchmarks.results.running import Limits, Piece
from benchmarks.rows import REGISTER, Measurement
from benchmarks.topics import TOPICS
from tests.cases import results_rows

KEY = Key(commit="c0ffee", changes="", lock="10c4", inputs="abcd")


def toy(*names: str) -> list[Measurement]:
    found = {m.name: m for m in REGISTER.of("toy")}
    assert found["holds"].function is results_rows.holds
    return [found[name] for name in names]


def kept(folder: Path, *names: str, key: Key | None = None) -> None:
    for measurement in toy(*names):
        manifests.keep(measurement, measurement.measure(), key or manifests.key(measurement), folder)


def run(folder: Path, *names: str, row_s: float = 60.0, seconds: float = 60.0) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    limits = Limits(row_s, time.monotonic() + seconds)
    piece = Piece("toy/rows", toy(*names), 1.0)
    running.run(piece, limits, folder=folder, logs=folder / "logs", told=lambda _, event: events.append(event))
    return events


def test_a_process_measures_rows_and_goes_on_after_failures(tmp_path: Path) -> None:
    events = run(tmp_path, "fails", "absent", "holds")
    assert [event.get("kept") for event in events if "kept" in event] == ["fails", "absent", "holds"]
    failed, absent, holds = lines(toy("fails", "absent", "holds"), tmp_path)
    assert (failed.verdict, failed.note) == ("failed", "RuntimeError: no plan")
    assert (absent.verdict, absent.note) == ("not measured", "its data are not here")
    assert (holds.verdict, holds.row.ratio) == ("holds", 0.5)
    assert "said while measuring" in (tmp_path / "logs" / "toy-rows.log").read_text("utf-8")


def test_what_is_absent_takes_no_earlier_value_away(tmp_path: Path) -> None:
    (absent,) = toy("absent")
    manifests.keep(absent, absent.row(0.0, 1.0), KEY, tmp_path)
    run(tmp_path, "absent")
    (line,) = lines([absent], tmp_path)
    assert (line.verdict, line.row.value, line.would_hold) == ("stale", 0.0, True)
    assert line.note.startswith("its data are not here; ")


def test_a_row_that_takes_too_long_is_stopped_with_what_it_started_and_the_others_go_on(tmp_path: Path) -> None:
    began = time.monotonic()
    events = run(tmp_path, "too long", "holds", row_s=1.5)
    assert time.monotonic() - began < 30
    (stopped,) = [event for event in events if "stopped" in event]
    assert stopped["stopped"] == "too long"
    long, holds = lines(toy("too long", "holds"), tmp_path)
    assert long.verdict == "not measured"
    assert re.fullmatch(r"stopped after \d s", long.note)
    assert holds.verdict == "holds"
    child = re.search(r"child (\d+)", (tmp_path / "logs" / "toy-rows.log").read_text("utf-8"))
    assert child is not None
    assert "sleep(60)" not in command_of(int(child[1]))


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8")
    except OSError:
        return ""


def test_a_process_that_dies_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    run(tmp_path, "dies", "holds")
    dead, holds = lines(toy("dies", "holds"), tmp_path)
    assert "its process ended with 3" in dead.note
    assert holds.verdict == "holds"


def test_nothing_begins_when_the_time_is_over(tmp_path: Path) -> None:
    assert run(tmp_path, "holds", seconds=-1) == []


def names(pieces: list[Piece]) -> list[str]:
    return [m.name for piece in pieces for m in piece.measurements]


def test_quick_rows_are_always_due_and_slow_ones_where_they_have_no_present_value(tmp_path: Path) -> None:
    kept(tmp_path, "quick", "holds")
    kept(tmp_path, "does not", key=KEY)
    rows = toy("quick", "holds", "does not", "fails")
    made = due.agenda(rows, everything=False, row_s=60, folder=tmp_path)
    assert (names(made.quick), names(made.slow)) == (["quick"], ["does not", "fails"])
    made = due.agenda(rows, everything=True, row_s=60, folder=tmp_path)
    assert (names(made.quick), names(made.slow)) == ([], ["does not", "fails"])


def test_what_was_stopped_is_tried_again_only_with_more_time(tmp_path: Path) -> None:
    (long,) = toy("too long")
    manifests.keep_hindrance(long, manifests.key(long), "stopped after 90 s", after_s=90.0, folder=tmp_path)
    assert due.agenda([long], everything=True, row_s=60, folder=tmp_path).rows == 0
    (again,) = due.agenda([long], everything=True, row_s=600, folder=tmp_path).slow
    assert again.seconds >= 135
    manifests.keep_hindrance(long, KEY, "stopped after 90 s", after_s=90.0, folder=tmp_path)
    assert due.agenda([long], everything=True, row_s=60, folder=tmp_path).rows == 1


def test_a_piece_that_does_not_fit_is_left_out_and_a_shorter_one_is_not(tmp_path: Path) -> None:
    agenda = due.Agenda([], [Piece("a", toy("does not"), 500.0), Piece("b", toy("holds"), 1.0)])
    until = time.monotonic() + 60
    due.measure(agenda, until=until, row_s=60, folder=tmp_path, logs=tmp_path / "logs", told=lambda *_: None)
    assert [piece.name for piece in agenda.left_out] == ["a"]
    assert [line.verdict for line in lines(toy("does not", "holds"), tmp_path)] == ["not measured", "holds"]


def test_pieces_come_in_the_declared_order_and_last_what_takes_hours() -> None:
    assert (
        order.place("grid/broken")
        < order.place("carbon/year")
        < order.place("studies/new")
        < order.place("service/kills")
    )
    assert order.expected_s("service/kills", [None, 3.0]) > 3600
    assert order.expected_s("service/kills", [2.0, 3.0]) == 5.0
    assert order.expected_s("studies/new", [None]) == order.UNKNOWN_S


@pytest.fixture
def repository_with_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Commits: code, then a document, then code again."""
    monkeypatch.setattr(manifests, "ROOT", tmp_path)
    made = []
    manifests.git("init", "--quiet")
    for name, text in (("code.py", "1"), ("page.md", "1"), ("code.py", "2")):
        (tmp_path / name).write_text(text)
        manifests.git("add", ".")
        who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
        manifests.git(*who, "commit", "--quiet", "-m", "one")
        made.append(manifests.git("rev-parse", "HEAD").decode().strip())
    return made


def test_a_stale_row_says_what_lies_between(repository_with_history: list[str]) -> None:
    first, second, third = repository_with_history
    before, document, code = (Key(x, "", "lock", y) for x, y in ((first, "a"), (second, "a"), (third, "b")))
    same = changed.since(before, document, ("code.py",))
    assert same == changed.Changed("1 commit since; none of its inputs differs", same_inputs=True)
    other = changed.since(before, code, ("code.py",))
    assert other == changed.Changed("2 commits since; of its inputs code.py changed", same_inputs=False)
    lost = changed.since(replace(before, commit="0" * 40), code, ("code.py",))
    assert "which this repository does not have" in lost.text
    dirty = changed.since(before, replace(before, changes="x", lock="y"), ("code.py",))
    assert dirty.text == "uncommitted changes now; other packages in locks/run.txt; none of its inputs differs"
    assert not dirty.same_inputs
    assert not changed.since(before, document, ()).same_inputs, (
        "who declares no inputs cannot say that they are the same"
    )


def test_a_stale_value_never_counts_as_holding(tmp_path: Path) -> None:
    kept(tmp_path, "holds", "does not", key=KEY)
    good, bad = lines(toy("holds", "does not"), tmp_path)
    assert [(x.verdict, x.would_hold, x.row.holds) for x in (good, bad)] == [
        ("stale", True, None),
        ("stale", False, None),
    ]
    assert contents.counts([good, bad])["holds"] == 0
    assert [cells.verdict(x) for x in (good, bad)] == ["stale, held", "stale, did not hold"]


@pytest.fixture
def shown(tmp_path: Path) -> contents.Contents:
    """All verdicts, under a topic that the page knows."""
    kept(tmp_path, "holds", "does not", "fails")
    kept(tmp_path, "quick", key=KEY)
    rows = lines(toy("holds", "does not", "fails", "quick", "absent"), tmp_path)
    moved = [replace(line, topic="spine", piece="spine/toy") for line in rows]
    return contents.contents(moved, {"spine/toy": "What the rows are about."})


def test_the_page_shows_every_row_and_first_what_does_not_hold(shown: contents.Contents) -> None:
    html = page.render(shown)
    assert html.index('id="failing"') < html.index('id="spine"')
    first = html[html.index('id="failing"') : html.index('id="finder"')]
    assert "does not" in first
    assert "RuntimeError: no plan" in first
    assert ">holds<" not in first
    for line in shown.lines:
        assert f'id="{page.anchor(f"spine {line.row.name}")}"' in html
    assert "python -m benchmarks show spine toy --fresh" in html
    assert not re.search(r"https?://|src=|@import", html), "one file, nothing from elsewhere"


def test_what_did_not_hold_in_another_state_is_shown_apart(shown: contents.Contents, tmp_path: Path) -> None:
    assert (shown.missed, 'id="missed"' in page.render(shown)) == ((), False)
    kept(tmp_path / "old", "does not", key=KEY)
    (line,) = lines(toy("does not"), tmp_path / "old")
    made = contents.contents([replace(line, topic="spine", piece="spine")], {})
    html = page.render(made)
    assert "does not" in html[html.index('id="missed"') : html.index('id="finder"')]
    assert 'id="failing"' not in html
    assert "## What did not hold when it was last measured" in markdown.render(made)


def test_every_link_of_the_page_leads_somewhere(shown: contents.Contents) -> None:
    html = page.render(shown)
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert {"spine", "failing", "spine-does-not"} <= targets
    assert targets <= set(re.findall(r'id="([^"]+)"', html))


def test_markdown_and_json_say_the_same(shown: contents.Contents) -> None:
    text = markdown.render(shown)
    assert "| does not | 4 x |  |  | ≥ 10 x | does not hold |" in text
    assert "| holds | 1.5 s | 3 | 0.5 | ≤ 3 s | holds |" in text
    assert text.index("## What does not hold") < text.index("## The main job")
    assert shown.counts == {"holds": 1, "does not hold": 1, "failed": 1, "stale": 1, "not measured": 1}


@pytest.mark.parametrize(
    ("name", "filled", "beyond"), [("holds", 1 / 3, False), ("does not", 4 / 15, False), ("quick", 1 / 3, False)]
)
def test_a_gauge_is_a_share_of_its_bar(tmp_path: Path, name: str, filled: float, beyond: bool) -> None:
    kept(tmp_path, name)
    (line,) = lines(toy(name), tmp_path)
    gauge = cells.gauge(line)
    assert gauge is not None
    assert (gauge.filled, gauge.beyond) == (pytest.approx(filled), beyond)
    far = replace(line, row=replace(line.row, value=1e6))
    assert cells.gauge(far) == replace(gauge, filled=1.0, beyond=True)
    assert cells.gauge(replace(line, row=replace(line.row, bar="== 0"))) is None


def test_every_topic_has_a_heading_and_only_topics_have() -> None:
    assert list(HEADINGS) == list(TOPICS)
    assert [heading.part for heading in HEADINGS.values()] == list(range(1, len(TOPICS) + 1))


def test_the_command_writes_all_three_without_measuring(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, folder = tmp_path / "out", tmp_path / "manifests"
    assert main(["results", "spine", "--minutes", "0", "--out", str(out), "--manifests", str(folder)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["results.html", "results.json", "results.md"]
    held = json.loads((out / "results.json").read_text("utf-8"))
    assert held["counts"]["not measured"] == 9
    assert "9 not measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("asked", "said"), [(["speed"], "no topic 'speed'. Accepted: spine"), (["--minutes", "-1"], "expected minutes")]
)
def test_a_mistake_names_what_is_accepted(asked: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main(["results", *asked])
    except SystemExit as end:
        status = int(end.code or 0)
    assert status == 2
    assert said in capsys.readouterr().err


def test_descendants_are_found_through_generations() -> None:
    inner = "import subprocess, time; subprocess.Popen(['sleep', '30']); print('there', flush=True); time.sleep(30)"
    command = ["sh", "-c", f'{sys.executable} -c "{inner}"; true']
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        family = running.descendants(process.pid)
        assert len(family) == 2
        running.stop(process)
        assert all(not command_of(pid) for pid, _ in family)


def test_a_module_of_rows_can_be_shown_alone_as_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(module: str) -> Measurement:
        def measured() -> float:
            return 1.0

        measured.__module__ = f"benchmarks.topics.carbon.{module}"
        return Measurement("carbon", f"a year by {module}", "", "<= 1", slow=True, inputs=(), function=measured)

    rows = [of("arbitrage"), of("year")]
    monkeypatch.setattr(show_cli, "measurements", lambda _: rows)
    assert show_cli.select("carbon", "year") == rows[1:], "although both names have it in common"
    assert show_cli.select("carbon", "a year") == rows
