"""A flex-context of FlexMeasures as a connection with its tariff, and what else stands behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dispatch.service.flexmeasures.quantities import (
    Refused,
    duration,
    moment,
    number,
    power_kw,
    price,
    price_unit,
    unknown,
)
from dispatch.service.flexmeasures.sources import Source, Span, measured, referred, the_sensor

UNDERSTOOD = (
    "consumption-price", "consumption-price-sensor", "production-price", "production-price-sensor",
    "site-power-capacity", "site-consumption-capacity", "site-production-capacity", "site-peak-consumption",
    "site-peak-consumption-price", "inflexible-device-sensors", "inflexible-consumption", "inflexible-production",
    "relax-constraints",
)  # fmt: skip
_BREACH = "limits here are kept wherever a plan can keep them, and what is passed otherwise is named"
_WHY = {
    **{f"{name}-breach-price": _BREACH for name in (
        "site-consumption", "site-production", "consumption", "production", "soc-minima", "soc-maxima")},
    **{f"relax-{name}-constraints": _BREACH for name in ("soc", "capacity", "site-capacity")},
    "commitments": "deviations from a baseline are not priced by this door",
    "aggregate-power": "the sum is not recorded; add up what each sensor's schedule says",
    "site-peak-production-price": "our tariffs bill peaks of what is taken from the grid",
    "site-peak-production": "our tariffs bill peaks of what is taken from the grid",
}  # fmt: skip
# How much dearer the last step is than the first where charging early is preferred, as a share of the highest price:
# more than a solver's tolerance, and less than money that anybody counts.
SOONER = 1e-5
_MOST_SENSORS = 50


@dataclass(frozen=True)
class Context:
    """What a flex-context says.

    Attributes:
        currency: of all prices.
        buying, selling: money per kWh in each step.
        import_kw, export_kw: limits in each step; None: there is none.
        peak: price per kW above what has been reached, and what that is; None: peaks cost nothing.
        net_kw: what inflexible devices consume together, less what they give.
    """

    currency: str
    buying: Sequence[float]
    selling: Sequence[float]
    import_kw: Sequence[float] | None
    export_kw: Sequence[float] | None
    peak: tuple[float, float] | None
    net_kw: Sequence[float]

    @property
    def most_kw(self) -> float | None:
        """The tightest import limit of any step."""
        limits = [min(limit) for limit in (self.import_kw, self.export_kw) if limit is not None and min(limit) > 0]
        return max(limits, default=None)


def context(asked: Mapping[str, Any], pointer: str, span: Span, source: Source) -> Context:
    """Read a flex-context.

    Raises:
        Refused: something in it cannot be said in our kinds, or has no value.
    """
    unknown(list(asked), UNDERSTOOD, pointer, _WHY)
    if asked.get("relax-constraints", True) is not True:
        raise Refused(f"{pointer}/relax-constraints", f"{_BREACH}; accepted: true")
    reader = _Reader(asked, pointer, span, source)
    bought, currency = reader.prices("consumption-price")
    if bought is None:
        raise Refused(f"{pointer}/consumption-price", "what a kWh costs is missing")
    sold, other = reader.prices("production-price")
    if sold is not None and other != currency:
        raise Refused(f"{pointer}/production-price", f"in {other}, beside a consumption-price in {currency}")
    both = reader.limit("site-power-capacity")
    return Context(
        currency=currency,
        buying=bought,
        selling=bought if sold is None else sold,
        import_kw=_tighter(both, reader.limit("site-consumption-capacity")),
        export_kw=_tighter(both, reader.limit("site-production-capacity")),
        peak=reader.peak(currency),
        net_kw=reader.inflexible(),
    )


def _tighter(one: list[float] | None, other: list[float] | None) -> list[float] | None:
    if one is None or other is None:
        return other if one is None else one
    return [min(a, b) for a, b in zip(one, other, strict=True)]


@dataclass(frozen=True)
class _Reader:
    asked: Mapping[str, Any]
    pointer: str
    span: Span
    source: Source

    def prices(self, name: str) -> tuple[list[float] | None, str]:
        """Money per kWh in each step, and its currency; None where the context has no such price."""
        old, where = f"{name}-sensor", f"{self.pointer}/{name}"
        if old in self.asked:
            if name in self.asked:
                raise Refused(f"{self.pointer}/{old}", f"beside {name}; accepted: one of the two")
            return self._sensor_price(self.asked[old], f"{self.pointer}/{old}")
        value = self.asked.get(name)
        if value is None:
            return None, ""
        if isinstance(value, Mapping):
            return self._sensor_price(referred(value, where), where)
        if isinstance(value, list):
            return self._price_spans(value, where)
        amount, currency = price(value, where)
        return [amount] * self.span.count, currency

    def _sensor_price(self, sensor_id: Any, where: str) -> tuple[list[float], str]:
        sensor = the_sensor(self.source, sensor_id, where)
        unit = price_unit(sensor.unit)
        if unit is None or unit[2] != "kWh":
            raise Refused(
                where, f"sensor {sensor.id} measures {sensor.unit}; accepted: a price like EUR/kWh or EUR/MWh"
            )
        return measured(self.source, sensor, self.span, "price", where), unit[1]

    def _price_spans(self, spans: list[Any], where: str) -> tuple[list[float], str]:
        """Prices that hold for a time each, as ``[{"start": …, "duration": …, "value": "0.3 EUR/kWh"}, …]``."""
        found: list[float | None] = [None] * self.span.count
        currencies = set()
        for place, entry in enumerate(spans[: self.span.count + 1]):
            at = f"{where}/{place}"
            begin, end, value = _held(entry, at)
            amount, currency = price(value, f"{at}/value")
            currencies.add(currency)
            for step, edge in enumerate(self.span.edges[:-1]):
                if begin <= edge and edge + self.span.step <= end:
                    found[step] = amount
        lacking = [step for step, value in enumerate(found) if value is None]
        if lacking or len(currencies) != 1:
            since = self.span.edges[lacking[0]].isoformat() if lacking else ""
            raise Refused(where, f"no price for the step from {since}" if lacking else "prices in several currencies")
        return [value for value in found if value is not None], currencies.pop()

    def limit(self, name: str) -> list[float] | None:
        """A limit of power in each step; None where there is none."""
        value, where = self.asked.get(name), f"{self.pointer}/{name}"
        if value is None:
            return None
        if isinstance(value, Mapping):
            sensor = the_sensor(self.source, referred(value, where), where)
            found = measured(self.source, sensor, self.span, "power", where)
        else:
            found = [power_kw(value, where)] * self.span.count
        if min(found) < 0:
            raise Refused(where, f"{min(found):g} kW is negative")
        return found

    def peak(self, currency: str) -> tuple[float, float] | None:
        """What a kW above the highest so far costs, and how high that was."""
        where = f"{self.pointer}/site-peak-consumption-price"
        value = self.asked.get("site-peak-consumption-price")
        reached = self.asked.get("site-peak-consumption")
        if value is None:
            if reached is not None:
                raise Refused(f"{self.pointer}/site-peak-consumption", "without site-peak-consumption-price")
            return None
        amount, other = price(value, where, "kW")
        if other != currency or amount < 0:
            raise Refused(where, f"{value!r}; accepted: a price in {currency} per kW or MW that is not negative")
        return amount, 0.0 if reached is None else power_kw(reached, f"{self.pointer}/site-peak-consumption")

    def inflexible(self) -> list[float]:
        """Consumption less production of what cannot be moved, in each step."""
        net = [0.0] * self.span.count
        for where, sensor_id, sign in self._listed():
            sensor = the_sensor(self.source, sensor_id, where)
            values = measured(self.source, sensor, self.span, "power", where)
            consumes = sign if sign is not None else (1 if sensor.consumes(by_default=False) else -1)
            net = [total + consumes * value for total, value in zip(net, values, strict=True)]
        return net

    def _listed(self) -> list[tuple[str, Any, int | None]]:
        """Where each stands, its number, what positive values mean: 1 consumption, -1 production, None: as it says."""
        found: list[tuple[str, Any, int | None]] = []
        for name, sign in (
            ("inflexible-device-sensors", None),
            ("inflexible-consumption", 1),
            ("inflexible-production", -1),
        ):
            value, where = self.asked.get(name, []), f"{self.pointer}/{name}"
            entries = [value] if sign is None and isinstance(value, int) else value
            if not isinstance(entries, list) or len(entries) > _MOST_SENSORS:
                raise Refused(where, f"accepted: a list of at most {_MOST_SENSORS} sensors")
            for place, entry in enumerate(entries):
                at = f"{where}/{place}"
                found.append((at, entry if sign is None else referred(entry, at), sign))
        numbers = [sensor_id for _, sensor_id, _ in found]
        if len(numbers) != len({str(n) for n in numbers}):
            raise Refused(f"{self.pointer}/inflexible-device-sensors", "a sensor is listed twice")
        return found


def _held(entry: Any, where: str) -> tuple[Any, Any, Any]:
    if not isinstance(entry, Mapping) or "value" not in entry or "start" not in entry:
        raise Refused(where, "accepted: {'start': …, 'duration': …, 'value': …}, or with 'end'")
    extra = set(entry) - {"start", "end", "duration", "value"}
    if extra or ("end" in entry) == ("duration" in entry):
        raise Refused(where, "accepted: start, value, and either end or duration")
    begin = moment(entry["start"], f"{where}/start")
    if "end" in entry:
        return begin, moment(entry["end"], f"{where}/end"), entry["value"]
    return begin, begin + duration(entry["duration"], f"{where}/duration"), entry["value"]


def assets(found: Context, span: Span, devices_kw: float, *, sooner: bool) -> list[dict[str, Any]]:
    """The connection, and what stands behind it beside the flexible devices.

    Args:
        devices_kw: what all flexible devices take or give together: without a limit of the context it cannot bind.
        sooner: is charging early preferred where it costs the same?
    """
    uses = [max(kw, 0.0) for kw in found.net_kw]
    gives = [max(-kw, 0.0) for kw in found.net_kw]
    wide_kw = devices_kw + max(*uses, *gives) + 1.0
    bought = max(found.import_kw) if found.import_kw is not None else wide_kw
    sold = max(found.export_kw) if found.export_kw is not None else wide_kw
    limits = [
        {"direction": direction, "limit_kw": span.signal(limit)}
        for direction, limit in (("import", found.import_kw), ("export", found.export_kw))
        if limit is not None and len(set(limit)) > 1
    ]
    connection: dict[str, Any] = {
        "kind": "grid_connection",
        "name": "grid",
        "bus": "site",
        "import_kw": max(bought, 1e-6),
        "export_kw": sold,
        "limits": limits,
        "tariff": {
            "name": "flex-context",
            "currency": found.currency,
            "components": _lines(found, span, sooner=sooner),
        },
    }
    if found.peak is not None:
        connection["tariff"]["metering_minutes"] = span.step / timedelta(minutes=1)
        connection["month_to_date_peak_kw"] = found.peak[1]
    made = [connection]
    if any(uses):
        made.append({"kind": "load", "name": "inflexible", "bus": "site", "value_of_lost_load_per_kwh": 1e4})
    if any(gives):
        made.append({"kind": "pv", "name": "inflexible-production", "bus": "site", "peak_kw": max(gives)})
    return made


def _lines(found: Context, span: Span, *, sooner: bool) -> list[dict[str, Any]]:
    source = "the flex-context of the request"
    energy = {"basis": "energy", "source": source}
    lines: list[dict[str, Any]] = [
        {"name": "consumption-price", "direction": "import", "price_per_kwh": span.signal(found.buying), **energy},
        {"name": "production-price", "direction": "export", "price_per_kwh": span.signal(found.selling), **energy},
    ]
    if sooner:
        scale = SOONER * max(abs(p) for p in (*found.buying, *found.selling))
        rising = span.signal([scale * step / span.count for step in range(span.count)])
        for direction in ("import", "export"):
            name = f"prefer-charging-sooner-{direction}"
            lines.append({"name": name, "direction": direction, "price_per_kwh": rising, **energy})
    if found.peak is not None:
        amount = number(found.peak[0], "")
        lines.append({"name": "site-peak", "basis": "demand", "price_per_kw_month": amount, "source": source})
    return lines
