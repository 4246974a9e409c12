"""Every number in an asset's model is used: perturbed, it changes the compiled problem, or acts where a table says."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.sparse import issparse

from dispatch import problem as problems
from dispatch.asset import Asset
from dispatch.assets.battery import Battery
from dispatch.signals import Horizon
from dispatch.solver.highs import Matrices
from dispatch.units.photovoltaics import Modules
from tests.unit.dispatch.assets import templates
from tests.unit.dispatch.assets.templates import ALL_KINDS, Template

Path = tuple[str | int, ...]

# Fields that bear on what a solve is given, not on the solve: where they act, and why they are not in the matrices.
_FORECAST = "sizes or turns the plant whose available power is forecast; a solve gets the forecast as a series"


def _needs(asset: Asset) -> object:
    return asset.needs


def _kvar(asset: Asset) -> object:
    return asset.kvar_per_kw


def _marginal(asset: Asset) -> object:
    day = Horizon.local_day(date(2024, 5, 6), "Europe/Berlin", 60)
    return asset.known(day)["marginal_intensity_kg_per_kwh"].tolist()


def _life(asset: Asset) -> object:
    assert isinstance(asset, Battery)
    return asset.ageing(np.array([0.8, 0.2, 0.8]), np.array([1.0, 1.0]))


ELSEWHERE: dict[tuple[str, str], tuple[Callable[[Asset], object], str]] = {
    **{(kind, name): (_needs, _FORECAST) for kind in ("pv", "direct_line") for name in Modules.model_fields},
    **{("pv", name): (_needs, _FORECAST) for name in ("peak_kw", "available_fraction", "capacity_history")},
    **{
        ("wind", name): (_needs, _FORECAST)
        for name in ("rated_kw", "count", "hub_height_m", "power_curve", "available_fraction", "capacity_history")
    },
    ("direct_line", "rated_kw"): (_needs, _FORECAST),
    ("grid_connection", "marginal_intensity_kg_per_kwh"): (
        _marginal,
        "a signal that accounts of what a decision adds are made with; a plan's carbon is that of the average",
    ),
    ("battery", "cell_temperature_degc"): (_life, "for the life that a finished plan is reported to use"),
    **{
        (kind, "power_factor"): (_kvar, "reactive power is for the AC check; the plan balances active power")
        for kind in ("load", "curtailable", "data_centre")
    },
}
# Data about data, never used in a calculation.
NOT_PHYSICAL = {"verified"}


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, float | bool]]:
    """Numbers inside nested dictionaries and lists, with their paths."""
    if isinstance(value, bool | int | float):
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


def put(value: Any, path: Path, number: float | bool) -> Any:
    """A copy of ``value`` with the number at ``path`` replaced."""
    if not path:
        return number
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(value[path[0]], path[1:], number)
    return copy


def is_numeric(annotation: Any) -> bool:
    """Does a field's annotation allow a number at its own level?"""
    if annotation in (float, int, bool):
        return True
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(is_numeric(inner) for inner in typing.get_args(annotation))
    return typing.get_origin(annotation) is typing.Annotated and is_numeric(typing.get_args(annotation)[0])


def same(one: Matrices, other: Matrices) -> bool:
    """Are two compiled problems equal in every number?"""
    if one.rows.shape != other.rows.shape or one.offset != other.offset:
        return False
    dense = [np.array_equal(getattr(one, n), getattr(other, n)) for n in ("cost", "row_lower", "row_upper")]
    bounds = [np.array_equal(getattr(one, n), getattr(other, n)) for n in ("col_lower", "col_upper", "integer")]
    return all(dense + bounds) and abs(one.rows - other.rows).max() == 0


class AtPoints:
    """A problem as it comes to at a few points instead of compiled, which takes twice as long as to build it.

    Attributes:
        told: what its variables may be, then the objective and every constraint at each point.
    """

    SCALES = (1.0, 1e3)

    def __init__(self, problem: Any) -> None:
        variables = sorted(problem.variables(), key=lambda one: one.id)
        rows = [[one.expr] if hasattr(one, "expr") else one.args for one in problem.constraints]
        parts = [problem.objective.args[0], *(part for row in rows for part in row)]
        told: list[Any] = [[(one.shape, _written(one.attributes)) for one in variables]]
        random = np.random.default_rng(1)
        for scale in self.SCALES:
            for one in variables:
                one.save_value(scale * random.uniform(-1, 1, one.shape))
            told.append([_written(np.round(part.value, 6) + 0.0) for part in parts])  # nothing that rounding has made
        self.told = told


def _written(value: Any) -> object:
    """As something that can be compared; what is no number is that, too."""
    if isinstance(value, dict):
        return {name: _written(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_written(inner) for inner in value]
    if value is None or isinstance(value, str):
        return value
    dense = np.asarray(value.toarray() if issparse(value) else value)
    assert dense.dtype != object, value
    return dense.shape, dense.tobytes()


@contextmanager
def uncompiled() -> Iterator[None]:
    """Problems that are built here are only looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems, "Compiled", AtPoints)
        yield


class Base:
    """A template's problem, to hold others against; compiled where that is asked for."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.told = self.told_of(None)

    def told_of(self, asset: dict[str, Any] | None) -> object:
        with uncompiled():
            return self.template.problem(asset).compiled.told

    @cached_property
    def matrices(self) -> Matrices:
        return self.template.problem().compiled.matrices()

    def is_told_from(self, asset: dict[str, Any]) -> bool:
        """Values that differ are of problems that differ; where they do not, the matrices must tell."""
        return self.told != self.told_of(asset)

    def is_other_than(self, asset: dict[str, Any]) -> bool:
        return not same(self.matrices, self.template.problem(asset).compiled.matrices())


def perturbations(template: Template, path: Path, number: float | bool) -> Iterator[dict[str, Any]]:
    """The asset with the number a little larger or smaller, as far as its model accepts it."""
    if isinstance(number, bool):
        candidates: list[Any] = [not number]
    elif isinstance(number, int):
        candidates = [number + 1, number - 1]
    else:
        candidates = [number * 1.03 + 1e-3, number * 0.97 - 1e-3, number * 1.5 + 1.0, number * 0.5]
    for candidate in candidates:
        asset = put(template.site().assets[0].model_dump(), path, candidate)
        try:
            template.site(asset)
        except ValidationError:
            continue
        yield asset


def acts(path: Path, places: list[tuple[Base, float | bool]]) -> bool:
    """Does some accepted change of the number change a problem?"""

    def changes() -> Iterator[tuple[Base, dict[str, Any]]]:
        for base, number in places:
            yield from ((base, asset) for asset in perturbations(base.template, path, number))

    return any(base.is_told_from(asset) for base, asset in changes()) or any(
        base.is_other_than(asset) for base, asset in changes()
    )


def numbers(kind: str) -> dict[Path, list[tuple[Template, float | bool]]]:
    """Paths to all numbers of a kind's templates, with the templates that have them."""
    found: dict[Path, list[tuple[Template, float | bool]]] = {}
    for template in templates.of(kind):
        asset = template.site().assets[0]
        set_fields = {k: v for k, v in asset.model_dump().items() if k in template.asset or k == "clean"}
        for path, number in leaves(set_fields):
            if path[-1] not in NOT_PHYSICAL:
                found.setdefault(path, []).append((template, number))
    return found


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_numeric_field_of_the_kind_is_set_in_its_templates(kind: str) -> None:
    fields = templates.cls_of(kind).model_fields
    numeric = {name for name, info in fields.items() if is_numeric(info.annotation)} - NOT_PHYSICAL
    tried = {path[0] for path in numbers(kind)}
    assert numeric - tried == set(), "set these fields in the kind's template, so that they are perturbed"


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_numeric_field_changes_the_compiled_problem_or_acts_elsewhere(kind: str) -> None:
    bases = {id(template): Base(template) for template in templates.of(kind)}
    for base in bases.values():
        assert base.told == base.told_of(None), "a problem must be told alike twice, or every field would seem to act"
    idle = []
    for path, places in numbers(kind).items():
        if (kind, str(path[0])) in ELSEWHERE:
            continue
        if not acts(path, [(bases[id(template)], number) for template, number in places]):
            idle.append(path)
    assert idle == [], (
        f"fields of '{kind}' that change nothing: use them, delete them, or say in ELSEWHERE where they act"
    )


@pytest.mark.parametrize(("kind", "name"), sorted(ELSEWHERE))
def test_a_field_that_acts_elsewhere_acts_there_and_only_there(kind: str, name: str) -> None:
    where, reason = ELSEWHERE[kind, name]
    assert reason
    template = next(t for t in templates.of(kind) if name in t.asset)
    asset = template.site().assets[0]
    for path, number in leaves(asset.model_dump()[name], (name,)):
        changed = next(perturbations(template, path, number))
        assert where(asset) != where(template.site(changed).assets[0]), path
    base = template.problem().compiled.matrices()
    assert same(base, template.problem(changed).compiled.matrices()), (
        "it acts on the problem too: take it off the table"
    )


def test_the_generators_forecast_from_weather_is_scaled_by_the_share_in_service() -> None:
    for template in (*templates.of("pv"), *templates.of("wind")):
        kind = template.asset["kind"]
        halved = template.asset | {"available_fraction": template.asset["available_fraction"] / 2}
        whole, half = (template.site(a).assets[0].needs[0] for a in (template.asset, halved))
        assert half.capacity_kw == pytest.approx(whole.capacity_kw / 2)
        assert whole.physics != half.physics, f"{kind}: weather would give the power of the whole plant"


def test_the_method_finds_a_field_that_does_nothing() -> None:
    """The comparison itself: equal problems are equal, and one number apart is apart."""
    (template,) = templates.of("cable")
    base, alike, apart = Base(template), template.site().assets[0].model_dump(), template.asset | {"rating_kw": 50.001}
    assert not base.is_told_from(alike)
    assert base.is_told_from(apart)
    assert not base.is_other_than(alike)
    assert base.is_other_than(apart)


def test_a_kind_without_a_template_fails_with_what_to_do() -> None:
    with pytest.raises(AssertionError, match="kind 'flywheel' has no template: add one"):
        templates.of("flywheel")


@pytest.mark.parametrize(("kind", "name"), sorted(ELSEWHERE))
def test_the_table_names_fields_that_exist(kind: str, name: str) -> None:
    assert name in templates.cls_of(kind).model_fields
