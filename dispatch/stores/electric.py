"""What stores of electricity share beside the stock equation: reserve and power in an outage, where the site asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self, get_args

from dispatch.asset import Direction, Given, Inputs, Mode, Rows
from dispatch.fields.inverter import Inverter
from dispatch.part import Account, Part, Violation
from dispatch.signals import Array, Horizon
from dispatch.stores import backup, reserve
from dispatch.stores.band import band
from dispatch.stores.stock import Storage


class ElectricStorage(Storage):
    """A store whose power beside its set-point is reserve, and whose content serves the site in an outage.

    Equations in :mod:`dispatch.stores.reserve` and :mod:`dispatch.stores.backup`; a site that asks for neither has
    none of their variables and rows.
    """

    inverter: ClassVar[Inverter | None] = Inverter()
    relieves: ClassVar[bool] = True

    @classmethod
    def ratings(cls, rows: Rows[Self], horizon: Horizon) -> dict[str, Array]:
        """Those of the stock, and of calls."""
        own = super().ratings(rows, horizon)
        own |= backup.ratings(rows, horizon) if rows.outage_h else {}
        return own | (reserve.ratings(rows, horizon) if rows.reserve_h else {})

    @classmethod
    def signals(cls, rows: Rows[Self], inputs: Inputs) -> dict[str, Array]:
        """Those of the stock, and the band that a call must keep."""
        own = super().signals(rows, inputs)
        start = rows.field("energy_kwh") * rows.state(inputs, "start_fill")
        own |= backup.signals(rows, inputs.horizon, start) if rows.outage_h else {}
        if not rows.reserve_h:
            return own
        held = band(rows, inputs.horizon, start)
        return own | reserve.signals(rows, inputs.horizon, start, held)

    @classmethod
    def part(cls, rows: Rows[Self], given: Given, mode: Mode) -> Part:
        """The stock, and what it offers."""
        part = super().part(rows, given, mode)
        part = backup.added(part, rows, given) if rows.outage_h else part
        return reserve.added(part, rows, given, cls.deciding(rows, mode)) if rows.reserve_h else part

    @classmethod
    def check(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> list[Violation]:
        """The stock's limits, and every offer called."""
        found = super().check(rows, given, series)
        return [*found, *reserve.check(rows, given, series)] if rows.reserve_h else found

    @classmethod
    def account(cls, rows: Rows[Self], given: Inputs, series: Mapping[str, Array]) -> Account:
        """The stock's, with its offers."""
        account = super().account(rows, given, series)
        if rows.outage_h:
            account = replace(account, backup=backup.account(rows, given, series))
        if not rows.reserve_h:
            return account
        up, down = (reserve.offered(rows, series, direction) for direction in get_args(Direction))
        return replace(account, reserve_up_kw=up, reserve_down_kw=down)

    @classmethod
    def walked(cls, rows: Rows[Self], given: Inputs, wanted: Array, *, back: bool) -> dict[str, Array]:
        """Without a plan nothing is held ready on purpose."""
        out = super().walked(rows, given, wanted, back=back)
        return out | (reserve.none(rows, wanted.shape) if rows.reserve_h else {})
