"""Five hundred sites over the API in one process: registered, measured, forecast, planned, offered, called, paid.

Jobs are done one after the other in the process that serves, without children, on SQLite. The works, their meters and
the clock are those of :mod:`benchmarks.topics.service.vpp_day`.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np

from benchmarks.rows import row
from benchmarks.served import Served, served
from benchmarks.topics.service.vpp_day import Vpp

INPUTS = ("dispatch/service", "dispatch/fleet", "dispatch/markets", "dispatch/flexibility", "benchmarks/topics/service")
SITES = 500
_LARGEST = 2**28
T = TypeVar("T")


@dataclass
class Lived:
    """What came of it.

    Attributes:
        seconds: by step.
        off_kw: greatest distance of the sites' set-points from the award in any step.
        lost_cents: the revenue less what the sites get.
        without: sites that have no schedule around the award.
        delivered: of what was awarded, by the meters against the baseline.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    off_kw: float = np.inf
    lost_cents: int = -1
    without: int = -1
    delivered: float = np.nan

    def timed(self, name: str, step: Callable[..., T], *given: Any) -> T:
        """What a step makes; how long it took is kept and said."""
        began = time.perf_counter()
        made = step(*given)
        self.seconds[name] = time.perf_counter() - began
        sys.stderr.write(f"vpp: {name} {self.seconds[name]:.1f} s\n")
        return made


def live(vpp: Vpp) -> Lived:
    """All of it, in order."""
    done = Lived()
    done.timed("registration", vpp.register)
    done.timed("measurements", vpp.measure)
    done.timed("forecast", vpp.forecast)
    done.timed("plan", vpp.plan)
    done.timed("flexibility", vpp.flexibility)
    bid = done.timed("bid", vpp.bid)
    award = done.timed("award", vpp.award, bid)
    setpoints = done.timed("set-points", vpp.setpoints)
    given = setpoints["given_kw"].to_numpy().reshape(vpp.sites, -1).sum(axis=0)
    wanted = {datetime.fromisoformat(one["start"]): one["quantity_kw"] for one in award["periods"]}
    asked = [wanted.get(start, 0.0) for start in setpoints["start"].to_pylist()[: given.size]]
    done.off_kw = float(np.abs(given - asked).max())
    done.without = vpp.sites - len(award["schedules"])
    done.timed("delivery", vpp.deliver, setpoints)
    settled = done.timed("settlement", vpp.settle)
    done.lost_cents = round(100 * settled["revenue"]) - sum(round(100 * own) for own in settled["sites"].values())
    done.delivered = settled["delivered_kwh"] / settled["awarded_kwh"]
    return done


@contextmanager
def on_a_server(sites: int) -> Iterator[Vpp]:
    """A fleet on a server of its own."""
    from dispatch.service import work
    from dispatch.service.runner.runner import run_one

    kinds = work.find()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), max_body_bytes=_LARGEST) as found:

        def worked() -> None:
            while run_one(found.store, kinds) is not None:
                continue

        with _client(found) as client:
            yield Vpp(client, found.store, worked, sites)


def _client(found: Served) -> httpx.Client:
    headers = {"Authorization": f"Bearer {found.key(found.tenant())}"}
    return httpx.Client(base_url=found.url, headers=headers, verify=False)


@cache
def lived() -> Lived:
    """Once for all rows."""
    with on_a_server(SITES) as vpp:
        return live(vpp)


@row("service", name="500 sites from registration to split revenue", unit="s", bar="<= 600", slow=True, inputs=INPUTS)
def whole_way() -> float:
    return sum(lived().seconds.values())


@row("service", name="award of 500 sites: set-points off it", unit="kW", bar="<= 1e-6", slow=True, inputs=INPUTS)
def off_the_award() -> float:
    return lived().off_kw


@row("service", name="award of 500 sites: without a schedule", unit="sites", bar="== 0", slow=True, inputs=INPUTS)
def without_schedule() -> int:
    return lived().without


@row("service", name="revenue of 500 sites less their shares", unit="cents", bar="== 0", slow=True, inputs=INPUTS)
def lost() -> int:
    return lived().lost_cents
