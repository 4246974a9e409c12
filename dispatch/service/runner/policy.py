"""How runners behave: one set of numbers, made from the settings or given by who tests them."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from dispatch.service.settings import Settings


@dataclass(frozen=True)
class Policy:
    """Times in seconds.

    Attributes:
        lease_s: how long a job stays with a runner that gives no sign of life; three signs are given in it.
        poll_s: pause between looks for work when there is none.
        watch_s: pause between looks whether the job in hand was cancelled.
        progress_s: least time between two progress events of a job.
        attempts: how often a job is tried before its floor answers.
        lapses: how often its worker may end over it besides; at twice as many it fails without its floor.
        pause_s: before the second attempt; doubles with every further one, up to ``longest_pause_s``.
        hold_s: pauses up to this are waited out with the job in hand, so that a deadline is kept on a busy machine; for
            longer ones the job goes back into the queue.
        seed: of the jitter in these pauses; the same seed, job and attempt give the same pause.
        deadline_s: of jobs and kinds that name none.
        start_s: how long a child may take to start.
        memory_bytes: address space of a child (RLIMIT_AS, which the processes that it starts inherit one by one);
            0: no limit.
        renew_after: jobs after which a child is replaced.
        renew_bytes: resident memory after a job above which a child is replaced.
        grace_s: how long a job in hand may go on when the worker is told to stop; then it is given back.
        longest_restart_s: a worker that ends again and again is started again after pauses that grow up to this.
        nice: added to the worker's niceness, so that the server's readers go first.
        executor: ``processes``: run() in the child; ``ray``: in a Ray task that the child waits for.
        ray_address: of a Ray that runs already; empty: one of this machine, started by the child.
        kinds: modules that are kinds of job besides those of :mod:`dispatch.service.work`; ours: do those as well.
        keep_days: how long ended jobs and their events are kept.
        housekeeping_s: time between two rounds of it; compaction_s: of looks for series to compact.
    """

    lease_s: float = 15.0
    poll_s: float = 0.1
    watch_s: float = 0.25
    progress_s: float = 0.3
    attempts: int = 3
    lapses: int = 10
    pause_s: float = 0.5
    longest_pause_s: float = 60.0
    hold_s: float = 2.0
    seed: int = 0
    deadline_s: float = 300.0
    start_s: float = 60.0
    memory_bytes: int = 0
    renew_after: int = 200
    renew_bytes: int = 1 << 30
    grace_s: float = 5.0
    longest_restart_s: float = 30.0
    nice: int = 10
    executor: str = "processes"
    ray_address: str = ""
    kinds: tuple[str, ...] = ()
    ours: bool = True
    keep_days: float = 90.0
    housekeeping_s: float = 600.0
    compaction_s: float = 10.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As an operator set it: a field of this name is ``job_…`` there."""
        named = {each.name: f"job_{each.name}" for each in fields(cls)}
        values = {name: getattr(settings, there) for name, there in named.items() if hasattr(settings, there)}
        kinds = tuple(name.strip() for name in settings.job_kinds.split(",") if name.strip())
        return cls(**{**values, "kinds": kinds}, executor=settings.executor, ray_address=settings.ray_address)

    def pause_before_next_s(self, job: str, attempt: int, first_s: float | None = None) -> float:
        """Time to wait after this attempt of a job: doubling, between half and all of it, by chance from the seed.

        Args:
            first_s: the longest after the first attempt, where the kind of job has its own.
        """
        longest = min((self.pause_s if first_s is None else first_s) * 2.0 ** (attempt - 1), self.longest_pause_s)
        return longest * (0.5 + 0.5 * random.Random(f"{self.seed}:{job}:{attempt}").random())
