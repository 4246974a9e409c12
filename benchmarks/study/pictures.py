"""The pictures of a study, without a script: days one after the other, and differences with their intervals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.methods.found import methods
from benchmarks.study.metrics import METRICS
from benchmarks.study.results import by_case_day
from benchmarks.study.statistics import Difference
from benchmarks.study.tables import head
from dispatch.report.drawings import Curve, Drawing, Spot, curves, places

if TYPE_CHECKING:
    import pandas as pd

_COLOURS = ("#297fcc", "#d9a514", "#2aa98b", "#7552ab", "#ca4f32", "#495564", "#b0578d", "#6f8f2f")
_STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#1c2733}.soft{fill:#5d6b78}.rule{stroke:#d8dee4;stroke-width:1}"
    ".limit{stroke:#5d6b78;stroke-dasharray:4 3}text.limit{stroke:none;fill:#5d6b78}"
)


def by_days(
    days: pd.DataFrame, metric: str, baseline: str, currencies: Mapping[str, str]
) -> Iterator[tuple[str, Drawing]]:
    """By case: what each method has more than the baseline, added up from day to day; shares day by day."""
    wide = by_case_day(days, metric)
    adds = METRICS[metric].fold == "sum"
    for case, of in wide.groupby(level="case", sort=False):
        lines = []
        for place, name in enumerate(of.columns):
            values = (of[name] - of[baseline] if adds and baseline in of else of[name]).to_numpy(float)
            if (adds and name == baseline) or not np.any(np.nan_to_num(values)):
                continue  # what is missing or nothing throughout has no course
            course = np.concatenate([[0.0], np.cumsum(values)]) if adds else values
            x = tuple(float(k) for k in range(0 if adds else 1, values.size + 1))
            lines.append(Curve(methods()[str(name)].title, _COLOURS[place % len(_COLOURS)], x, tuple(course.tolist())))
        what = head(metric, currencies[str(case)])
        title = f"{case}: {METRICS[metric].title}" + (f" less that of {methods()[baseline].title}" if adds else "")
        about = "Added up from the first day on; below zero is less than the baseline." if adds else "Day by day."
        if lines:
            yield f"days-{case}-{metric}", curves(title, about, ("day", what), lines)


def intervals(found: Sequence[Difference], currencies: Mapping[str, str]) -> Iterator[tuple[str, Drawing]]:
    """By case and metric: the mean difference of each method with its bootstrap interval."""
    for case, metric in dict.fromkeys((one.case, one.metric) for one in found):
        own = [one for one in found if (one.case, one.metric) == (case, metric)]
        spots, lines = [], []
        for place, one in enumerate(own):
            y, colour = float(len(own) - place), _COLOURS[(place + 1) % len(_COLOURS)]
            spots.append(
                Spot(
                    one.mean, y, colour, f"{methods()[one.method].title}: {one.mean:,.4g}", methods()[one.method].title
                )
            )
            low, high = one.bootstrap or (one.mean, one.mean)
            lines.append(Curve("", colour, (low, high), (y, y)))
        top = float(len(own)) + 0.6
        lines.append(Curve("", "#5d6b78", (0.0, 0.0), (0.4, top), dashed=True))
        what = head(metric, currencies[case])
        title = f"{case}: {METRICS[metric].title} by day, less that of {methods()[own[0].baseline].title}"
        about = "Mean difference by day with its bootstrap interval over days; left of the dashed line is less."
        drawing = places(title, about, (what, ""), lines, spots)
        yield f"intervals-{case}-{metric}", _without_heights(drawing)


def _without_heights(drawing: Drawing) -> Drawing:
    """The ordinate only keeps methods apart."""
    return replace(drawing, y_marks=())


def svg(drawing: Drawing) -> str:
    """The picture as a file of its own."""
    from dispatch.report.files import template

    macros: Any = template("drawings.html.j2").module  # what a template defines has no types
    figure = str(macros.plot(drawing))
    found = re.search(r"<svg.*?</svg>", figure, re.DOTALL)
    assert found is not None
    opened = found.group(0).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return opened.replace(">", f"><style>{_STYLE}</style>", 1) + "\n"
