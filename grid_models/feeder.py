"""A park's own feeder in a small YAML file: busbars, the network upstream, transformers and cables by their type.

::

    name: park feeder
    buses:
      - {name: substation, voltage_kv: 110}
      - {name: park, voltage_kv: 10, voltage_min_pu: 0.95, voltage_max_pu: 1.05}
      - {name: hall, voltage_kv: 10}
    source: {bus: substation, voltage_pu: 1.02, short_circuit_mva: 2500}
    transformers:
      - {name: T1, high_bus: substation, low_bus: park, type: "25 MVA 110/10 kV", tap: -1}
      - {name: T2, high_bus: substation, low_bus: park, rated_kva: 20000, short_circuit_percent: 10.5, load_loss_kw: 84,
         no_load_loss_kw: 18, tap_step_percent: 1.25, tap_steps: 8}
    lines:
      - {name: C1, from_bus: park, to_bus: hall, type: "NA2XS2Y 1x240 RM/25 6/10 kV", length_km: 0.8, parallel: 2}
      - {name: C2, from_bus: park, to_bus: hall, length_km: 0.8, r_ohm_per_km: 0.13, x_ohm_per_km: 0.11,
         ampacity_a: 417, capacitance_nf_per_km: 450}
    loads:
      - {bus: hall, load_kw: 300, load_kvar: 100}

``type`` is a standard type of pandapower. A transformer may state the numbers of its plate instead: rated power,
short-circuit voltage and losses under load, both at rated current, losses and current without load (0 if left out),
rated voltages (those of its buses if left out), and a tap changer on its high side by the width of a step and how many
there are to either side. A line may state its own resistance, reactance, ampacity and capacitance (0 if left out)
instead, each of one of its ``parallel`` systems, r and x at the conductor's temperature in use. ``open: true``
switches a line off (an open ring), ``loading_max_pu`` limits a line or transformer. The source is an ideal voltage
behind the impedance U²/S of its short-circuit power S, which is why its bus sags under load; that impedance appears as
a branch, "upstream of <bus>", whose loading is the share of S. ``loads`` are customers other than the park, at constant
power.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from grid_models.errors import GridError, unknown_name
from grid_models.feeder_entries import OWN, OWN_NEEDED, Bus, Entry, Line, Load, Source, Transformer

_Kind = TypeVar("_Kind", bound=BaseModel)

UPSTREAM = "upstream of "

# Nominal voltages [kV] that the classes of pandapower's line types are built for.
_CLASS_KV = {"LV": (0.0, 1.0), "MV": (1.0, 60.0), "HV": (60.0, math.inf)}
# Rated voltages of a transformer type against those of its buses.
_RATING_SPREAD = 1.15


_LISTS: Mapping[str, type[Entry]] = {"buses": Bus, "transformers": Transformer, "lines": Line, "loads": Load}
_BUS_FIELDS = {
    "source": ("bus",),
    "transformers": ("high_bus", "low_bus"),
    "lines": ("from_bus", "to_bus"),
    "loads": ("bus",),
}


def read_feeder(path: Path) -> Any:
    """The pandapower net of a feeder file.

    Raises GridError that lists every mistake with its path in the file, the value there and what is accepted.
    """
    raw = _raw(path)
    entries, mistakes = _entries(raw)
    mistakes += list(_cross(entries))
    if mistakes:
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise GridError("\n  ".join([f"feeder {str(path)!r} has {count}:", *mistakes]))
    return _net(str(raw.get("name", path.stem)), entries)


class _Loader(yaml.SafeLoader):
    """A key written twice is a mistake: YAML would drop the first silently."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (where, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is written twice", where.start_mark)
        return super().construct_mapping(node, deep)


def _raw(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(path.read_text(encoding="utf-8-sig"), _Loader)
    except OSError as error:
        raise GridError(f"feeder {str(path.absolute())!r}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise GridError(f"feeder {str(path)!r} is no YAML: {error}") from None
    if not isinstance(raw, dict):
        raise GridError(
            f"feeder {str(path)!r} is no mapping; 'buses', 'source', 'transformers' and 'lines' are expected"
        )
    return raw


def _entries(raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Entries by their path, and what is wrong with each by itself."""
    known = ("name", "source", *_LISTS)
    mistakes = [f"{key}: is not known; accepted are {', '.join(known)}" for key in raw if key not in known]
    found: dict[str, Any] = {}
    places: list[tuple[str, type[Entry], Any]] = [("source", Source, raw.get("source"))]
    for key, kind in _LISTS.items():
        listed = raw.get(key, [])
        if not isinstance(listed, list):
            mistakes.append(f"{key}: is {listed!r}; a list is needed")
            continue
        places += [(f"{key}[{k}]", kind, entry) for k, entry in enumerate(listed)]
    for path, kind, entry in places:
        try:
            found[path] = kind.model_validate(entry)
        except ValidationError as error:
            mistakes += [_told(path, kind, one) for one in error.errors()]
            found[path] = _readable(kind, entry, {one["loc"][0] for one in error.errors() if one["loc"]})
    if not raw.get("buses"):
        mistakes.append("buses: is missing; at least the bus of the source is needed")
    return found, mistakes


def _readable(kind: type[Entry], entry: Any, wrong: set[Any]) -> Entry:
    """What can be used of an entry with mistakes to look for others: None stands for what is wrong or missing."""
    given = entry if isinstance(entry, dict) else {}
    usable = {key: value for key, value in given.items() if key in kind.model_fields and key not in wrong}
    lacking = [key for key, field in kind.model_fields.items() if key in wrong or field.is_required()]
    return kind.model_construct(**{**dict.fromkeys(lacking), **usable})


def _told(path: str, kind: type[Entry], error: Any) -> str:
    where = ".".join([path, *map(str, error["loc"])])
    if error["type"] == "missing":
        return f"{where}: is missing"
    if error["type"] == "extra_forbidden":
        return f"{where}: is not known; accepted are {', '.join(kind.model_fields)}"
    if not error["loc"]:
        needed = ", ".join(name for name, field in kind.model_fields.items() if field.is_required())
        return f"{where}: is {error['input']!r}; a mapping with at least {needed} is needed"
    return f"{where}: is {error['input']!r}; {error['msg'][0].lower()}{error['msg'][1:]}"


def _cross(entries: dict[str, Any]) -> Iterator[str]:
    """Names that point nowhere or twice, types that do not exist or do not fit their voltage."""
    listed: list[Any] = list(_of(entries, Bus))  # Any, here and below: what is wrong in itself is None
    buses = {bus.name: bus for bus in listed if bus.name is not None}
    yield from _repeated(entries)
    for path, entry in entries.items():
        for field in _BUS_FIELDS.get(path.partition("[")[0], ()):
            name = getattr(entry, field)
            if name is not None and name not in buses:
                yield f"{path}.{field}: {unknown_name('bus', name, list(buses))}"
        if isinstance(entry, Bus):
            low, high = entry.voltage_min_pu, entry.voltage_max_pu
            if None not in (low, high) and low >= high:
                yield f"{path}.voltage_min_pu: is {low:g}; below voltage_max_pu, {high:g}, is needed"
        elif isinstance(entry, Line):
            yield from _line(path, entry, buses)
        elif isinstance(entry, Transformer):
            yield from _transformer(path, entry, buses)


def _repeated(entries: dict[str, Any]) -> Iterator[str]:
    for groups in (("buses",), ("lines", "transformers")):
        seen: dict[str, str] = {}
        for path, entry in entries.items():
            if path.partition("[")[0] in groups and entry.name is not None:
                if entry.name in seen:
                    yield f"{path}.name: {entry.name!r} is the name of {seen[entry.name]} too"
                seen.setdefault(entry.name, path)


def _line(path: str, line: Any, buses: dict[str, Any]) -> Iterator[str]:
    types = _types("line")
    yield from _own_numbers(path, line, "line")
    if line.r_ohm_per_km == line.x_ohm_per_km == 0.0:
        yield f"{path}.x_ohm_per_km: is 0, r_ohm_per_km too; a line needs an impedance"
    if line.type and line.type not in types:
        yield f"{path}.type: {unknown_name('line type', line.type, list(types))}"
    if line.from_bus == line.to_bus is not None:
        yield f"{path}.to_bus: is {line.to_bus!r}, from_bus too; two buses are needed"
    ends = [buses[bus] for bus in (line.from_bus, line.to_bus) if bus in buses]
    kv = sorted({bus.voltage_kv for bus in ends if bus.voltage_kv is not None})
    if len(kv) > 1:
        yield f"{path}: joins buses of {kv[0]:g} and {kv[1]:g} kV; a line joins buses of one voltage"
    elif kv and line.type in types:
        low, high = _CLASS_KV[types[line.type]["voltage_rating"]]
        if not low <= kv[0] <= high:
            yield (
                f"{path}.type: {line.type!r} is built for {low:g} to {high:g} kV, its buses have {kv[0]:g} kV; "
                f"accepted are {', '.join(repr(t) for t, of in types.items() if _fits(of, kv[0]))}"
            )


def _own_numbers(path: str, entry: Any, what: str) -> Iterator[str]:
    """An entry has a type or numbers of its own, not both. ``type`` is "" where it is not given, None if wrong."""
    needed = OWN_NEEDED[type(entry)]
    given = [name for name in OWN[type(entry)] if name in entry.model_fields_set]
    if entry.type and given:
        yield f"{path}.{given[0]}: stands beside type {entry.type!r}; accepted is one of both"
    elif entry.type == "" and not given:
        yield f"{path}.type: is missing; accepted are a standard type, or {', '.join(needed)} of the {what}'s own"
    elif entry.type == "":
        for name in needed:
            if name not in given:
                yield f"{path}.{name}: is missing, beside {given[0]}"


def _fits(of: Mapping[str, Any], kv: float) -> bool:
    low, high = _CLASS_KV[of["voltage_rating"]]
    return low <= kv <= high


def _transformer(path: str, transformer: Any, buses: dict[str, Any]) -> Iterator[str]:
    types = _types("trafo")
    yield from _own_numbers(path, transformer, "transformer")
    yield from _plate(path, transformer)
    if transformer.type and transformer.type not in types:
        yield f"{path}.type: {unknown_name('transformer type', transformer.type, list(types))}"
    ends = [buses[bus] for bus in (transformer.high_bus, transformer.low_bus) if bus in buses]
    kv = [bus.voltage_kv for bus in ends if bus.voltage_kv is not None]
    of = types.get(transformer.type) if transformer.type else _rated(transformer, kv)
    if of is None:
        return
    if transformer.tap is not None and not of["tap_min"] <= transformer.tap <= of["tap_max"]:
        yield f"{path}.tap: is {transformer.tap}; {of['tap_min']} to {of['tap_max']} is accepted"
    if len(kv) == 2 and not _near(kv, of):
        where, what = (".type", f"{transformer.type!r}") if transformer.type else ("", "a transformer")
        swapped = "; high_bus and low_bus are swapped" if _near(kv[::-1], of) else ""
        yield (
            f"{path}{where}: {what} stands between buses of {kv[0]:g} and {kv[1]:g} kV, a rating of "
            f"{of['vn_hv_kv']:g}/{of['vn_lv_kv']:g} kV does not fit{swapped}"
        )
    elif len(kv) == 2 and not transformer.type and kv[0] < kv[1]:
        yield f"{path}.high_bus: has {kv[0]:g} kV, low_bus {kv[1]:g} kV; they are swapped"


def _plate(path: str, transformer: Any) -> Iterator[str]:
    """Numbers of a plate that contradict each other."""
    rated, loss, short = transformer.rated_kva, transformer.load_loss_kw, transformer.short_circuit_percent
    if None not in (rated, loss, short) and 100.0 * loss / rated >= short:
        yield (
            f"{path}.load_loss_kw: is {loss:g}, {100.0 * loss / rated:.3g} % of {rated:g} kVA; less than "
            f"short_circuit_percent, {short:g}, is needed"
        )
    if (transformer.tap_step_percent is None) != (transformer.tap_steps is None):
        lacking = "tap_steps" if transformer.tap_steps is None else "tap_step_percent"
        yield f"{path}.{lacking}: is missing; a tap changer has tap_step_percent and tap_steps to either side"


def _rated(transformer: Any, kv: list[float]) -> dict[str, Any] | None:
    """Voltages and taps of a transformer by its plate; None where not even its buses are known."""
    if len(kv) < 2:
        return None
    steps = transformer.tap_steps or 0
    return {
        "vn_hv_kv": transformer.high_kv or kv[0],
        "vn_lv_kv": transformer.low_kv or kv[1],
        "tap_min": -steps,
        "tap_max": steps,
    }


def _near(kv: list[float], of: Mapping[str, Any]) -> bool:
    rated = (of["vn_hv_kv"], of["vn_lv_kv"])
    return all(max(a / b, b / a) <= _RATING_SPREAD for a, b in zip(kv, rated, strict=True))


def _types(kind: str) -> dict[str, dict[str, Any]]:
    import pandapower

    return dict(pandapower.create_empty_network().std_types[kind])


def _net(name: str, entries: dict[str, Any]) -> Any:
    import pandapower as pp

    net = pp.create_empty_network(name=name)
    at: dict[str, int] = {}
    for bus in _of(entries, Bus):
        at[bus.name] = int(
            pp.create_bus(net, bus.voltage_kv, bus.name, min_vm_pu=bus.voltage_min_pu, max_vm_pu=bus.voltage_max_pu)
        )
    for trafo in _of(entries, Transformer):
        _create_transformer(net, trafo, at)
    for line in _of(entries, Line):
        both = {
            "name": line.name, "parallel": line.parallel, "max_loading_percent": 100.0 * line.loading_max_pu,
            "in_service": not line.open,
        }  # fmt: skip
        ends = at[line.from_bus], at[line.to_bus], line.length_km
        if line.type:
            pp.create_line(net, *ends, line.type, **both)
        else:
            pp.create_line_from_parameters(
                net, *ends, line.r_ohm_per_km, line.x_ohm_per_km, line.capacitance_nf_per_km or 0.0,
                (line.ampacity_a or 0.0) / 1e3, **both,
            )  # fmt: skip
    for load in _of(entries, Load):
        pp.create_load(net, at[load.bus], load.load_kw / 1e3, load.load_kvar / 1e3)
    _create_source(net, entries["source"], at)
    return net


def _create_transformer(net: Any, trafo: Transformer, at: Mapping[str, int]) -> None:
    """Of a type, or by its plate: r from the losses under load, x from what is left of the short-circuit voltage."""
    import pandapower as pp

    high, low = at[trafo.high_bus], at[trafo.low_bus]
    both = {
        "name": trafo.name, "tap_pos": trafo.tap, "parallel": trafo.parallel,
        "max_loading_percent": 100.0 * trafo.loading_max_pu,
    }  # fmt: skip
    if trafo.type:
        pp.create_transformer(net, high, low, trafo.type, **both)
        return
    rated_kva, of = trafo.rated_kva or 0.0, _rated(trafo, [float(net.bus.at[bus, "vn_kv"]) for bus in (high, low)])
    if trafo.tap_steps:
        both |= {"tap_changer_type": "Ratio", "tap_side": "hv", "tap_neutral": 0}
    pp.create_transformer_from_parameters(
        net, high, low, sn_mva=rated_kva / 1e3, vk_percent=trafo.short_circuit_percent or 0.0,
        vkr_percent=100.0 * (trafo.load_loss_kw or 0.0) / rated_kva, pfe_kw=trafo.no_load_loss_kw or 0.0,
        i0_percent=trafo.no_load_current_percent or 0.0, tap_step_percent=trafo.tap_step_percent or 0.0,
        **(of or {}), **both,
    )  # fmt: skip


def _create_source(net: Any, source: Source, at: dict[str, int]) -> None:
    import pandapower as pp

    bus = at[source.bus]
    kv = float(net.bus.at[bus, "vn_kv"])
    ideal = pp.create_bus(net, kv, f"{UPSTREAM}{source.bus} (ideal)", min_vm_pu=0.5, max_vm_pu=1.5)
    pp.create_ext_grid(net, ideal, source.voltage_pu)
    ohm = kv**2 / source.short_circuit_mva
    x_ohm = ohm / math.hypot(1.0, source.resistance_over_reactance)
    pp.create_line_from_parameters(
        net, ideal, bus, length_km=1.0, r_ohm_per_km=x_ohm * source.resistance_over_reactance, x_ohm_per_km=x_ohm,
        c_nf_per_km=0.0, max_i_ka=source.short_circuit_mva / (math.sqrt(3.0) * kv), name=f"{UPSTREAM}{source.bus}",
    )  # fmt: skip


def _of(entries: dict[str, Any], kind: type[_Kind]) -> list[_Kind]:
    return [entry for entry in entries.values() if isinstance(entry, kind)]
