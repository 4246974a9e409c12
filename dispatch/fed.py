"""Prices and intensities that come from the park's archive: which a model names, in which unit, and filled in.

A park's file names a series; its values are known when a plan is made, differ from scenario to scenario, and reach the
model in two ways: filled into the fields that name the series, where one path is enough, and as input series
``feed:NAME`` of the asset, (scenario, step) in the series' own unit, for what counts each scenario by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from dispatch.asset import Asset, Inputs
from dispatch.fields.frozen import Frozen, rebuilt
from dispatch.fields.series import Feed, feed_unit
from dispatch.signals import Array, Horizon

F = TypeVar("F", bound=Frozen)
PREFIX = "feed:"


@dataclass(frozen=True)
class Spans:
    """Values of one series, each from a start to an end [s, UTC], in its own unit; (N,) each."""

    start_s: Array
    end_s: Array
    value: Array

    @classmethod
    def steps(cls, horizon: Horizon, values: Array) -> Spans:
        """One value for each step (T,)."""
        edges = horizon.edges.astype("datetime64[s]").astype(np.float64)
        return cls(edges[:-1], edges[1:], np.asarray(values, dtype=np.float64))

    def before(self, later: Spans) -> Spans:
        """These, as far as they are known and end by the start of others, and then those."""
        use = np.isfinite(self.value) & (self.end_s <= later.start_s[0])
        pairs = zip(
            (self.start_s[use], self.end_s[use], self.value[use]),
            (later.start_s, later.end_s, later.value),
            strict=True,
        )
        return Spans(*(np.concatenate(pair) for pair in pairs))


def feeds(model: object) -> dict[str, Feed]:
    """Every feed that a model or several name, by the name of its series; of two that differ the first with a way out.

    What stands in for missing values is the series', not the field's: the last resort is the same wherever it is read.
    """
    found: dict[str, Feed] = {}
    for feed in _each(model):
        kept = found.setdefault(feed.feed, feed)
        if kept.otherwise is None and feed.otherwise is not None:
            found[feed.feed] = feed
    return found


def _each(value: object) -> Iterator[Feed]:
    if isinstance(value, Feed):
        yield value
    elif isinstance(value, tuple):
        for entry in value:
            yield from _each(entry)
    elif isinstance(value, Frozen):
        for name in type(value).model_fields:
            yield from _each(getattr(value, name))


def filled(model: F, spans: Mapping[str, Spans]) -> F:
    """A copy of a model whose feeds hold these values, in the units of their fields; the same object without feeds."""

    def change(value: object, _path: str) -> Feed | None:
        return _held(value, spans[value.feed]) if isinstance(value, Feed) and value.feed in spans else None

    made: F = rebuilt(model, change)
    return made


def _held(feed: Feed, here: Spans) -> Feed:
    scale = feed_unit(feed.feed).scale * (feed.exchange_rate or 1.0)
    content = {"starts": here.start_s, "ends": here.end_s, "values": here.value * scale}
    return feed.model_copy(update={name: tuple(column.tolist()) for name, column in content.items()})


def series(assets: tuple[Asset, ...], horizon: Horizon, paths: Mapping[str, Array]) -> dict[tuple[str, str], Array]:
    """Input series (S, step) of all assets that read feeds, from the paths (S, T) of those in their own units."""
    found: dict[tuple[str, str], Array] = {}
    for asset in assets:
        mine = {name: paths[name] for name in feeds(asset) if name in paths}
        if not mine:
            continue
        count = max(len(values) for values in mine.values())
        known: list[dict[str, Array]] = []
        for number in range(count):
            path = {name: values[min(number, len(values) - 1)] for name, values in mine.items()}
            known.append(filled(asset, {n: Spans.steps(horizon, v) for n, v in path.items()}).known(horizon))
        found |= {(asset.name, name): np.vstack([each[name] for each in known]) for name in known[0]}
        found |= {(asset.name, f"{PREFIX}{name}"): values for name, values in mine.items()}
    return found


def owners(inputs: Inputs) -> frozenset[str]:
    """Names of the assets whose feeds the inputs say something of."""
    return frozenset(owner for owner, quantity in inputs.series if quantity.startswith(PREFIX))


def of_scenario(asset: F, name: str, inputs: Inputs, scenario: int) -> F:
    """An asset whose feeds hold what one scenario's inputs say; where they say nothing, what they held before."""
    said = {
        quantity.removeprefix(PREFIX): values
        for (owner, quantity), values in inputs.series.items()
        if owner == name and quantity.startswith(PREFIX)
    }
    spans = {n: Spans.steps(inputs.horizon, values[min(scenario, len(values) - 1)]) for n, values in said.items()}
    return filled(asset, spans) if spans else asset
