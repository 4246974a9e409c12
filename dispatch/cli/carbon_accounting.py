"""``parkwatt carbon``: a past period from meters, accounted, printed and written; nothing is optimised."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dispatch.asset import Carrier
from dispatch.cli.studies import Span, bar, minutes, span_horizon
from dispatch.config.mistakes import near_miss
from dispatch.config.park import find_config, load_site
from dispatch.errors import DataError
from dispatch.signals import Horizon, parse_quantity
from dispatch.site import Site

if TYPE_CHECKING:
    import pandas as pd

    from dispatch.measured.account import Account
    from dispatch.measured.balance import Tolerance
    from dispatch.measured.names import Readings

_ARCHIVE = "archive"


@dataclass(frozen=True)
class Request:
    """The options of the command."""

    config: str
    first: str | None
    last: str | None
    measured: str
    into: Path | None = None
    as_of: str | None = None
    step: str | None = None
    tolerance: str = "1 %"
    factors: str = "file"
    by: str = "hour"
    formats: tuple[str, ...] = ()
    batches: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    time_column: str | None = None
    stamp: str = "start"
    names: bool = False


def run(request: Request) -> None:
    """Read, account, print, write.

    Raises:
        ParkwattError: options, config or data are wrong; the message says which.
    """
    from dispatch.measured.account import account

    if request.names:
        show_names(request.config)
        return
    began = time.perf_counter()
    site, folder = load_site(request.config), find_config(request.config, "parks").parent
    horizon = span_horizon(site, Span(request.first, request.last, minutes(request.step)))
    options = _Options.of(request, horizon)
    console = Console(stderr=True)
    with bar(console) as progress:
        progress("reading", 0.0)
        site, readings = _read(request, site, horizon, folder)
        progress("reading", 1.0)
        done = account(site, readings, tolerance=options.tolerance, progress=progress)
        days = f"{horizon.local_start[0]:%Y-%m-%d}-{horizon.local_start[-1]:%Y-%m-%d}"
        into = request.into or Path("accounts") / f"{site.name}-{days}"
        progress("writing", 0.0)
        files = write_all(done, into, options)
        progress("writing", 1.0)
    out = Console()
    show(done, out)
    seconds = f"{time.perf_counter() - began:.0f} s"
    beside = ", ".join(path.name for path in files if path.suffix != ".html")
    out.print(f"\nPage: [bold]{escape(str(into / 'account.html'))}[/bold]; beside it {escape(beside)} ({seconds})")


def show_names(config: str) -> None:
    """What the series of a park's meters may be called: the name to use first, then the others that are understood."""
    from dispatch.measured.meters import points, units

    site, console = load_site(config), Console()
    shown = Table(box=None, header_style="bold", title=f"Meters of {escape(site.name)}", title_justify="left")
    for head in ("asset", "bus", "direction", "name", "or", "units"):
        shown.add_column(head, no_wrap=head == "name")
    for point in points(site):
        known = point.names()
        for way in dict.fromkeys(known.values()):
            first, *others = [name for name, one in known.items() if one == way]
            cells = (point.asset, point.bus, way, f"{first}_kw", ", ".join(others), ", ".join(units(point.carrier)))
            shown.add_row(*(escape(cell) for cell in cells))
    console.print(shown)
    console.print(
        "Beside them: STORE.stored_kwh, ASSET.co2_kg, CONNECTION.CONTRACT_kw, carbon_intensity_g_per_kwh, "
        "marginal_intensity_g_per_kwh, residual_intensity_g_per_kwh. One meter of a bus may be missing.",
        highlight=False,
    )


@dataclass(frozen=True)
class _Options:
    """What was asked for, as it is used."""

    tolerance: Tolerance
    by: str
    formats: tuple[str, ...]
    batches: tuple[tuple[str, int, int], ...]
    codes: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, horizon: Horizon) -> _Options:
        from dispatch.carbon_export import BY, FORMATS

        if request.by not in BY:
            raise DataError(f"--by {request.by}: not known; accepted: {', '.join(BY)}")
        unknown = [form for form in request.formats if form not in FORMATS]
        if unknown:
            raise DataError(f"--format {unknown[0]}: not known; accepted: {', '.join(FORMATS)}")
        if request.factors not in ("file", "fetched"):
            raise DataError(f"--factors {request.factors}: not known; accepted: file, fetched")
        batches = tuple(_batch(text, horizon) for text in request.batches)
        formats = request.formats or FORMATS
        return cls(_tolerance(request.tolerance), request.by, formats, batches, _codes(request.codes))


def _tolerance(text: str) -> Tolerance:
    """A share ("2 %") or a power ("50 kW", a bare number of kW)."""
    from dispatch.measured.balance import Tolerance

    share = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*%\s*", text)
    if share:
        return Tolerance(float(share[1]) / 100)
    try:
        kw = parse_quantity("tolerance_kw", text)
    except ValueError as error:
        raise DataError(f"--tolerance: {error}; write a share like '2 %' or a power like '50 kW'") from None
    if kw < 0:
        raise DataError(f"--tolerance {text}: is below 0; write a share like '2 %' or a power like '50 kW'")
    return Tolerance(None, kw)


def _batch(text: str, horizon: Horizon) -> tuple[str, int, int]:
    """``2025-03-04T06:00..2025-03-05T18:00`` on the park's clock, as steps."""
    parts = text.split("..")
    try:
        first, end = (datetime.fromisoformat(part.strip()) for part in parts)
    except ValueError:
        raise DataError(
            f"--batch '{text}': is no window; write it like 2025-03-04T06:00..2025-03-05T18:00, on the park's clock"
        ) from None
    zone = ZoneInfo(horizon.time_zone)
    seconds = [(moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() for moment in (first, end)]
    edges = horizon.edges.astype("datetime64[s]").astype("int64").tolist()
    places = [edges.index(int(at)) if int(at) in edges else -1 for at in seconds]
    if min(places) < 0 or places[0] >= places[1]:
        span = f"{horizon.local_start[0].isoformat()} to {horizon.local_end[-1].isoformat()}"
        raise DataError(f"--batch '{text}': begins and ends with steps of the period, {span}, the end after the begin")
    return text, places[0], places[1]


def _codes(given: Sequence[str]) -> dict[str, str]:
    from dispatch.carbon.goods import CN_CODES

    codes, goods = dict(CN_CODES), get_args(Carrier)
    for text in given:
        good, found, code = text.partition("=")
        digits = code.replace(" ", "")
        if not found or not good.strip() or not re.fullmatch(r"\d{4}|\d{6}|\d{8}", digits):
            raise DataError(f"--cn '{text}': write it like hydrogen=28041000, a good and a CN code of 4, 6 or 8 digits")
        if good.strip() not in goods:
            raise DataError(f"--cn '{text}': there is no good '{good.strip()}'; {near_miss(good.strip(), goods)}")
        codes[good.strip()] = code.strip()
    return codes


def _read(request: Request, site: Site, horizon: Horizon, folder: Path) -> tuple[Site, Readings]:
    """Measured series, and the park with what its feeds were."""
    from dispatch.measured.files import fetched_factors, read_archived, read_measured

    moment = _moment(request.as_of, site)
    if request.measured == _ARCHIVE:
        if site.archive is None:
            raise DataError(f"'{site.name}' names no archive: give --measured FILE, or 'archive' in its file")
        readings = read_archived(site, horizon, folder, moment)
    else:
        file = Path(request.measured)
        readings = read_measured(site, horizon, file, time_column=request.time_column, stamp=request.stamp)
    return fetched_factors(site, readings, folder, moment, wanted=request.factors == "fetched")


def _moment(text: str | None, site: Site) -> pd.Timestamp | None:
    import pandas as pd

    if text is None:
        return None
    try:
        moment = pd.Timestamp(text)
    except ValueError as error:
        raise DataError(f"--as-of '{text}' is not a time ({error}); write it like 2025-02-01T00:00Z") from None
    return moment if moment.tzinfo else moment.tz_localize(site.time_zone)


def write_all(done: Account, folder: Path, options: _Options) -> list[Path]:
    """Ledgers, certificates, goods, shapes for CBAM and footprints, the account's metadata and its page."""
    from dispatch.carbon.goods import periods
    from dispatch.carbon_export import certificate_table, metadata, write_goods, write_ledgers, write_table
    from dispatch.carbon_export.goods import cbam, footprints
    from dispatch.carbon_export.page import page

    horizon, about = done.ran.operation.horizon, done.about
    meta = metadata(about, done.ledgers, done.market)
    paths = write_ledgers(done.ledgers, folder, meta, by=options.by, formats=options.formats)
    named = [*periods(horizon, options.by), *options.batches, *(periods(horizon, "all") if options.by != "all" else ())]
    for form in options.formats:
        paths += [folder / f"certificates.{form}", folder / f"goods.{form}"]
        write_table(certificate_table(done.market), paths[-2], meta)
        write_goods(done.goods, horizon, named, paths[-1], meta)
    declared = [*periods(horizon, "month"), *options.batches, *periods(horizon, "all")]
    texts = {
        "account.json": json.dumps(meta, indent=1, ensure_ascii=False),
        "cbam.json": json.dumps(
            cbam(done.goods, horizon, declared, about, options.codes), indent=1, ensure_ascii=False
        ),
        "footprints.json": json.dumps(footprints(done.goods, horizon, declared, about), indent=1, ensure_ascii=False),
        "account.html": page(done.ledgers, about, done.market, done.goods, done.ran.imbalance_kw),
    }
    for name, text in texts.items():
        paths.append(folder / name)
        paths[-1].write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return paths


def show(done: Account, console: Console) -> None:
    """Meters and ledgers in tonnes, goods, certificates, what the meters do not agree on, and notes."""
    from dispatch.carbon_export.page import meters_of

    ledgers = list(done.ledgers)
    shown = Table(box=None, header_style="bold", title=escape("Carbon by meter [t]"), title_justify="left")
    for head in ("meter", "", "MWh", *(one.name for one in ledgers)):
        shown.add_column(head, justify="left" if head in ("meter", "") else "right", no_wrap=head == "meter")
    for name, role, _ in meters_of(ledgers):
        cells, energy = [], ""
        for one in ledgers:
            place = next((k for k, m in enumerate(one.meters) if (m.name, m.role) == (name, role)), None)
            cells.append("" if place is None else _tonnes(one.carbon_kg[place].sum()))
            energy = energy or ("" if place is None else f"{one.energy_kwh[place].sum() / 1000:,.1f}")
        shown.add_row(escape(name), role, energy, *cells)
    for name, of in (("all meters", "carbon_kg"), ("on no meter", "left_over_kg")):
        sums = [_tonnes(getattr(one, of).sum()) for one in ledgers]
        shown.add_row(f"[bold]{name}[/bold]", "", "", *sums)
    console.print(shown)
    _show_goods(done, console)
    _show_certificates(done, console)
    for note in done.about.notes:
        console.print(f"· {escape(note)}", highlight=False)


def _tonnes(kg: float) -> str:
    """To ten kilograms, without a sign of nothing."""
    return f"{round(float(kg) / 1000, 2) + 0.0:,.2f}"


def _show_goods(done: Account, console: Console) -> None:
    from dispatch.carbon.goods import lines, periods

    if not done.goods:
        return
    shown = Table(box=None, header_style="bold", title="Goods", title_justify="left")
    for head in ("good", "delivered", "ledger", "carbon", "direct", "indirect"):
        shown.add_column(head, justify="left" if head in ("good", "ledger") else "right")
    for good in done.goods:
        for line in lines(good, periods(done.ran.operation.horizon, "all")):
            if line.amount > 0:
                per, unit = (1000.0, "t/t") if line.unit == "t" else (1.0, "kg/kWh")
                parts = (line.carbon_kg, line.direct_kg, line.indirect_kg)
                each = (f"{part / line.amount / per:.3f} {unit}" for part in parts)
                shown.add_row(line.good, f"{line.amount:,.1f} {line.unit}", line.ledger, *each)
    console.print(shown)


def _show_certificates(done: Account, console: Console) -> None:
    from dispatch.carbon_export import certificate_balances

    names = ("opening", "issued", "bought", "used", "sold", "retired", "closing")
    shown = Table(box=None, header_style="bold", title="Certificates [MWh]", title_justify="left")
    for head in ("supply", "by the", *names):
        shown.add_column(head, justify="left" if head in ("supply", "by the") else "right", no_wrap=head == "supply")
    for row in certificate_balances(done.market):
        said = f"{row['matching']}{', claimed' if row['matching'] == done.market.claim else ''}"
        shown.add_row(row["supply"], said, *(f"{row[f'{name}_kwh'] / 1000:,.1f}" for name in names))
    if shown.row_count:
        console.print(shown)
