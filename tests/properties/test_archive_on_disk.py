"""The archive on disk holds what the one in memory holds, whatever came in which order; and never what came later."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.archive import MEASURED_NS, Archive, Rows
from forecasting.archive.store import Store

START = pd.Timestamp("2023-12-31T20:00Z").value
HOUR = 3_600_000_000_000
NAMES = st.sampled_from([("park", "pv"), ("park", "load"), ("sky", "wind")])


@st.composite
def rows(draw: st.DrawFn) -> tuple[tuple[str, str], Rows]:
    """Up to 12 rows of a series; each of its valid time, issue time, member and availability at most once."""
    keys = draw(st.lists(st.tuples(*[st.integers(0, 8)] * 3, st.booleans()), min_size=1, max_size=12, unique=True))
    valid, delay, member, run = (np.array(column) for column in zip(*keys, strict=True))
    issue = np.where(run, START + (valid // 2) * HOUR, MEASURED_NS)
    # The value follows from the key, so that no two draws contradict each other.
    value = np.where(delay == 7, np.nan, valid + delay / 10 + member / 100.0)
    valid_ns = START + valid * HOUR
    return draw(NAMES), Rows(issue, valid_ns, valid_ns + delay * HOUR, member.astype(np.int32), value).sorted()


def archive(pieces: list[tuple[tuple[str, str], Rows]]) -> Archive:
    found = Archive.empty()
    for key, piece in pieces:
        found = found.merge(Archive.of_rows({key: piece}))
    return found


@settings(max_examples=12)
@given(pieces=st.lists(rows(), min_size=1, max_size=5), data=st.data())
def test_any_order_of_imports_gives_the_archive_of_all_rows(pieces: list, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(pieces))))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for k in order:
            store.append(archive([pieces[k]]))
        assert store.read().table().to_pandas().equals(archive(pieces).table().to_pandas())


@settings(max_examples=12)
@given(pieces=st.lists(rows(), min_size=1, max_size=3), asked=st.integers(0, 16), change=st.floats(1, 1e6))
def test_what_becomes_known_later_changes_nothing_that_is_read(pieces: list, asked: int, change: float) -> None:
    time = pd.Timestamp(START + asked * HOUR, tz="UTC")
    whole = archive(pieces)
    later = {
        key: Rows(r.issue_ns, r.valid_ns, r.available_ns, r.member, r.value + change * (r.available_ns > time.value))
        for key, r in whole.rows().items()
    }
    seen = []
    for content in (whole, Archive.of_rows(later)):
        with tempfile.TemporaryDirectory() as folder:
            Store(Path(folder)).append(content)
            for known in (Store(Path(folder)).as_of(time), Store(Path(folder)).read().as_of(time)):
                found = [known.series_names()]
                for site, variable in sorted(whole.rows()):
                    measured = known.measurements(site, variable)
                    found += [measured.end_ns.tobytes(), measured.available_ns.tobytes(), measured.value.tobytes()]
                    found += [run.value.tobytes() for m in range(9) for run in known.runs(site, variable, m)]
                seen.append(found)
    assert all(found == seen[0] for found in seen)
