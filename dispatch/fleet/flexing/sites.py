"""Site by site: what is possible at the connection, the plan in it, and what moving away from it costs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Inputs, Mode
from dispatch.errors import DataError
from dispatch.fleet.members import structure_of
from dispatch.flexibility import (
    Envelope,
    Flexibility,
    Priced,
    SiteDevices,
    behind,
    program_envelope,
    share,
    site_devices,
    stacked,
    together,
)
from dispatch.flexibility.joint import Program, is_met, share_programs
from dispatch.flexibility.programs import NET, PENALTY, Apart, keeping_wishes, net_columns, penalties
from dispatch.problem import Problem
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.solve import recall, solve
from dispatch.terms.measures import by_name

_EVENING = 18


@dataclass(frozen=True)
class SiteFlexibility:
    """One site.

    Attributes:
        site: whose.
        devices: its assets in closed form, and those that have none.
        envelope: bands at its connection, one row, within the connection's limits.
        plan_kw: (T,) net draw of its cheapest plan.
        offers: blocks beside the plan, with costs; None where they were not asked for.
        answer_kw: (T,) how the net draw changes where the cheapest block up of the evening hour is called: the rebound.
    """

    site: Site
    devices: SiteDevices
    envelope: Envelope
    plan_kw: Array
    offers: Flexibility | None
    answer_kw: Array

    @property
    def how(self) -> str:
        """What the bands come from."""
        return "devices" if self.devices.whole else "problem"


@dataclass(frozen=True)
class FleetFlexibility:
    """All sites over one horizon."""

    horizon: Horizon
    sites: tuple[SiteFlexibility, ...]

    @property
    def rows(self) -> Envelope:
        """A row per site."""
        return stacked([one.envelope for one in self.sites])

    @property
    def plan_kw(self) -> Array:
        """(T,) net draw of all plans."""
        return np.asarray(np.sum([one.plan_kw for one in self.sites], axis=0))

    @property
    def offers(self) -> Flexibility | None:
        """All sites' blocks in one merit order."""
        found = [one.offers for one in self.sites if one.offers is not None]
        return together(found) if found else None

    @property
    def answer_kw(self) -> Array:
        """(T,) how the net draw of all changes where each site's cheapest block up of the evening hour is called."""
        return np.asarray(np.sum([one.answer_kw for one in self.sites], axis=0))

    @property
    def currency(self) -> str:
        """In which costs are; of several, named all."""
        return ", ".join(sorted({one.site.currency for one in self.sites}))


Known = tuple[Site, Inputs]
"""A site and what is known of it in one scenario."""


def flexibility_of(
    sites: Sequence[Known],
    *,
    blocks: int = 6,
    dearest_per_kwh: float | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> FleetFlexibility:
    """Bands, plans and prices of all sites.

    Args:
        sites: each with inputs of one scenario, over the same steps.
        blocks: of cost per step and direction; 0: none are looked for.
        dearest_per_kwh: what costs more is no offer; by default, what costs half of the least value of lost load, which
            leaves out shedding.
        progress: told what is being done.

    Raises:
        DataError: there is no site, their steps differ, or what is known of one does not fit it.
    """
    if not sites:
        raise DataError("the fleet has no site; accepted: one or more")
    horizon = sites[0][1].horizon
    made, templates = [], _Templates()
    for site, inputs in sites:
        if not np.array_equal(inputs.horizon.edges, horizon.edges):
            raise DataError(f"'{site.name}' is planned over other steps than '{sites[0][0].name}'; accepted: the same")
        progress(f"flexibility of {site.name}")
        try:
            made.append(_site(site, inputs, templates, blocks, dearest_per_kwh))
        except DataError as error:
            raise DataError(f"'{site.name}': {error}") from error
    return FleetFlexibility(horizon, tuple(made))


def _site(site: Site, inputs: Inputs, templates: _Templates, blocks: int, dearest: float | None) -> SiteFlexibility:
    devices, problem = site_devices(site, inputs), templates.problem(site, inputs)
    schedule = solve(problem)
    priced = Priced.of(problem, schedule)
    if devices.whole:
        envelope = devices.envelope()
    else:
        wished = templates.problem(site, inputs, _WITH_WISHES)
        matrices = keeping_wishes(wished, schedule)
        envelope = program_envelope(matrices, net_columns(wished), inputs.horizon.hours, site.name)
    highest = shedding_per_kwh(site) if dearest is None else dearest
    offers = priced.curve(blocks=blocks, dearest_per_kwh=highest) if blocks else None
    return SiteFlexibility(site, devices, envelope, priced.plan_kw, offers, _answer(priced, offers, inputs.horizon))


def evening(horizon: Horizon) -> int:
    """The step that begins with or after 18:00, or the middle one: which call is shown as an example."""
    late = [step for step, start in enumerate(horizon.local_start) if start.hour >= _EVENING]
    return late[0] if late else horizon.steps // 2


def _answer(priced: Priced, offers: Flexibility | None, horizon: Horizon) -> Array:
    step = evening(horizon)
    if offers is None or not offers.up_kw[0, step]:
        return np.zeros(horizon.steps)
    return priced.answer(step, -float(offers.up_kw[0, step])).net_kw - priced.plan_kw


def shedding_per_kwh(site: Site) -> float | None:
    """A price that only shedding load passes."""
    values = [getattr(asset, "value_of_lost_load_per_kwh", None) for asset in site.assets]
    return min((value / 2 for value in values if value), default=None)


_ALONE = (NET,)
_WITH_WISHES = (NET, PENALTY)


class _Templates:
    """A compiled problem of each structure, for one site after the other."""

    def __init__(self) -> None:
        self._problems: dict[Hashable, Problem] = {}

    def problem(self, site: Site, inputs: Inputs, measures: tuple[str, ...] = _ALONE) -> Problem:
        """With the site's data; the last one's are gone."""
        key = (structure_of(site), site.planning.commitment, site.planning.formulation, measures)
        if key in self._problems:
            self._problems[key].update(inputs, site=site)
        else:
            mode = Mode(site.planning.commitment, formulation=site.planning.formulation)
            own = by_name(measures, {PENALTY: penalties})
            self._problems[key] = Problem(site, inputs, mode, template=True, measures=own)
        return self._problems[key]


@dataclass(frozen=True)
class Disaggregated:
    """A profile shared among sites.

    Attributes:
        names: (N,) sites.
        hours, asked_kw: (T,).
        net_kw: (N, T) net draw of each site.
        devices: (name, (T,) power) of each device, where sites are all devices.
        missed_kwh: (T,).
        reasons: why something is missed.
        how: devices or problems.
    """

    names: tuple[str, ...]
    hours: Array
    asked_kw: Array
    net_kw: Array
    devices: tuple[tuple[str, Array], ...]
    missed_kwh: Array
    reasons: tuple[str, ...]
    how: str

    @property
    def feasible(self) -> bool:
        """Is nothing missed? Rounding apart."""
        return is_met(self.missed_kwh, self.asked_kw)


def disaggregated(sites: Sequence[Known], profile_kw: Array, *, cheapest: bool = False) -> Disaggregated:
    """Share a profile among sites.

    Sites that are devices alone share it evenly by exchanges, behind their connections. With ``cheapest``, or where a
    site has plant without a closed form, all sites' problems stand side by side and the split is the cheapest.

    Args:
        sites: each with inputs of one scenario, over the same steps.
        profile_kw: (T,) net draw of all together.
        cheapest: by the sites' own prices.
    """
    found = [site_devices(site, inputs) for site, inputs in sites]
    horizon, names = sites[0][1].horizon, tuple(site.name for site, _ in sites)
    hours = horizon.hours
    if not cheapest and all(one.whole for one in found):
        devices, connections = behind(found)
        made = share(devices, profile_kw, behind=connections)
        each = tuple(zip(devices.names, made.power_kw, strict=True))
        reasons = tuple(f"the profile {refusal.told(horizon)}" for refusal in made.refusals)
        net = connections.sums(made.power_kw)
        return Disaggregated(names, hours, made.asked_kw, net, each, made.missed_kwh, reasons, "devices")
    templates = _Templates()
    programs = [_program(site, inputs, templates) for site, inputs in sites]
    prices = [price for site, _ in sites if (price := shedding_per_kwh(site)) is not None]
    # No load is shed for a profile.
    shared = share_programs(programs, hours, profile_kw, missed_per_kwh=min(prices, default=None))
    reasons = () if shared.feasible else (f"{shared.missed_kwh.sum():.6g} kWh are beyond what the sites can do",)
    return Disaggregated(names, hours, shared.asked_kw, shared.net_kw, (), shared.missed_kwh, reasons, "problems")


def _program(site: Site, inputs: Inputs, templates: _Templates) -> Program:
    problem = templates.problem(site, inputs)
    recall(problem, solve(problem))
    point, net = np.nan_to_num(problem.point()), net_columns(problem)
    return Program(site.name, problem.compiled.matrices(), net, point, Apart.of(problem))
