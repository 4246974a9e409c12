"""One tenant asks for what another has, over every route of the document."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.topics.service.isolation.matrix import matrix
from benchmarks.topics.service.isolation.world import rich
from benchmarks.topics.service.tenants import isolation
from tests.unit.dispatch.service.served import Api


def test_what_another_tenant_has_is_answered_like_what_nobody_has(tmp_path: Path) -> None:
    """Without jobs done; with them it is a row of the benchmarks, and the slow test below."""
    found = isolation(tmp_path, whole=False)
    assert found.wrong == []
    assert found.compared >= 60


@pytest.mark.slow
def test_and_so_it_is_after_a_market_day(tmp_path: Path) -> None:
    found = isolation(tmp_path, whole=True)
    assert (found.wrong, found.absent) == ([], [])
    assert found.compared >= 80


@pytest.mark.slow
def test_the_matrix_sees_what_is_not_kept_apart(api: Api) -> None:
    """A tenant that is let in to its own things stands for one that is let in to another's."""
    world = rich(api.served, api.client, whole=False)
    found = matrix(api.served, world, world)
    assert len(found.differences) > 30
    assert found.leaks != []
    assert found.changed != []
