"""Networks by name: SimBench, pandapower's own cases, pandapower's files, a park's own feeder.

SimBench data: S. Meinecke et al., SimBench, Energies 13(12):3290, 2020, doi:10.3390/en13123290; licence ODbL
1.0, to be attributed wherever its results are shown.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import warnings
from pathlib import Path
from typing import Any

import yaml

from grid_models.convert import to_network
from grid_models.cross_check import assert_engines_agree
from grid_models.errors import GridError, unknown_name
from grid_models.feeder import read_feeder
from grid_models.network import Network

__all__ = ["Network", "load"]

_ACCEPTED = "'simbench:<code>', 'pandapower:<function>', 'file:<path>.json|.xlsx' or 'feeder:<path>.yaml'"


def load(spec: str) -> Network:
    """Load a network and prove that both engines solve it alike.

    spec: "simbench:<code>" (for example "simbench:1-MV-semiurb--0-sw"), "pandapower:<function of
    pandapower.networks>" with its arguments if there are any (for example
    "pandapower:create_cigre_network_mv?with_der=all"), "file:<path>" of a pandapower .json or .xlsx file or
    "feeder:<path>" of a park's own feeder (``feeder``).

    Raises GridError for an unknown name (lists the closest ones), a missing file or extra, and a network that
    cannot be used. Networks by name are kept in memory: the second call is free. Files are read again.
    """
    kind, colon, name = spec.partition(":")
    if not colon or kind not in ("simbench", "pandapower", "file", "feeder"):
        raise GridError(f"unknown network {spec!r}: accepted is {_ACCEPTED}")
    if kind in ("file", "feeder"):
        return _finish(spec, (_from_file if kind == "file" else read_feeder)(Path(name)), ())
    return _named(kind, name)


@functools.lru_cache(maxsize=8)
def _named(kind: str, name: str) -> Network:
    spec = f"{kind}:{name}"
    if kind == "pandapower":
        return _finish(spec, _from_pandapower(name), ())
    return _finish(spec, _from_simbench(name), ("network and profiles: SimBench, www.simbench.de, licence ODbL 1.0",))


def _finish(spec: str, net: Any, notes: tuple[str, ...]) -> Network:
    network = to_network(net, spec, (*notes, *_ignored_tap_note(net)))
    return dataclasses.replace(network, notes=(*network.notes, *assert_engines_agree(network)))


def _from_simbench(code: str) -> Any:
    try:
        import simbench
    except ImportError:
        raise GridError("SimBench networks need the package simbench: pip install 'parkwatt[simbench]'") from None
    codes = simbench.collect_all_simbench_codes()
    if code not in codes:
        raise unknown_name("SimBench code", code, codes)
    net = simbench.get_simbench_net(code)
    set_ratio_taps(net)
    return net


def set_ratio_taps(net: Any) -> None:
    """Say what SimBench means: its taps change the ratio.

    pandapower ≥ 3 ignores a tap whose ``tap_changer_type`` is empty, as SimBench leaves it (its issue 69):
    .0157 p.u. of error.
    """
    net.trafo["tap_changer_type"] = net.trafo["tap_changer_type"].astype(object).where(_has_tap_type(net), "Ratio")


def _has_tap_type(net: Any) -> Any:
    kind = net.trafo["tap_changer_type"]
    return kind.notna() & (kind.astype(str) != "None")


def _ignored_tap_note(net: Any) -> tuple[str, ...]:
    if "tap_changer_type" not in net.trafo:
        return ()
    off_neutral = (net.trafo["tap_pos"] - net.trafo["tap_neutral"]).fillna(0.0) != 0.0
    names = [str(n) for n in net.trafo["name"][off_neutral & ~_has_tap_type(net)]]
    return (f"transformers {', '.join(names)}: tap position ignored, tap_changer_type is empty",) if names else ()


def _from_pandapower(call: str) -> Any:
    import pandapower.networks

    name, _, query = call.partition("?")
    valid = sorted(n for n, f in inspect.getmembers(pandapower.networks, inspect.isfunction) if _needs_nothing(f))
    if name not in valid:
        raise unknown_name("pandapower network", name, valid)
    function = getattr(pandapower.networks, name)
    arguments = _arguments(function, query)
    with warnings.catch_warnings():
        # pandapower warns about the age of its own stored networks; the user can do nothing about it.
        warnings.filterwarnings("ignore", "tap_dependency_table is missing", DeprecationWarning)
        try:
            net = function(**arguments)
        except Exception as error:  # whatever the function raises for a value, the user needs to know which call
            raise GridError(f"pandapower.networks.{name} does not accept {query!r}: {error}") from error
    if not isinstance(net, pandapower.pandapowerNet):
        raise GridError(f"pandapower.networks.{name} does not return one network")
    return net


def _arguments(function: Any, query: str) -> dict[str, Any]:
    """Keyword arguments from ``with_der=all&length=0.5``; true, false and numbers are what they look like."""
    plain = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    valid = [p.name for p in inspect.signature(function).parameters.values() if p.kind in plain]
    given: dict[str, Any] = {}
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise GridError(f"argument {part!r} of pandapower.networks.{function.__name__}: accepted is <name>=<value>")
        if name not in valid:
            raise unknown_name(f"argument of pandapower.networks.{function.__name__}", name, valid)
        if name in given:
            raise GridError(f"argument {name!r} of pandapower.networks.{function.__name__} is given twice")
        given[name] = yaml.safe_load(value)
    return given


def _needs_nothing(function: Any) -> bool:
    """Whether a function is one of pandapower's networks and can be called without arguments."""
    parameters = inspect.signature(function).parameters.values()
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return (
        function.__module__.startswith("pandapower.networks") and not function.__name__.startswith("_") and not required
    )


def _from_file(path: Path) -> Any:
    if path.suffix not in (".json", ".xlsx"):
        matpower = path.suffix in (".m", ".mat")
        how = (
            "; pandapower.converter.from_mpc reads a case of MATPOWER, pandapower.to_json saves it" if matpower else ""
        )
        raise GridError(f"network file {str(path)!r}: accepted are .json and .xlsx of pandapower{how}")
    if not path.is_file():
        raise GridError(f"network file {str(path.absolute())!r} does not exist")
    import pandapower

    try:
        net = pandapower.from_json(str(path)) if path.suffix == ".json" else pandapower.from_excel(str(path))
    except Exception as error:  # pandapower raises many kinds for a broken file; the user needs the file's name
        raise GridError(f"network file {str(path)!r} cannot be read by pandapower: {_reason(error)}") from error
    if not isinstance(net, pandapower.pandapowerNet):
        raise GridError(f"network file {str(path)!r} holds no pandapower network")
    return net


def _reason(error: BaseException) -> str:
    """What went wrong first: pandapower then tries older formats, which fail for another reason."""
    while error.__context__ is not None:
        error = error.__context__
    if isinstance(error, ValueError | OSError):
        return str(error)
    return f"it is no network as pandapower saves it ({type(error).__name__}: {error})"
