"""Linear models of a network behind one interface, whichever of three ways their slopes come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grid_models.errors import GridError, unknown_name
from grid_models.injections import Injections
from grid_models.lindistflow import lindistflow
from grid_models.network import Network
from grid_models.ptdf import ptdf
from grid_models.sensitivities import sensitivities
from grid_models.slopes import LinearModel, Predicted, Slopes, Source

__all__ = ["LinearModel", "Predicted", "Slopes", "Source", "linearise"]

_Maker = Callable[[Network, Injections, Injections | None, tuple[str, ...]], LinearModel]
_MAKERS: dict[str, _Maker] = {"lindistflow": lindistflow, "ptdf": ptdf, "sensitivities": sensitivities}


def linearise(
    network: Network,
    injections: Injections,
    background: Injections | None,
    buses: Sequence[str],
    source: Source = "sensitivities",
) -> LinearModel:
    """The network to first order around ``injections``, in all of their steps.

    source  "sensitivities": the derivatives of the AC power flow at its solution. "lindistflow": radial networks,
            without any power flow. "ptdf": loadings as in the DC power flow, for meshed networks.

    Raises GridError for an unknown source or bus, a bus that is not in ``injections`` exactly once, and a network
    that does not suit the source.
    """
    if source not in _MAKERS:
        raise unknown_name("source of slopes", source, list(_MAKERS))
    buses = tuple(buses)
    network.bus_index(buses)
    for name in buses:
        if (count := injections.bus.count(name)) != 1:
            raise GridError(
                f"bus {name!r} must appear exactly once in the injections, found {count}; sum its parts first"
            )
    return _MAKERS[source](network, injections, background, buses)
