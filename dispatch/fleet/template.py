"""One compiled problem of a structure, from which any number of its sites are instantiated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from dispatch.asset import Mode
from dispatch.errors import ContractError, NotATemplateError
from dispatch.fleet.joined import Joined
from dispatch.fleet.members import Member, structure_of
from dispatch.fleet.parameters import Parameters
from dispatch.fleet.reduction import Reduction
from dispatch.fleet.rowwise import row_by_row
from dispatch.fleet.stack import Stack, of_parameters
from dispatch.problem import Problem
from dispatch.signals import Horizon
from dispatch.site import Site
from dispatch.solver.highs import Matrices
from dispatch.terms.measures import Measure, by_name

# Sites whose coefficients are made in one call: more no longer fit the processor's cache, and take longer each.
_BLOCK = 250
QUANTITIES = ("net_import_kw", "co2_kg")


class Template:
    """A problem with ratings as parameters, and a column for each quantity that others limit or price.

    Args:
        member: a site of the structure; which one makes no difference to the matrices' pattern.
        horizon: the steps.
        quantities: names of ``dispatch.terms.measures.MEASURES``, or of ``measures``.
        mode: how commitment is decided; by default as the site asks.
        measures: further quantities by name.

    Raises:
        NotATemplateError: the structure has a term whose ratings cannot be parameters.

    Attributes:
        quantities: their names.
        at: by quantity, its columns, (T,) or (1,).
        row_by_row: kinds whose coefficients of many sites come from one call.
    """

    def __init__(
        self,
        member: Member,
        horizon: Horizon,
        quantities: Sequence[str] = QUANTITIES,
        *,
        mode: Mode | None = None,
        measures: Mapping[str, Measure] = MappingProxyType({}),
    ) -> None:
        self.horizon, self.quantities = horizon, tuple(quantities)
        self.member, self.structure = member, structure_of(member.site)
        self.problem = _of_many(member, horizon, mode or mode_of(member.site), by_name(self.quantities, measures))
        compiled = self.problem.compiled
        self.at: Mapping[str, np.ndarray] = {
            name: compiled.columns(one.variable).ravel() for name, one in self.problem.measured.items()
        }
        self.reduction = Reduction.of(compiled)
        self.row_by_row = row_by_row(member, horizon)

    def stack(self, members: Sequence[Member]) -> Stack:
        """The members' problems.

        Raises:
            ContractError: a member is of another structure.
            DataError: a series that a member needs is missing; the message names the site.
        """
        for member in members:
            if structure_of(member.site) != self.structure:
                raise ContractError(f"'{member.name}' has another structure than '{self.member.name}'")
        parts = (members[first : first + _BLOCK] for first in range(0, len(members), _BLOCK))
        blocks = [self._parameters(Joined.of(part, self.horizon)) for part in parts]
        return self._stack(Parameters.together(blocks), members)

    def joined(self, joined: Joined) -> Stack:
        """The problems of a batch whose coefficients may be wanted again."""
        return self._stack(self._parameters(joined), joined.members)

    def _parameters(self, joined: Joined) -> Parameters:
        return Parameters.of(self.problem, joined, self.row_by_row)

    def _stack(self, values: Parameters, members: Sequence[Member]) -> Stack:
        return of_parameters(self.problem, self.reduction, values, tuple(member.name for member in members))

    def single(self, member: Member) -> Matrices:
        """One member's matrices by the problem itself, reduced alike: what a stack's are held against."""
        self.problem.update(member.inputs(self.horizon), site=member.site)
        return self.reduction.apply(self.problem.compiled.matrices())


def _of_many(member: Member, horizon: Horizon, mode: Mode, measures: Mapping[str, Measure]) -> Problem:
    inputs = member.inputs(horizon)
    try:
        return Problem(member.site, inputs, mode, template=True, measures=measures)
    except ContractError as error:
        Problem(member.site, inputs, mode, measures=measures)  # what is wrong with plain ratings too is a bug
        raise NotATemplateError(
            f"'{member.name}': no problem serves several sites of its structure, since ratings would multiply "
            f"parameters ({error})"
        ) from error


def mode_of(site: Site) -> Mode:
    """How the site asks for its commitment to be decided."""
    return Mode(site.planning.commitment, formulation=site.planning.formulation)
