"""A plan as Arrow tables and Parquet files, with the unit of every column in its field's metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dispatch.accounts.carbon_sums import windows_of
from dispatch.schedule import Schedule
from dispatch.signals import Array, unit_of

if TYPE_CHECKING:
    import pyarrow as pa

_SYMBOL = {"kw": "kW", "kvar": "kvar", "kwh": "kWh", "per_kwh": "1/kWh", "h": "h"}
_HIDDEN = {"switch", "above_min_kw", "committed", "started", "stopped", "off"}
# How a store's reserve and its content are made up.
_HIDDEN |= {"less_charge_kw", "more_charge_kw", "less_discharge_kw", "more_discharge_kw"}
# Set-points of plant that turns one carrier into another or brings one onto the site.
FLOWS = frozenset({"fuel_kw", "ammonia_kw", "steam_kw", "hot_kw", "air_kw", "taken_kw", "bought_kw", "chilled_kw"})
FLOWS |= {"heating_kw", "cooling_kw", "reduced_kw", "rebound_kw", "to_dc_kw", "to_ac_kw", "it_kw", "sent_kw"}
_POWERS = {"power_kw", "charge_kw", "discharge_kw", "on", "heat_kw", "cold_kw", "import_kw", "export_kw"}
_RESERVES = {"reserve_up_kw", "reserve_down_kw", "own_use_kw", "sold_kw"}
SETPOINTS = FLOWS | _POWERS | _RESERVES | {"forward_kw", "backward_kw", "reactive_kvar"}
_SEGMENT = "segment_"
# One value per billing period or per horizon, which in a short horizon are as many as its steps.
_NOT_BY_STEP = {"peak_kw", "added_peak_kw", "short_kwh"}


def published(schedule: Schedule) -> dict[str, Array]:
    """``asset.series`` → (step,) of scenario 0: all that an operator would follow or look at."""
    steps = schedule.inputs.horizon.steps
    out: dict[str, Array] = {}
    for kind in schedule.kinds.values():
        for series, values in kind.series.items():
            if values.shape[-1] == steps and is_published(series):
                out |= {f"{m.name}.{series}": values[row] for row, m in enumerate(kind.rows.members)}
    return out | {f"{name}.reactive_kvar": values[0] for name, values in schedule.reactive_kvar.items()}


def setpoints(schedule: Schedule) -> dict[str, Array]:
    """``asset.series`` → (step,) of scenario 0: what is handed to plant."""
    return {n: values for n, values in published(schedule).items() if n.rsplit(".", maxsplit=1)[-1] in SETPOINTS}


def is_published(series: str) -> bool:
    """Would an operator follow it or look at it? Not what only makes up another series."""
    return is_shown(series) and not series.startswith(_SEGMENT)


def told(schedule: Schedule) -> list[str]:
    """What kinds say of the published path in words."""
    kinds = schedule.kinds.values()
    return [text for k in kinds for text in type(k.rows.members[0]).told(k.rows, schedule.inputs, k.series)]


def missed(schedule: Schedule) -> list[str]:
    """What the published path leaves undone, in the kinds' words."""
    kinds = schedule.kinds.values()
    return [text for k in kinds for text in type(k.rows.members[0]).missed(k.rows, schedule.inputs, k.series)]


def schedule_table(schedule: Schedule, currency: str) -> pa.Table:
    """One row per step: start (UTC), length and every asset's series of the published path."""
    import pyarrow as pa

    horizon = schedule.inputs.horizon
    columns: dict[str, tuple[Any, str]] = {
        "start": (pa.array(horizon.edges[:-1].astype("datetime64[s]"), pa.timestamp("s", tz="UTC")), "UTC"),
        "step_h": (pa.array(horizon.hours), "h"),
    }
    for name, values in published(schedule).items():
        columns[name] = (pa.array(values), _unit(name, currency))
    if schedule.price_per_kwh is not None:
        buses = next(iter(schedule.kinds.values())).rows.buses
        for bus, values in zip(buses, schedule.price_per_kwh[0], strict=True):
            columns[f"{bus}.local_price_per_kwh"] = (pa.array(values), f"{currency}/kWh")
    for name, values in _shadow_prices(schedule).items():
        columns[name] = (pa.array(values), f"{currency}/t")
    fields = [pa.field(name, array.type, metadata={"unit": unit}) for name, (array, unit) in columns.items()]
    return pa.Table.from_arrays([array for array, _ in columns.values()], schema=pa.schema(fields))


def _shadow_prices(schedule: Schedule) -> dict[str, Array]:
    """(step,) what a tonne more under each cap on emissions would save in the window of a step."""
    prices, out = schedule.shadow_price_per_t, {}
    for name, wish in ((name, wish) for name, wish in schedule.carbon.named_caps if name in prices):
        windows = windows_of(schedule.inputs.horizon, wish.over)
        out[f"site.shadow_carbon_price_per_t: {name}"] = windows @ prices[name]
    return out


def write(table: pa.Table, path: Path) -> None:
    """Parquet, the same bytes for the same table."""
    import pyarrow.parquet as pq

    pq.write_table(table, path, compression="zstd")


def _unit(name: str, currency: str) -> str:
    unit = unit_of(name.rsplit(".", maxsplit=1)[-1]) or ""
    return _SYMBOL.get(unit, "1").replace("1/kWh", f"{currency}/kWh")


def rounded(values: Array) -> tuple[float, ...]:
    """Values to a tenth of a watt, with −0 as 0: what a page and a person need."""
    return tuple((np.round(np.asarray(values, float), 4) + 0.0).tolist())


def by_step(series: str) -> bool:
    """Has a kind's series a value for every step? Others have one per billing period or horizon."""
    return series not in _NOT_BY_STEP


def is_shown(series: str) -> bool:
    """Would an operator look at it?"""
    return by_step(series) and series not in _HIDDEN
