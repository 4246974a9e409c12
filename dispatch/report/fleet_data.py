"""What a fleet's page shows: arrays over its sites, over steps and over iterations, with units in every name.

A site is an index in all arrays of :class:`FleetSites`; ``NaN`` means "not known" and is shown as a dash, never as
zero. Directions are in the names. The page sums and counts these arrays and computes nothing else of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dispatch.report.data import Line, Section, step_problems

Array = NDArray[np.float64]
Label = tuple[str, ...] | Array
"""One label over the sites: words, or numbers."""


@dataclass(frozen=True, eq=False)
class FleetSites:
    """N sites and what was planned for each; every array is (N,) unless it says otherwise.

    Attributes:
        name: of each site, all different.
        quality: rung of the ladder (``optimal`` … ``safe_state``).
        reason: why a site did not get the plan that was asked for; empty where it did.
        structure: which compiled problem it shares.
        cost: money of its plan over the horizon, without prices of shared limits.
        cost_alone: money of its own optimum if nothing were shared.
        cost_ruled: money without a plan, by rules.
        co2_kg, import_kwh, export_kwh, peak_import_kw: of its plan.
        charged: money that the prices of the shared limits charge it; negative where they pay it.
        gap: proved, as a share of its cost.
        seconds: of work on it.
        labels: master data, each over all sites.
        latitude_deg, longitude_deg: NaN where unknown.
        net_import_kw: (N, T); for the small picture of each site. None: not kept.
    """

    name: tuple[str, ...]
    quality: tuple[str, ...]
    cost: Array
    co2_kg: Array
    import_kwh: Array
    export_kwh: Array
    peak_import_kw: Array
    reason: tuple[str, ...] = ()
    structure: tuple[str, ...] = ()
    cost_alone: Array | None = None
    cost_ruled: Array | None = None
    charged: Array | None = None
    gap: Array | None = None
    seconds: Array | None = None
    labels: Mapping[str, Label] = field(default_factory=dict)
    latitude_deg: Array | None = None
    longitude_deg: Array | None = None
    net_import_kw: Array | None = None

    def __len__(self) -> int:
        return len(self.name)


@dataclass(frozen=True, eq=False)
class SharedUse:
    """A shared limit, product or budget and what the fleet makes of it.

    Attributes:
        name: such as ``feeder 7``.
        unit: of ``used`` and both limits: kW per step, or kg, kWh … over the horizon.
        used: (T,) per step, or (1,) over the horizon.
        lower, upper: like ``used``; −inf and inf where there is no limit.
        price: like ``used``; money per unit (per kWh where the unit is kW) that one more of the limit would save.
        missed: like ``used``; by how much it is not kept.
        sites: how many sites take part.
        what: a sentence, where the name does not say enough.
    """

    name: str
    unit: str
    used: Array
    lower: Array
    upper: Array
    price: Array | None = None
    missed: Array | None = None
    sites: int | None = None
    what: str = ""


@dataclass(frozen=True, eq=False)
class FleetBounds:
    """Bounds of a coordination by iteration, (I,) each; −inf or NaN where an iteration has none.

    Attributes:
        lower: proved: no plan of the fleet costs less [money].
        upper: cost of the best plan so far [money].
        seconds: since the start, at the end of each iteration.
        gap: certified at the end, as a share.
        gap_wanted: at which it was to stop.
        stopped: why it stopped.
    """

    lower: Array
    upper: Array
    seconds: Array
    gap: float
    gap_wanted: float | None = None
    stopped: str = ""


@dataclass(frozen=True, eq=False)
class FleetData:
    """All that the page needs. Raises ``ValueError`` naming everything that does not fit together.

    Attributes:
        title: such as ``Fleet plan``.
        fleet: its name.
        power: stacks by kind of plant over all sites, per step [kW, ≥ 0]: ``supply`` upwards, ``use`` downwards.
        bounds: None: sites were planned on their own.
        settings: words for the head: executor, workers, commitment.
        work: (what, text) of the run: wall time, seconds per site, workers that died and the like.
        sections: what further studies add (flexibility, bids, settlement).
    """

    title: str
    fleet: str
    day: str
    time_zone: str
    currency: str
    step_start: tuple[str, ...]
    step_h: tuple[float, ...]
    sites: FleetSites
    supply: tuple[Line, ...] = ()
    use: tuple[Line, ...] = ()
    shared: tuple[SharedUse, ...] = ()
    bounds: FleetBounds | None = None
    settings: tuple[str, ...] = ()
    work: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problems = [*step_problems(self.step_start, self.step_h), *_problems(self)]
        if problems:
            raise ValueError("a fleet's data do not fit together:\n  " + "\n  ".join(problems))


_PER_SITE = ("cost", "co2_kg", "import_kwh", "export_kwh", "peak_import_kw")
_PERHAPS = ("cost_alone", "cost_ruled", "charged", "gap", "seconds", "latitude_deg", "longitude_deg")


def _problems(data: FleetData) -> Iterator[str]:
    yield from _site_problems(data.sites, len(data.step_h))
    for line in (*data.supply, *data.use):
        if len(line.values) != len(data.step_h):
            yield f"power of {line.name!r}: {len(line.values)} values, wanted {len(data.step_h)}"
        if any(value < 0 for value in line.values if math.isfinite(value)):
            yield f"power of {line.name!r} is negative: its direction says where it goes"
    for one in data.shared:
        for name in ("used", "lower", "upper", "price", "missed"):
            values = getattr(one, name)
            if values is not None and values.shape not in ((len(data.step_h),), (1,)):
                yield f"shared {one.name!r}, {name}: shape {values.shape}, wanted ({len(data.step_h)},) or (1,)"
            elif values is not None and values.shape != one.used.shape:
                yield f"shared {one.name!r}, {name}: shape {values.shape}, used has {one.used.shape}"
    if data.bounds is not None:
        sizes = {name: getattr(data.bounds, name).shape for name in ("lower", "upper", "seconds")}
        if len(set(sizes.values())) > 1:
            yield f"bounds: {', '.join(f'{name} {shape}' for name, shape in sizes.items())} differ"


def _site_problems(sites: FleetSites, steps: int) -> Iterator[str]:
    count = len(sites)
    if len(set(sites.name)) != count:
        twice = sorted({name for name in sites.name if sites.name.count(name) > 1}) if count < 1000 else ["some"]
        yield f"sites are named twice: {', '.join(twice[:5])}"
    for name in (*_PER_SITE, *_PERHAPS):
        values = getattr(sites, name)
        if values is not None and values.shape != (count,):
            yield f"sites, {name}: shape {values.shape}, wanted ({count},)"
    for name in ("quality", "reason", "structure"):
        words = getattr(sites, name)
        if len(words) != count and not (name != "quality" and len(words) == 0):
            yield f"sites, {name}: {len(words)} values, wanted {count}"
    for name, label in sites.labels.items():
        if len(label) != count:
            yield f"sites, label {name!r}: {len(label)} values, wanted {count}"
    if sites.net_import_kw is not None and sites.net_import_kw.shape != (count, steps):
        yield f"sites, net_import_kw: shape {sites.net_import_kw.shape}, wanted ({count}, {steps})"
