"""One network as plain arrays, plus the pandapower net it came from."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from grid_models.background import Background
from grid_models.errors import unknown_name
from grid_models.injections import Injections

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AcModel:
    """The per-unit model: n nodes (buses fused over closed switches) and l branches in the MATPOWER pi form.

    Branch m from f to t with ratio a = tap·exp(j·shift), series admittance ys = 1/(r + jx), shunt yc = g + jb
    and an extra shunt ye = to_g + j·to_b on the to side::

        i_f = (ys + yc/2)/|a|² · v_f − ys/conj(a) · v_t        i_t = −ys/a · v_f + (ys + yc/2 + ye/2) · v_t

    R. D. Zimmerman et al., MATPOWER, IEEE Trans. Power Syst. 26(1), 2011, doi:10.1109/TPWRS.2010.2051168, eq.
    (3).
    """

    base_mva: float
    node_kv: Array
    node_shunt_pu: NDArray[np.complex128]
    """Admittance to ground [p.u.] on ``base_mva``."""
    node_fixed_kw: Array
    """Injection of parts that never change, for example motors."""
    node_fixed_kvar: Array
    slack_node: Index
    slack_vm_pu: Array
    slack_va_rad: Array
    from_node: Index
    to_node: Index
    r_pu: Array
    x_pu: Array
    g_pu: Array
    b_pu: Array
    to_g_pu: Array
    to_b_pu: Array
    tap: Array
    shift_rad: Array
    bus_node: Index
    """Node of every named bus (N,)."""
    named_branch: Index
    """Branch of every named branch (L,)."""
    rated_from_ka: Array
    """Current at loading 1 (L,); NaN where the network gives no rating: loading is then NaN too."""
    rated_to_ka: Array
    regulated_node: Index = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Nodes whose voltage machines hold by their reactive power, the slack's left out (g,)."""
    regulated_vm_pu: Array = field(default_factory=lambda: np.zeros(0))
    """Their set-points."""


@dataclass(frozen=True, eq=False)
class Taps:
    """Ratio tap changers per named branch (L,); NaN where a branch has none that could be stepped.

    One step up adds ``step_pu`` of the winding's turns on the tapped side: at the from (high-voltage) side the
    ratio is ∝ 1 + step_pu · (position − neutral), at the to side ∝ its inverse.
    """

    position: Array
    neutral: Array
    minimum: Array
    maximum: Array
    step_pu: Array
    at_from: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Reference:
    """The pandapower net with one static generator per bus; its table rows in the order of ``Network``."""

    net: Any
    buses: pd.Index
    lines: pd.Index
    transformers: pd.Index
    source: Any = None
    """The pandapower net as it was loaded, without profiles: its costs and what they belong to."""


@dataclass(frozen=True, eq=False)
class Network:
    """A network that both engines solve alike.

    Immutable; ``without_reference()`` is small and pickles to workers. ``branch_from`` and ``branch_to``
    index ``bus_names``: from a line's from bus, from a transformer's high-voltage bus.
    """

    name: str
    bus_names: tuple[str, ...]
    branch_names: tuple[str, ...]
    branch_from: Index
    branch_to: Index
    voltage_min_pu: Array
    voltage_max_pu: Array
    branch_loading_max_pu: Array
    ac: AcModel = field(repr=False)
    profiles: Background = field(repr=False)
    notes: tuple[str, ...] = ()
    reference: Reference | None = field(default=None, repr=False)
    taps: Taps | None = field(default=None, repr=False)

    def bus_index(self, names: Sequence[str]) -> Index:
        """Positions of ``names`` in ``bus_names``. Raises GridError that lists the closest valid names."""
        return _positions("bus", names, self._bus_position)

    def branch_index(self, names: Sequence[str]) -> Index:
        """Positions of ``names`` in ``branch_names``. Raises GridError that lists the closest valid names."""
        return _positions("branch", names, self._branch_position)

    def background(self, wall_clock: pd.DatetimeIndex, step_h: float | Array = 0.25) -> Injections:
        """The other customers' net injection, mean over steps of ``step_h`` hours from ``wall_clock`` on.

        Naive times; the profile year is 2016 and only month, day and time count. Networks without profiles
        inject their nameplate values in every step.
        """
        p_kw, q_kvar = self.profiles.at(wall_clock, step_h)
        return Injections(self.bus_names, p_kw, q_kvar)

    def without_reference(self) -> Network:
        """The same network for ``solve_batch`` only: its pandapower net is left out."""
        return dataclasses.replace(self, reference=None)

    @functools.cached_property
    def content_hash(self) -> str:
        """SHA-256 over names, limits, the per-unit model and the background: what a result depends on."""
        digest = hashlib.sha256("\0".join((*self.bus_names, "", *self.branch_names)).encode())
        model = [getattr(self.ac, f.name) for f in dataclasses.fields(self.ac)]
        ratings = [m.toarray() for m in (self.profiles.rating_kw, self.profiles.rating_kvar)]
        limits = [self.voltage_min_pu, self.voltage_max_pu, self.branch_loading_max_pu]
        taps = [] if self.taps is None else [getattr(self.taps, f.name) for f in dataclasses.fields(self.taps)]
        for array in (*model, *limits, *taps, self.profiles.factor, *ratings):
            digest.update(str(np.shape(array)).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @functools.cached_property
    def _bus_position(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.bus_names)}

    @functools.cached_property
    def _branch_position(self) -> dict[str, int]:
        return {name: k for k, name in enumerate(self.branch_names)}


def _positions(what: str, names: Sequence[str], position: dict[str, int]) -> Index:
    for name in names:
        if name not in position:
            raise unknown_name(what, name, list(position))
    return np.array([position[name] for name in names], dtype=np.int64)
