"""Bills of metered powers: one tariff for the months that a meter has seen, or several of them side by side.

::

    from dispatch.measured.bills import agreed, bill, read_meter

    terms = agreed("beijing_two_part_2024", time_zone="Asia/Shanghai", contracted_kva=2000)
    bill(terms, read_meter("meter.csv", terms.time_zone)).by_month()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import ValidationError

from dispatch.assets.grid_connection import GridConnection
from dispatch.config.documents import read_document
from dispatch.config.mistakes import field_problems, near_miss
from dispatch.config.park import find_config, load_site
from dispatch.config.signal_files import with_files
from dispatch.errors import ConfigError, DataError
from dispatch.signals import Array, Horizon
from dispatch.tariff import Carried, Line, Tariff

Unit = Literal["W", "kW", "MW", "kWh", "MWh"]
_MOST_KW = 1e9
"""A thousand gigawatts: meters that lost their value give the largest number of its type."""
_SCALE: dict[Unit, float] = {"W": 1e-3, "kW": 1.0, "MW": 1e3, "kWh": 1.0, "MWh": 1e3}


@dataclass(frozen=True)
class Agreed:
    """What a bill is made by.

    Attributes:
        time_zone: in which its months, days and hours are meant.
        contracted_kva: capacity that is contracted.
    """

    tariff: Tariff
    time_zone: str
    contracted_kva: float = 0.0


@dataclass(frozen=True)
class Metered:
    """Mean powers of a connection, (T,) each; reactive power where it is metered."""

    horizon: Horizon
    import_kw: Array
    export_kw: Array
    import_kvar: Array | None = None

    def half_months(self) -> Iterator[str]:
        """Months that the meter has not seen as a whole, for people."""
        starts, end = self.horizon.local_start, self.horizon.local_end[-1]
        for month in sorted(set(self.horizon.month)):
            first = datetime(*month, 1, tzinfo=starts[0].tzinfo)
            after = (first + timedelta(days=32)).replace(day=1)
            seen = max(starts[0], first), min(end, after)
            if seen != (first, after):
                yield (
                    f"{first:%Y-%m} was metered from {seen[0]:%d %b %H:%M} to {seen[1]:%d %b %H:%M} only: "
                    "monthly prices are of the whole month, energy is of what was metered"
                )


@dataclass(frozen=True)
class Bill:
    """Lines of a bill.

    Attributes:
        name: of the tariff.
        lines: by component and month (day, year).
    """

    name: str
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """All money."""
        return float(sum(line.money for line in self.lines))

    def by_month(self) -> dict[str, dict[str, float]]:
        """Money by month and component; what is billed by the year stands under the year."""
        out: dict[str, dict[str, float]] = {}
        for line in self.lines:
            month = out.setdefault(line.period[:7], {})
            month[line.component] = month.get(line.component, 0.0) + line.money
        return dict(sorted(out.items()))


def agreed(
    config: str | Path,
    *,
    connection: str | None = None,
    time_zone: str | None = None,
    contracted_kva: float | None = None,
) -> Agreed:
    """The tariff of a park's connection, or a tariff by itself.

    Args:
        config: a park or a tariff: a file, or the name of one that ships.
        connection: which of the park's, where it has several.
        time_zone: default: the park's; a tariff by itself has none.
        contracted_kva: default: that of the connection.

    Raises:
        ConfigError: it is neither, or describes no valid one.
        DataError: there is no such connection, or a tariff stands without a time zone or its contracted capacity.
    """
    path = _found(config)
    raw = read_document(path, str(config)).raw
    if "components" in raw:
        terms = _of_tariff(path, str(config), raw, time_zone or "")
        made = Agreed(terms, time_zone or "", contracted_kva or 0.0)
        if not time_zone:
            raise DataError(f"{config} is a tariff and has no time zone. Accepted: such as Europe/Berlin")
    else:
        site = load_site(config)
        one = _connection([a for a in site.assets if isinstance(a, GridConnection)], connection, site.name)
        kva = one.contracted_kva if contracted_kva is None else contracted_kva
        made = Agreed(one.tariff, time_zone or site.time_zone, kva)
    by_kva = [c.name for c in made.tariff.components if c.rebate or c.basis == "capacity"]
    if by_kva and not made.contracted_kva:
        raise DataError(f"{config}: component '{by_kva[0]}' counts by contracted kVA, and none are given")
    return made


def _found(config: str | Path) -> Path:
    try:
        return find_config(config, "tariffs")
    except ConfigError as error:
        try:
            return find_config(config, "parks")
        except ConfigError:
            raise error from None


def _of_tariff(path: Path, name: str, raw: dict[str, Any], time_zone: str) -> Tariff:
    try:
        made, problems = with_files(Tariff.model_validate(raw), path.parent, time_zone or "UTC")
    except ValidationError as error:
        raise ConfigError(name, list(field_problems(error, raw, Tariff))) from None
    if problems:
        raise ConfigError(name, problems)
    return made


def _connection(found: Sequence[GridConnection], name: str | None, site: str) -> GridConnection:
    names = [one.name for one in found]
    if name is None and len(found) == 1:
        return found[0]
    if name not in names:
        asked = f"no connection '{name}'" if name else f"{len(found)} connections, of which one is meant"
        raise DataError(f"{site} has {asked}. Accepted: {near_miss(name or '', names)}")
    return found[names.index(name)]


def read_meter(
    file: str | Path,
    time_zone: str,
    *,
    column: str = "import_kw",
    export_column: str | None = None,
    kvar_column: str | None = None,
    time_column: str | None = None,
    stamp: Literal["start", "end"] = "start",
    unit: Unit = "kW",
) -> Metered:
    """A CSV or Parquet file of a meter, without gaps.

    Args:
        file: with a column of times; those without an offset are local.
        time_zone: IANA name.
        column: what was bought; where no column says what was sold, what is below zero was.
        export_column: what was sold. Default: export_kw, where the file has one.
        kvar_column: reactive power, or reactive energy of each step where the unit is one of energy.
        time_column: default: the first.
        stamp: does a time mark the start or the end of its step?
        unit: of powers, or of the energy of each step.

    Raises:
        DataError: the file cannot be read, a value is missing or negative.
    """
    import pandas as pd

    from forecasting.errors import ForecastError
    from forecasting.importing.files import read_series, read_table

    path = Path(file)
    try:
        sold = export_column or ("export_kw" if "export_kw" in read_table(path).columns else None)
        names = [column, *([sold] if sold else []), *([kvar_column] if kvar_column else [])]
        series = [read_series(path, name, time_column=time_column, time_zone=time_zone, stamp=stamp) for name in names]
    except ForecastError as error:
        raise DataError(str(error)) from error
    step = pd.Timedelta(series[0].index[1] - series[0].index[0])
    starts = pd.DatetimeIndex(series[0].index) - (step if stamp == "end" else pd.Timedelta(0))
    edges = np.append(starts.as_unit("s").asi8, (starts[-1] + step).timestamp()).astype(np.int64)
    horizon = Horizon(edges.astype("datetime64[s]"), time_zone)
    scale = _SCALE[unit] / (step.total_seconds() / 3600 if unit.endswith("Wh") else 1.0)
    flows = [one.to_numpy(dtype=np.float64) * scale for one in series]
    for name, values in zip(names, flows, strict=True):
        _require_whole(path, name, values, horizon, below_zero=sold is None or name == kvar_column)
    exported = flows[1] if sold else np.maximum(-flows[0], 0.0)
    return Metered(horizon, np.maximum(flows[0], 0.0), exported, flows[-1] if kvar_column else None)


def _require_whole(path: Path, name: str, values: Array, horizon: Horizon, *, below_zero: bool) -> None:
    """Every step has a value: a bill of half a month's steps would look like that of a month."""
    gaps = np.flatnonzero(~np.isfinite(values))
    if gaps.size:
        at = horizon.local_start[gaps[0]]
        raise DataError(
            f"{path}: '{name}' is missing in {gaps.size} steps, first at {at:%Y-%m-%d %H:%M}: fill the gaps"
        )
    wild = np.flatnonzero(np.abs(values) > _MOST_KW)
    if wild.size:
        at = horizon.local_start[wild[0]]
        raise DataError(
            f"{path}: '{name}' is {values[wild[0]]:g} at {at:%Y-%m-%d %H:%M}, which no meter counts. "
            f"Accepted: {_MOST_KW:g} or less; an estimate in its place"
        )
    negative = np.flatnonzero(values < 0)
    if negative.size and not below_zero:
        at = horizon.local_start[negative[0]]
        raise DataError(f"{path}: '{name}' is {values[negative[0]]:g} at {at:%Y-%m-%d %H:%M}. Accepted: 0 or more")


def bill(
    terms: Agreed, metered: Metered, *, power_factor: float | None = None, past_peaks_kw: Sequence[float] = ()
) -> Bill:
    """The bill of what a meter has seen.

    Args:
        power_factor: stands for reactive power that is not metered.
        past_peaks_kw: of the months before the meter's first, newest first, for ratchets.

    Raises:
        DataError: the tariff has no price in some step, changes inside one, or needs a power factor that is not known.
    """
    horizon = metered.horizon
    if horizon.time_zone != terms.time_zone:
        horizon = Horizon(horizon.edges, terms.time_zone)
    terms.tariff.prices(horizon)  # a step without a price is an error there, and free on a bill
    past = dict.fromkeys(terms.tariff.peak_names, tuple(past_peaks_kw))
    carried = Carried(past_peaks_kw=past, contracted_kva=terms.contracted_kva)
    lines = terms.tariff.bill(
        horizon,
        metered.import_kw,
        metered.export_kw,
        carried=carried,
        import_kvar=metered.import_kvar,
        power_factor=power_factor,
    )
    return Bill(terms.tariff.name, terms.tariff.currency, tuple(lines))


def compared(bills: Sequence[Bill]) -> dict[str, list[float]]:
    """By month, the money of each bill; in the order of the bills.

    Raises:
        DataError: they are not in one currency.
    """
    money = sorted({one.currency for one in bills})
    if len(money) > 1:
        raise DataError(f"bills in {' and '.join(money)} cannot be compared. Accepted: tariffs in one currency")
    months = [{month: sum(parts.values()) for month, parts in one.by_month().items()} for one in bills]
    return {name: [each.get(name, 0.0) for each in months] for name in sorted(set().union(*months))}


def zone_is_known(name: str) -> bool:
    """Is it the name of a time zone?"""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
