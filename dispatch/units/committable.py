"""Plant that may have a minimum load, ramps and start costs; whole numbers only for that which has need of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from dispatch.asset import Inputs, Rows
from dispatch.fields.frozen import Fraction, Positive
from dispatch.signals import Array, Horizon
from dispatch.units import ramping
from dispatch.units.commitment import Committed, holding

_SERVED_KW = 0.01


class Committable(Committed):
    """Plant that is always on unless there is a reason to decide that.

    Reasons are a minimum load, start costs, minimum times. Plant without any stays linear (u = 1), and where all plant
    of a kind is such, there are no u, v, w at all. Without a ramp there are no rows for it
    (:mod:`dispatch.units.ramping`).

    Class attributes:
        load_before: field with the load just before the start; None there: the first step is free of ramps.
    """

    min_load_fraction: Fraction = Field(default=0.0, description="least load while on, as a share of the rating")
    ramp_fraction_per_h: Positive | None = Field(
        default=None, description="fastest change of the load, as a share of the rating per hour"
    )

    load_before: ClassVar[str] = "load_before_kw"

    @model_validator(mode="after")
    def _whole_number_fields_have_a_use(self) -> Self:
        defaults = {name: type(self).model_fields[name].default for name in ("must_run", "on_before_h")}
        idle = [name for name, default in defaults.items() if getattr(self, name) not in (0, default)]
        if idle and not self.is_committed:
            reasons = "min_load_fraction, start_cost or a minimum time"
            raise ValueError(f"{idle[0]} says nothing of plant that is always on: give {reasons}")
        return self

    @property
    def is_committed(self) -> bool:
        """Is there a reason to decide whether it is on?"""
        reasons = (self.min_load_fraction, self.start_cost, self.start_tiers, self.min_up_h, self.min_down_h)
        return any(reasons)

    @property
    def structure(self) -> tuple[object, ...]:
        """Those of commitment, whether there is any, and whether there is a ramp."""
        return (*super().structure, self.is_committed, self.ramp_fraction_per_h is None)

    @classmethod
    def free(cls, rows: Rows[Self]) -> Array:
        """(row, 1) 1 for plant that is always on."""
        return 1 - rows.field("is_committed")

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of commitment where any plant has it; what has none must run."""
        if cls.free(rows).all():
            return {}
        values = super().ratings(rows, horizon)
        held = np.maximum(values["must_run"], cls.free(rows))
        return values | {"must_run": np.where(rows.standing(horizon), 0.0, held)}

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of commitment where any plant has it; what has none was on."""
        if cls.free(rows).all():
            return {}
        values = super().signals(rows, inputs)
        return values | {"was_on": np.maximum(values["was_on"], cls.free(rows))}

    @classmethod
    def ramps(cls, rows: Rows[Self], inputs: Inputs, least: Array, most: Array) -> dict[str, Array]:
        """Coefficients of the ramps between moving limits."""
        return ramping.signals(rows, inputs, (least, most), *cls.before(rows, inputs))

    @classmethod
    def before(cls, rows: Rows[Self], inputs: Inputs) -> tuple[Array, Array]:
        """(row, 1) on just before the start, and the load then, NaN where nobody says."""
        was_on = np.maximum(rows.state(inputs, "on_before_h") > 0, cls.free(rows))
        return was_on, rows.state(inputs, cls.load_before)

    @classmethod
    def pattern(cls, rows: Rows[Self], given: Inputs, on: Array) -> tuple[np.ndarray, np.ndarray]:
        """Starts and stops; plant that is always on has none."""
        starts, stops = super().pattern(rows, given, on)
        held = cls.free(rows) > 0
        return starts & ~held, stops & ~held

    @classmethod
    def complete(cls, rows: Rows[Self], given: Inputs, values: dict[str, Array]) -> dict[str, Array]:
        """Starts and stops, where anything is decided of them."""
        return values if cls.free(rows).all() else super().complete(rows, given, values)

    @classmethod
    def on_of(cls, series: Mapping[str, Array], like: Array) -> Array:
        """(row, step) on/off as whole numbers; 1 where nothing is decided."""
        return np.round(series.get("on", np.ones_like(like)))

    @classmethod
    def carried(
        cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array], steps: int, load: Array
    ) -> dict[str, dict[str, float]]:
        """Hours on or off, and the load of the last of ``steps`` steps."""
        state = super().carry(rows, given, series, steps) if "on" in series else {}
        last = load[:, steps - 1]
        return {m.name: state.get(m.name, {}) | {cls.load_before: float(last[i])} for i, m in enumerate(rows.members)}

    @classmethod
    def walked(
        cls, rows: Rows[Self], given: Inputs, wanted: Array, least: Array, most: Array
    ) -> tuple[Array, dict[str, Array]]:
        """(row, step) load as near to ``wanted`` as limits allow, with on/off, one for all scenarios, if decided."""
        shape = (rows.scenarios, len(rows.members), -1)
        asked = ((wanted > _SERVED_KW) & (wanted >= least - 1e-6)).reshape(shape).any(axis=0)
        held = np.maximum(rows.field("must_run"), cls.free(rows))
        held = np.maximum(held, holding(rows, given))
        asked = np.maximum(np.tile(asked, (rows.scenarios, 1)).astype(float), held)
        load, on = ramping.walked(rows, given, wanted, asked, (least, most), cls.before(rows, given))
        return load, {} if cls.free(rows).all() else {"committed": on}

    @classmethod
    def remembers(cls, rows: Rows[Self]) -> bool:
        """Does any plant have a state: on or off, or a ramp?"""
        return bool(not cls.free(rows).all() or ramping.ramped(rows).size)
