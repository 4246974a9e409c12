"""Ten thousand sites out of one compiled template, and planned each by itself.

Times are of the one thread that works (``time.thread_time``). The loop that plans are compared with builds each site's
cvxpy problem, solves it, audits it and writes the same tables; it is run on some of the same sites in the same run.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from benchmarks.rows import Measured, row
from benchmarks.topics.fleet.sites import document, fleet_sites, horizon, tariff

if TYPE_CHECKING:
    import pyarrow as pa

    from dispatch.fleet.members import Member

T = TypeVar("T")
SITES = 10_000
CHUNK = 250
# The loop's sites, spread over the fleet.
LOOPED = 40
COMMITTED = 40
INPUTS = ("benchmarks/topics/fleet/sites.py", "benchmarks/topics/fleet/stack.py", "dispatch")


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.thread_time()
    made = work()
    return made, time.thread_time() - began


@cache
def fleet(genset: bool) -> tuple[Member, ...]:
    return tuple(fleet_sites(SITES, genset=genset))


@row("fleet", name="10 000 site models out of one compiled template", unit="s", bar="<= 4", slow=True, inputs=INPUTS)
def instantiated_s() -> Measured:
    from dispatch.fleet.template import Template

    members = fleet(True)
    template = Template(members[0], horizon())
    template.stack(members[:2])
    stack, seconds = _timed(lambda: template.stack(members))
    if len(stack) != SITES:
        raise AssertionError(f"{len(stack)} sites")
    return Measured(seconds)


@row("fleet", name="numbers of those that differ from their own problem's", unit="", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def instantiated_wrong() -> int:
    from dispatch.fleet.template import Template

    members = fleet(True)[:: SITES // 50]
    template = Template(members[0], horizon())
    stack, wrong = template.stack(members), 0
    for n, member in enumerate(members):
        own, made = template.single(member), stack.matrices(n)
        wrong += sum(int((getattr(own, name) != getattr(made, name)).sum()) for name in _ARRAYS)
        wrong += int((own.rows.data != made.rows.data).sum())
    return wrong


_ARRAYS = ("cost", "row_lower", "row_upper", "col_lower", "col_upper")


@row("fleet", name="numbers held for each site of a template, against its non-zeros", unit="%", bar="<= 10", slow=True,
     inputs=INPUTS)  # fmt: skip
def held() -> float:
    from dispatch.fleet.template import Template

    members = fleet(True)[:1000]
    stack = Template(members[0], horizon()).stack(members)
    kept = sum(table.values.shape[1] for table in (stack.coefficient, stack.limit, stack.costs))
    return float(100 * kept / stack.matrices(0).rows.nnz)


def _written(folder: Path) -> Path:
    """A template park, and a table with the numbers of all sites."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import yaml

    park = document(0) | {"name": "park", "latitude_deg": 31.0, "longitude_deg": 121.0}
    park["assets"][-1]["tariff"] = tariff().model_dump(mode="json", exclude_unset=True)
    (folder / "park.yaml").write_text(yaml.safe_dump(park, sort_keys=False))
    documents = [document(n) for n in range(SITES)]
    columns: dict[str, Sequence[Any]] = {"site": [d["name"] for d in documents], "park": ["park.yaml"] * SITES}
    for place, asset in enumerate(document(0)["assets"]):
        for name, value in asset.items():
            if isinstance(value, float):
                columns[f"{asset['name']}.{name}"] = [d["assets"][place][name] for d in documents]
    pq.write_table(pa.table(dict(columns)), folder / "sites.parquet")
    return folder / "sites.parquet"


@row("fleet", name="10 000 sites read and checked from a table", unit="s", bar="<= 10", slow=True, inputs=INPUTS)
def read_s() -> Measured:
    from dispatch.fleet.read import read_sites

    with tempfile.TemporaryDirectory() as folder:
        table = _written(Path(folder))
        sites, seconds = _timed(lambda: read_sites([table]))
    if sites[77].site.assets != fleet(True)[77].site.assets:
        raise AssertionError("a site is not what the table says")
    return Measured(seconds)


@row("fleet", name="1.92 million values of their day read from a table", unit="s", bar="<= 20", slow=True,
     inputs=INPUTS)  # fmt: skip
def known_s() -> float:
    import pyarrow.parquet as pq

    from dispatch.fleet.given import read_inputs

    members, day = fleet(True), horizon()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inputs.parquet"
        pq.write_table(_inputs(members), path)
        sites = [member.site for member in members]
        began = time.process_time()  # Arrow reads in threads of its own
        found = read_inputs(path, sites, day)
        seconds = time.process_time() - began
    if any(not np.array_equal(found[m.name][k], v) for m in members[::500] for k, v in m.series.items()):
        raise AssertionError("a value is not what the table says")
    return seconds


def _inputs(members: Sequence[Member]) -> pa.Table:
    import pyarrow as pa

    steps = horizon().steps
    keys = [(member.name, *key) for member in members for key in member.series]
    columns: dict[str, Any] = {
        name: np.repeat(np.array(own, object), steps)
        for name, own in zip(("site", "asset", "quantity"), zip(*keys, strict=True), strict=True)
    }
    starts = np.tile(horizon().edges[:-1].astype("datetime64[s]"), len(keys))
    columns["time"] = pa.array(starts, pa.timestamp("s", tz="UTC"))
    columns["value"] = np.concatenate([values[0] for member in members for values in member.series.values()])
    return pa.table(columns)


@dataclass(frozen=True)
class Raced:
    """Plans of a fleet, and of some of its sites by the loop.

    Attributes:
        per_site_s, loop_s: thread time of a site.
        apart: the largest relative difference of a site's objective between the two.
        short: sites without an optimal plan.
    """

    per_site_s: float
    loop_s: float
    apart: float
    short: int


@cache
def raced(genset: bool) -> Raced:
    from dispatch.fleet.independent import Chunk, plan_chunk
    from dispatch.fleet.members import references

    members, day = fleet(genset), horizon()
    members = members[:: SITES // COMMITTED][:COMMITTED] if genset else members
    known = references(members)
    plan_chunk(Chunk(day, members[:2], known))
    looped = members if genset else members[:: SITES // LOOPED]
    _alone(looped[0])
    alone, loop_s = _timed(lambda: [_alone(member) for member in looped])
    objectives: dict[str, float] = {}
    short, seconds = 0, 0.0
    for first in range(0, len(members), CHUNK):
        chunk = Chunk(day, members[first : first + CHUNK], known)
        made, own = _timed(lambda chunk=chunk: plan_chunk(chunk))  # type: ignore[misc]
        seconds += own
        short += sum(quality != "optimal" for quality in made.summary["quality"].to_pylist())
        objectives |= dict(zip(made.summary["site"].to_pylist(), made.summary["objective"].to_pylist(), strict=True))
    pairs = [(objectives[m.name], value) for m, value in zip(looped, alone, strict=True)]
    apart = max(abs(one - other) / max(abs(other), 1.0) for one, other in pairs)
    return Raced(seconds / len(members), loop_s / len(looped), apart, short)


def _alone(member: Member) -> float:
    """One site by a problem of its own: built, solved, audited, written as the same tables; its objective."""
    from dispatch.audit import audit
    from dispatch.fleet.outcomes import Outcome, schedule_blocks, schedule_table, summary_table
    from dispatch.problem import Problem
    from dispatch.solve import solve

    day = horizon()
    schedule = solve(Problem(member.site, member.inputs(day)))
    if not audit(schedule).passed:
        raise AssertionError(f"{member.name} fails its audit")
    schedule_table([member.name], [schedule_blocks(member.name, schedule)], day)
    summary_table([Outcome.of_schedule(member.name, schedule)])
    return schedule.proof.objective


WHAT = "10 000 day-ahead plans, PV, battery and load"


@row("fleet", name=f"{WHAT}: sites per second per core", unit="1/s", bar=">= 250", slow=True, inputs=INPUTS)
def rate() -> Measured:
    return Measured(1 / raced(False).per_site_s, 1 / raced(False).loop_s)


@row("fleet", name=f"{WHAT}: against a loop over cvxpy problems", unit="x", bar=">= 20", slow=True, inputs=INPUTS)
def faster() -> Measured:
    return Measured(raced(False).loop_s / raced(False).per_site_s, 1.0)


@row("fleet", name=f"{WHAT}: largest difference of an objective from the loop's", unit="", bar="<= 1e-6", slow=True,
     inputs=INPUTS)  # fmt: skip
def apart() -> float:
    return raced(False).apart


@row("fleet", name=f"{WHAT}: sites without an optimal, audited plan", unit="", bar="== 0", slow=True, inputs=INPUTS)
def without_plan() -> int:
    return raced(False).short


@row("fleet", name=f"{COMMITTED} of such sites with a genset's commitment: against the loop", unit="x", bar=">= 5",
     slow=True, inputs=INPUTS)  # fmt: skip
def committed() -> Measured:
    return Measured(raced(True).loop_s / raced(True).per_site_s, 1.0)


@row("fleet", name=f"{COMMITTED} of such sites with a genset's commitment: sites per second per core", unit="1/s",
     bar=">= 15", slow=True, inputs=INPUTS)  # fmt: skip
def committed_rate() -> Measured:
    return Measured(1 / raced(True).per_site_s, 1 / raced(True).loop_s)
