"""A reference park with all that came in its measured year, and one day of it as a case to replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from benchmarks.rows import CannotMeasure
from dispatch.config.park import CONFIGS, load_site
from dispatch.replay import Case, Settings
from dispatch.replay.case import Issued, midnight
from dispatch.signals import Array, Horizon
from dispatch.site import Site
from dispatch.sources import gather
from dispatch.stores.stock import Storage
from forecasting import embedded
from forecasting.archive import Archive

ENERGY = ("electricity", "heat", "cold")
LETTERS = {"yizhuang": "A", "ordos": "B", "chifeng": "C", "sino_german": "D", "campus": "E"}
_FIRST, _LAST = date(2016, 1, 1), date(2016, 12, 30)


@dataclass(frozen=True)
class Park:
    """A park and its year.

    Attributes:
        actual: by asset name, (T,) what came in the year.
        year: the steps of it.
    """

    site: Site
    archive: Archive
    actual: Mapping[str, Array]
    year: Horizon

    @property
    def letter(self) -> str:
        """A to E."""
        return LETTERS.get(self.site.name, self.site.name)

    @cached_property
    def step_s(self) -> int:
        """Length of every step [s]."""
        return round(float(self.year.hours[0]) * 3600)

    def case(self, day: date, methods: tuple[str, ...], every_h: float, issued: tuple[Issued, ...] = ()) -> Case:
        """One local day by some methods; the forecasts are those that are given."""
        span = Horizon.local_day(day, self.site.time_zone, self.site.planning.step_minutes, days=1)
        first = (midnight(day, self.site.time_zone) - int(self.year.edges[0].astype("datetime64[s]").astype(int))) // (
            self.step_s
        )
        part = slice(first, first + span.steps)
        actual = {name: values[part] for name, values in self.actual.items()}
        return Case(self.site, span, actual, self.archive, Settings(every_h=every_h, methods=methods), issued=issued)


def read_park(name: str) -> Park:
    """The park as it ships, with its year; scenarios are left out, no method of the study reads them.

    Raises:
        CannotMeasure: the measured profiles are not installed.
    """
    if not embedded.is_installed():
        raise CannotMeasure("the measured profiles of 2016 are not installed: pip install parkwatt[simbench]")
    site = load_site(name)
    planning = site.planning.model_copy(update={"scenarios": 0})
    site = site.model_copy(update={"planning": planning})
    days = (_LAST - _FIRST).days + 1
    year = Horizon.local_day(_FIRST, site.time_zone, site.planning.step_minutes, days=days)
    sources = gather(site, year, CONFIGS / "parks", with_network=False)
    return Park(site, sources.archive, sources.actual, year)


def without_stores(site: Site) -> Site:
    """The park without its stores of electricity, heat and cold; tanks of products are part of their process."""
    carriers = dict(zip(site.bus_names, site.bus_carriers, strict=True))
    gone = {a.name for a in site.assets if isinstance(a, Storage) and carriers[a.bus] in ENERGY}
    assets = tuple(a for a in site.assets if a.name not in gone)
    wishes = tuple(w for w in site.wishes if getattr(w, "asset", None) not in gone)
    return site.model_copy(update={"assets": assets, "wishes": wishes})
