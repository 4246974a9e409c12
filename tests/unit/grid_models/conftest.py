"""Networks, loaded once: importing pandapower and reading SimBench take most of these tests' time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grid_models.library import load
from grid_models.network import Network
from grid_models.power_flow import Injections


@pytest.fixture(scope="session")
def semiurb_and_source() -> tuple[Network, Any]:
    """The SimBench network and the net that simbench returned for it, not read twice: it takes seconds."""
    import simbench

    read: list[Any] = []
    original = simbench.get_simbench_net
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simbench, "get_simbench_net", lambda code: read.append(original(code)) or read[-1])
        network = load("simbench:1-MV-semiurb--0-sw")
    return network, read[0]


@pytest.fixture(scope="session")
def semiurb(semiurb_and_source: tuple[Network, Any]) -> Network:
    return semiurb_and_source[0]


@pytest.fixture(scope="session")
def cigre() -> Network:
    return load("pandapower:create_cigre_network_mv")


@pytest.fixture(scope="session")
def case33() -> Network:
    return load("pandapower:case33bw")


@pytest.fixture
def cigre_net() -> Any:
    """A fresh pandapower net of CIGRE MV, to be changed."""
    import pandapower.networks

    return pandapower.networks.create_cigre_network_mv()


@pytest.fixture(scope="session")
def inject() -> Callable[..., Injections]:
    """inject({bus: kW or list of kW}) → Injections without reactive power."""

    def of(p_kw: dict[str, Any]) -> Injections:
        rows = np.array([np.atleast_1d(v) for v in p_kw.values()], dtype=float).reshape(len(p_kw), -1)
        return Injections(tuple(p_kw), rows, np.zeros_like(rows))

    return of
