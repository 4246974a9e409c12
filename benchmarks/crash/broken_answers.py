"""Solvers that answer with what is no answer, with a point that is none, or with a lie."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from benchmarks.crash.asked import Asked
from dispatch.solver.highs import Answer, Point

# ---- a point that is none


def nan_in_point(asked: Asked) -> Answer:
    return _with_entries(asked, np.nan, 1)


def nan_everywhere(asked: Asked) -> Answer:
    return _with_entries(asked, np.nan, asked.matrices.cost.size)


def infinite_point(asked: Asked) -> Answer:
    return _with_entries(asked, np.inf, 2)


def _with_entries(asked: Asked, value: float, count: int) -> Answer:
    answer = asked.healthy()
    x = answer.x.copy()
    x[asked.random.choice(x.size, min(count, x.size), replace=False)] = value
    return replace(answer, x=x)


def nan_objective(asked: Asked) -> Answer:
    return replace(asked.healthy(), objective=np.nan)


def nan_bound(asked: Asked) -> Answer:
    return replace(asked.healthy(), bound=np.nan)


def nan_duals(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, row_dual=np.full_like(answer.row_dual, np.nan))


def truncated(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, x=answer.x[: asked.random.integers(1, answer.x.size)])


def empty(asked: Asked) -> Answer:
    return replace(asked.healthy(), x=np.zeros(0))


def too_long(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, x=np.append(answer.x, np.zeros(int(asked.random.integers(1, 50)))))


def folded(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, x=answer.x[:, None])


def short_duals(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, row_dual=answer.row_dual[: asked.random.integers(answer.row_dual.size)])


# ---- lies


def wrong_point(asked: Asked) -> Answer:
    """Calls a point optimal that breaks the rows: everything at zero."""
    answer, offset = asked.healthy(), asked.matrices.offset
    return replace(answer, x=np.zeros_like(answer.x), objective=offset, bound=offset)


def shaken_point(asked: Asked) -> Answer:
    """A little beside every row, objective and bound to match."""
    answer = asked.healthy()
    x = answer.x * (1 + 0.05 * asked.random.standard_normal(answer.x.size))
    objective = float(asked.matrices.cost @ x) + asked.matrices.offset
    return replace(answer, x=x, objective=objective, bound=objective)


def permuted_point(asked: Asked) -> Answer:
    answer = asked.healthy()
    x = asked.random.permutation(answer.x)
    objective = float(asked.matrices.cost @ x) + asked.matrices.offset
    return replace(answer, x=x, objective=objective, bound=objective)


def wrong_objective(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, objective=answer.objective - 1e3, bound=answer.objective - 1e3)


def wrong_bound(asked: Asked) -> Answer:
    answer = asked.healthy()
    return replace(answer, bound=answer.objective + 1e3)


# ---- not an answer


def nothing(_: Asked) -> None:
    return None


def wrong_type(asked: Asked) -> Any:
    answer = asked.healthy()
    kinds = ("Optimal", {"x": answer.x}, answer.x, 17, [answer], Point(answer.x, answer.objective, answer.bound))
    return kinds[asked.random.integers(len(kinds))]


def wrong_fields(asked: Asked) -> Any:
    """An answer by its type, and nothing in it as it should be."""
    answer: Any = asked.healthy()
    fields: tuple[dict[str, Any], ...] = (
        {"x": list(answer.x)},
        {"x": answer.x.astype(object)},
        {"x": answer.x.astype(str)},
        {"x": None},
        {"objective": "optimal"},
        {"objective": None},
        {"bound": None},
        {"bound": np.zeros(3)},
        {"row_dual": None},
        {"quality": "splendid"},
        {"nodes": None},
        {"nodes": np.nan},
    )
    return replace(answer, **fields[asked.random.integers(len(fields))])


class Unreadable:
    """Cannot be put together again by whoever receives it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _refuse, ()


def _refuse() -> NoReturn:
    raise RuntimeError("cannot be read")


def cannot_be_read(_: Asked) -> Any:
    return Unreadable()


def cannot_be_sent(_: Asked) -> Any:
    return lambda: None


# ---- points on the way


def flood_of_points(asked: Asked) -> Answer:
    """The same point again and again, without an end."""
    answer = asked.healthy()
    if asked.improved is None:
        return answer
    point = Point(answer.x, answer.objective, answer.bound)
    while True:
        asked.improved(point)


def bad_points_then_crash(asked: Asked) -> NoReturn:
    answer, send = asked.healthy(), asked.improved or (lambda _: None)
    points = (None, "point", Point(answer.x[:3], 0.0, 0.0), Point(answer.x * np.nan, 0.0, 0.0), Point(None, "", None))  # type: ignore[arg-type]
    send(points[asked.random.integers(len(points))])
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still here")
