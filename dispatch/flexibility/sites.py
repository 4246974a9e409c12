"""A site's flexibility from its file: devices with limits of power and content, behind its connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.asset import Inputs
from dispatch.errors import DataError
from dispatch.fields.flexible_devices import Devices, Flexible, joined
from dispatch.flexibility.envelope import Envelope, envelope
from dispatch.flexibility.linear import Behind
from dispatch.signals import Array
from dispatch.site import Site


@dataclass(frozen=True)
class SiteDevices:
    """What a site's assets can do in closed form.

    Attributes:
        name: the site's.
        devices: all electric ones, fixed loads among them; names are ``site/asset`` or longer.
        import_kw, export_kw: (T,) what the connections take and give together.
        others: electric assets that have no closed form: with any, the devices are not all of the site, and only its
            compiled problem says what it can do.
    """

    name: str
    devices: Devices
    import_kw: Array
    export_kw: Array
    others: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Do the devices say all of the site's electricity?"""
        return not self.others

    def envelope(self) -> Envelope:
        """Its bands at the connection, as one row: its devices' together, cut off at the connection's limits.

        An outer bound in any case; see :class:`dispatch.flexibility.Envelope` for what tight means. A connection that
        cuts something off leaves energy bands that not every number of can be reached.
        """
        own = envelope(self.devices).together(self.name)
        least, most = np.maximum(own.least_kw, -self.export_kw), np.minimum(own.most_kw, self.import_kw)
        hours = own.hours
        low = np.maximum(own.least_kwh, np.cumsum(-self.export_kw * hours))
        high = np.minimum(own.most_kwh, np.cumsum(self.import_kw * hours))
        cut = (least > own.least_kw).any() or (most < own.most_kw).any()
        return Envelope((self.name,), hours, least, most, low, high, own.tight & ~cut & self.whole)


def site_devices(site: Site, inputs: Inputs) -> SiteDevices:
    """The electric assets of a site as devices.

    A site of one electric bus with its connections on it; whatever else bears on electricity (units, converters,
    cables, other carriers' plant) is named among the ``others``.

    Raises:
        DataError: the site has several scenarios, or no connection to the grid.
    """
    if inputs.scenarios != 1:
        raise DataError(f"'{site.name}' has {inputs.scenarios} scenarios; accepted: one")
    parts, others, connections = [], [], []
    for kind, rows in site.rows(1).items():
        cls, names = type(rows.members[0]), list(rows.names)
        if kind == "grid_connection":
            connections += list(rows.members)
            continue
        found = cls.flexible(rows, inputs) if issubclass(cls, Flexible) else None
        if all(_electric(site, member) for member in rows.members) and found is not None:
            parts.append(found.renamed(f"{site.name}/"))
        elif any(_touches(site, member) for member in rows.members):
            others += names
    others += [f"limits of groups ({', '.join(group.name for group in site.groups)})"] if site.groups else []
    if not connections:
        raise DataError(f"'{site.name}' has no grid_connection; accepted: a site with one or more")
    limits = [
        np.sum([_limit(c, inputs, f"{way}_limit_kw") for c in connections], axis=0) for way in ("import", "export")
    ]
    buses = {getattr(a, "bus", "") for a in site.assets if _electric(site, a)}
    if len(buses) > 1:
        others.append(f"buses {', '.join(sorted(buses))}")
    empty = Devices.of(
        inputs.horizon.hours, least_kw=np.zeros((0, inputs.horizon.steps)), most_kw=np.zeros((0, inputs.horizon.steps)),
        names=(),
    )  # fmt: skip
    return SiteDevices(site.name, joined(parts) if parts else empty, limits[0], limits[1], tuple(others))


def behind(sites: Sequence[SiteDevices]) -> tuple[Devices, Behind]:
    """The devices of many sites in a row, and the connections that they stand behind.

    Raises:
        DataError: a site is not whole; the message names what has no closed form.
    """
    for site in sites:
        if not site.whole:
            found = ", ".join(site.others[:4])
            raise DataError(f"'{site.name}' has no closed form for {found}; accepted: its compiled problem")
    of = np.repeat(np.arange(len(sites)), [site.devices.count for site in sites])
    devices = joined([site.devices for site in sites])
    names = tuple(site.name for site in sites)
    least, most = -np.stack([s.export_kw for s in sites]), np.stack([s.import_kw for s in sites])
    return devices, Behind(names, of, least, most)


def _electric(site: Site, asset: object) -> bool:
    """Does it stand on electric buses alone?"""
    carriers = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    return all(carriers.get(bus) == "electricity" for bus in _buses(asset))


def _touches(site: Site, asset: object) -> bool:
    carriers = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    return any(carriers.get(bus) == "electricity" for bus in _buses(asset)) or not _buses(asset)


def _buses(asset: object) -> list[str]:
    fields = getattr(type(asset), "bus_fields", {})
    return [bus for bus in (getattr(asset, field) for field in fields) if bus is not None]


def _limit(connection: object, inputs: Inputs, quantity: str) -> Array:
    name = str(getattr(connection, "name", ""))
    if (name, quantity) not in inputs.series:
        raise DataError(f"'{name}' has no series '{quantity}'; accepted: inputs with what the site knows itself")
    return np.asarray(inputs.series[name, quantity][0], float)
