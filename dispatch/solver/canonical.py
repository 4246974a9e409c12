"""cvxpy's way of writing out large parametrised problems, without the one step of it that grows with the square.

Where a parameter multiplies a variable entry by entry, the COO backend of cvxpy 1.9 writes the parameter as one sparse
matrix of (entries · rows) rows and reads its entries from that again. Of a year of hours these are 77 million row
pointers for each of some ten coefficients, 2.4 of the 2.5 s that a park with a battery took; what is read is what was
there before. The other backends grow in the same way, and faster.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

_IS_OURS: ContextVar[bool] = ContextVar("is_ours", default=False)


@contextmanager
def backend() -> Iterator[str]:
    """The name of the backend, for ``canon_backend``; within the block and its thread it means ours.

    The name is cvxpy's, which knows no others. Others who ask for it meanwhile get cvxpy's own, and when the last block
    is left everything is as it was. Both give the same matrices. A cvxpy that keeps its backends elsewhere goes on with
    its own.
    """
    import cvxpy as cp

    name = str(cp.COO_CANON_BACKEND)
    _LENT.enter(name)
    token = _IS_OURS.set(True)
    try:
        yield name
    finally:
        _IS_OURS.reset(token)
        _LENT.leave(name)


class _Lent:
    """cvxpy's register of backends, changed while anybody is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._theirs: Any = None

    def enter(self, name: str) -> None:
        with self._lock:
            self._inside += 1
            register = _register()
            if self._inside == 1 and name in register:
                self._theirs = register[name]
                register[name] = _either(self._theirs)

    def leave(self, name: str) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._theirs is not None:
                _register()[name], self._theirs = self._theirs, None


_LENT = _Lent()


def _register() -> dict[str, Any]:
    from cvxpy.lin_ops import backends

    return getattr(backends, "_BACKEND_REGISTRY", {})


def _either(theirs: Any) -> Callable[..., Any]:
    """Makes our backend for those inside a block, and theirs for all others."""

    def make(*arguments: Any, **named: Any) -> Any:
        return (_direct() if _IS_OURS.get() else theirs)(*arguments, **named)

    return make


@cache
def _direct() -> Any:
    from cvxpy.lin_ops.backends import CooCanonBackend, CooTensor

    class Direct(CooCanonBackend):  # type: ignore[misc]  # cvxpy is not followed
        def _to_coo_tensor(self, matrix: Any, param_id: int | None = None) -> Any:
            """A parameter's tensor is one already."""
            if isinstance(matrix, CooTensor) and param_id is not None:
                return matrix
            return super()._to_coo_tensor(matrix, param_id)

    return Direct
