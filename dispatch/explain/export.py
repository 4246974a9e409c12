"""The compiled matrices as an MPS or LP file with names to read: ``battery.li.charge_kw[2016-10-14T18:00]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np

from dispatch.errors import DataError
from dispatch.explain import naming
from dispatch.explain.naming import Entries
from dispatch.problem import Problem
from dispatch.solver.highs import Limits, load

Format = Literal["mps", "lp"]
_UNSAFE = re.compile(r"[^A-Za-z0-9_.]+")


def export(problem: Problem, path: Path, form: Format) -> None:
    """Write the problem's present matrices with HiGHS.

    LP files give ``[``, ``:`` and ``-`` a meaning of their own, so there the same moment is ``(20161014T1800)``.

    Raises:
        DataError: the file cannot be written.
    """
    import highspy

    matrices = problem.compiled.matrices()
    cols = naming.columns(problem)
    rows = naming.rows(problem, matrices, cols)
    solver = load(matrices)
    for index, name in enumerate(entry_names(problem, cols, "column", form)):
        solver.passColName(index, name)
    for index, name in enumerate(entry_names(problem, rows, "row", form)):
        solver.passRowName(index, name)
    if path.suffix != f".{form}":
        raise DataError(f"{path}: the name must end in .{form}")
    if solver.writeModel(str(path)) == highspy.HighsStatus.kError or not path.is_file():
        raise DataError(f"{path}: cannot be written; give another file with --out")


def solver_log(problem: Problem, path: Path) -> None:
    """Solve the problem's present matrices once more, as a plan's first round is, with HiGHS' own log in a file.

    Raises:
        DataError: the file cannot be written.
    """
    try:
        path.write_text("", encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written to ({error.strerror}); give another file") from error
    solver = load(problem.compiled.matrices())
    for option, value in (("output_flag", True), ("log_to_console", False), ("log_file", str(path))):
        solver.setOptionValue(option, value)
    solver.setOptionValue("mip_rel_gap", Limits().gap)
    solver.setOptionValue("mip_max_nodes", Limits().nodes)
    solver.run()


def entry_names(problem: Problem, entries: Entries, other: str, form: Format) -> list[str]:
    """One name per row or column, all different; what is unknown is called ``column_17``."""
    moments = _moments(problem, form)
    seen: dict[str, int] = {}
    names = []
    for index, (name, scenario, step) in enumerate(zip(entries.name, entries.scenario, entries.step, strict=True)):
        if name < 0:
            names.append(f"{other}_{index}")
            continue
        named = entries.names[int(name)]
        text = f"{named.kind}.{named.asset}.{_UNSAFE.sub('_', named.what).strip('_')}"
        text += f".s{scenario}" if problem.scenarios > 1 and scenario >= 0 else ""
        text += moments[int(step)] if step >= 0 else ""
        seen[text] = seen.get(text, 0) + 1
        names.append(text if seen[text] == 1 else f"{text}.{seen[text]}")
    return names


def _moments(problem: Problem, form: Format) -> list[str]:
    """Each step's start on the local clock; with its offset where the clock changes within the horizon."""
    starts = problem.horizon.local_start
    changes = len(np.unique([start.strftime("%z") for start in starts])) > 1
    if form == "lp":
        return [f"({start:%Y%m%dT%H%M}{start.strftime('_%Z') if changes else ''})" for start in starts]
    return [f"[{start:%Y-%m-%dT%H:%M}{start.strftime('%z') if changes else ''}]" for start in starts]
