"""Tables of simulated runs, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.topics.fleet.scale.costs import Costs
from benchmarks.topics.fleet.scale.simulation import Machine, Told, apart, coordinated

SIZES: tuple[tuple[int, int], ...] = (
    (1_000, 2), (10_000, 2), (10_000, 16), (100_000, 64), (100_000, 256), (1_000_000, 256), (1_000_000, 1024),
)  # fmt: skip
RAY_START_S, RAY_RESPAWN_S = 16.0, 4.5  # measured: 13 to 19 s for Ray, 4 to 5 s for each worker that dies
MEMORY_BYTES, CHUNK = 64e9, 25


def machine(workers: int, deaths_per_h: float = 0.0) -> Machine:
    """Machines of 16 cores on a link of 10 Gbit/s, started by Ray."""
    return Machine(workers, deaths_per_h=deaths_per_h, start_s=RAY_START_S)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def _time(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 600
        else f"{seconds / 60:.0f} min"
        if seconds < 36_000
        else f"{seconds / 3600:.0f} h"
    )


def _gb(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB"


def _row(sites: int, workers: int, told: Told) -> tuple[str, ...]:
    alone = f"{told.driver_s / told.wall_s:.0%}"
    memory = (_gb(told.moved_bytes), _gb(told.node_bytes), _gb(told.driver_bytes))
    return (f"{sites:,}", str(workers), _time(told.wall_s), alone, f"{told.busy:.0%}", *memory)


HEAD = ("sites", "cores", "time", "driver alone", "cores busy", "link", "a machine", "driver")


def coordinated_lines(costs: Costs) -> list[str]:
    """Fleets under shared limits, continuous; then with commitment."""
    rows: list[tuple[str, ...]] = [HEAD]
    rows += [_row(sites, workers, coordinated(costs, sites, machine(workers))) for sites, workers in SIZES]
    with_units = [(10_000, 2), (100_000, 256), (1_000_000, 1024)]
    rows += [
        _row(sites, workers, coordinated(costs, sites, machine(workers), commitment=True))
        for sites, workers in with_units
    ]
    lines = _aligned(rows)
    return [*lines[: len(SIZES) + 1], "with units on or off:", *lines[len(SIZES) + 1 :]]


def apart_lines(costs: Costs) -> list[str]:
    """Every site on its own, with its files."""
    rows: list[tuple[str, ...]] = [("sites", "cores", "time", "cores busy", "results", "files")]
    for sites, workers in ((10_000, 2), (100_000, 64), (1_000_000, 256), (1_000_000, 1024)):
        told = apart(costs, sites, machine(workers))
        files = -(-sites // CHUNK) * 3
        rows.append((f"{sites:,}", str(workers), _time(told.wall_s), f"{told.busy:.0%}", _gb(costs.file_bytes * sites),
                     f"{files:,}"))  # fmt: skip
    return _aligned(rows)


def fault_lines(costs: Costs) -> list[str]:
    """What dying workers cost: times without and with deaths."""
    costs = replace(costs, respawn_s=RAY_RESPAWN_S)
    rows: list[tuple[str, ...]] = [("sites", "cores", "each dies every", "deaths", "time", "more")]
    for sites, workers in ((100_000, 64), (1_000_000, 1024)):
        calm = coordinated(costs, sites, machine(workers))
        for hours in (100.0, 10.0, 1.0):
            told = coordinated(costs, sites, machine(workers, 1 / hours))
            more = f"{max(told.wall_s / calm.wall_s - 1, 0.0):.0%}"
            rows.append((f"{sites:,}", str(workers), f"{hours:.0f} h", str(told.deaths), _time(told.wall_s), more))
    return _aligned(rows)


def breaking_lines(costs: Costs) -> list[str]:
    """At how many sites what is full, on a driver and machines of 64 GB."""
    return [f"{what}: {amount:,.0f} {unit}" for what, amount, unit in _breaking(costs)]


def _breaking(costs: Costs) -> Iterator[tuple[str, float, str]]:
    serial = costs.instantiate_s + (costs.site_bytes + costs.plan_bytes) * (
        costs.byte_s + 1 / machine(1).network_bytes_s
    )
    work = costs.first_s.mean + (costs.rounds - 1) * costs.again_s.mean
    yield "beyond so many, cores wait longer for the driver than they work", round(work / serial), "cores"
    at_driver = costs.site_bytes + 2 * costs.plan_bytes
    yield (
        "the driver's 64 GB hold problems and plans of",
        _round((MEMORY_BYTES - costs.driver_bytes) / at_driver),
        "sites",
    )
    held = costs.site_bytes + costs.kept_bytes * costs.rounds
    room = (MEMORY_BYTES - 16 * costs.worker_bytes) / held
    yield "a machine of 16 workers and 64 GB holds problems and answers of", _round(room), "sites"
    yield "files of a run apart, at a million sites", -(-1_000_000 // CHUNK) * 3, "files"


def _round(sites: float) -> float:
    return float(f"{sites:.2g}")
