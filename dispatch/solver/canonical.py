"""cvxpy's way of writing out large parametrised problems, without the one step of it that grows with the square.

Where a parameter multiplies a variable entry by entry, the COO backend of cvxpy 1.9 writes the parameter as one sparse
matrix of (entries · rows) rows and reads its entries from that again. Of a year of hours these are 77 million row
pointers for each of some ten coefficients, 2.4 of the 2.5 s that a park with a battery took; what is read is what was
there before. The other backends grow in the same way, and faster.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def backend() -> str:
    """The name of the backend, for ``canon_backend``.

    The name is cvxpy's, which knows no others: from the first call on it means ours wherever somebody asks for it in
    this process. Both give the same matrices. A cvxpy that keeps its backends elsewhere goes on with its own.
    """
    import cvxpy as cp
    from cvxpy.lin_ops import backends
    from cvxpy.lin_ops.backends import CooCanonBackend, CooTensor

    class Direct(CooCanonBackend):  # type: ignore[misc]  # cvxpy is not followed
        def _to_coo_tensor(self, matrix: Any, param_id: int | None = None) -> Any:
            """A parameter's tensor is one already."""
            if isinstance(matrix, CooTensor) and param_id is not None:
                return matrix
            return super()._to_coo_tensor(matrix, param_id)

    getattr(backends, "_BACKEND_REGISTRY", {})[cp.COO_CANON_BACKEND] = Direct
    return str(cp.COO_CANON_BACKEND)
