"""Sites of one structure with other numbers, and whether two sets of matrices are the same to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from dispatch.fleet.members import Member, structure_of
from dispatch.site import Site
from dispatch.solver.highs import Matrices
from tests.unit.dispatch.assets.templates import Template


def differing(template: Template, count: int = 4) -> list[Member]:
    """The template's park and some like it: one of the asset's numbers changed in each, and all series."""
    site = template.site()
    made = [_member(site, template, 0)]
    for name, value in template.asset.items():
        if len(made) >= count:
            break
        other = _shifted(value)
        if other is None or name == "name":
            continue
        try:
            changed = template.site(template.asset | {name: other})
        except ValueError:
            continue
        if structure_of(changed) == structure_of(site):
            made.append(_member(changed, template, len(made)))
    made.append(_member(site, template, len(made)))
    return made


def _shifted(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value * 0.97


def _member(site: Site, template: Template, number: int) -> Member:
    inputs = template.inputs(site)
    own = {key: values for key, values in inputs.series.items() if key in template.series}
    scaled = {key: values * (1 - 0.01 * number) for key, values in own.items()}
    return Member(site.model_copy(update={"name": f"site_{number}"}), scaled)


def same(one: Matrices, other: Matrices) -> list[str]:
    """What differs between two sets of matrices."""
    names = ("cost", "offset", "row_lower", "row_upper", "col_lower", "col_upper", "integer")
    apart = [name for name in names if not np.array_equal(getattr(one, name), getattr(other, name))]
    parts = ("data", "indices", "indptr")
    return apart + [name for name in parts if not np.array_equal(getattr(one.rows, name), getattr(other.rows, name))]
