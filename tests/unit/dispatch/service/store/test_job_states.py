"""Whatever runners, users and clocks do in whatever order: no job ends twice, and every job that was accepted ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection

from dispatch.service.store import Store, claims, events, jobs
from dispatch.service.store.claims import LostError
from dispatch.service.store.jobs import ENDED, Job

LEASE_S = 10.0
TENANTS = st.sampled_from(["north", "south"])
WHICH = st.integers(0, 50)
QUICK = settings(suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Known:
    """What must be true of a job.

    Attributes:
        holder: attempt that holds it, None for nobody; until: when its lease lapses.
        effects: how often a transaction that ends it was accepted.
    """

    state: str = "queued"
    holder: int | None = None
    until: datetime | None = None
    not_before: datetime = datetime(2030, 1, 1, tzinfo=UTC)
    effects: int = 0
    attempts: list[int] = field(default_factory=list)


class Jobs(RuleBasedStateMachine):
    """Runners are what they believe to hold: a job as it was when they claimed it."""

    new_database: Callable[[str, Path | None], str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name)
        self.store = Store.open(type(self).new_database("sqlite", path), path / "data", migrate=False)
        self.now = datetime(2030, 1, 1, tzinfo=UTC)
        self.known: dict[str, Known] = {}
        self.held: list[Job] = []

    @initialize(tenant=TENANTS)
    def begin(self, tenant: str) -> None:
        self.submit(tenant, 0)

    @rule(tenant=TENANTS, priority=st.integers(-1, 1))
    def submit(self, tenant: str, priority: int) -> None:
        with self.store.write(tenant, "ann") as tx:
            tx.now = self.now
            job = jobs.submit(tx, "echo", {}, priority=priority)
        self.known[job.id] = Known(not_before=self.now)

    @rule(seconds=st.sampled_from([0.5, LEASE_S + 1]))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def claim(self) -> None:
        free = {id_ for id_, known in self.known.items() if self._is_free(known)}
        with self.store.admin(write=False) as connection:
            assert claims.is_due(connection, self.now) == bool(free)
        with self.store.admin() as connection:
            job = claims.claim(connection, "runner", self.now, LEASE_S)
        assert (job is not None) == bool(free)
        if job is None:
            return
        assert job.id in free
        known = self.known[job.id]
        assert job.attempt not in known.attempts
        known.attempts.append(job.attempt)
        known.state, known.holder = "running", job.attempt
        known.until = self.now + timedelta(seconds=LEASE_S)
        self.held.append(job)

    def _is_free(self, known: Known) -> bool:
        if known.state == "running":
            assert known.until is not None
            return known.until <= self.now
        return known.state == "queued" and known.not_before <= self.now

    def _write(self, which: int, write: Callable[[Connection, Job], Job | None]) -> tuple[Known, Job | None] | None:
        """Let one that believes to hold a job write; None where it was refused, as it must be if it is mistaken."""
        job = self.held[which % len(self.held)]
        known = self.known[job.id]
        is_mine = known.state == "running" and known.holder == job.attempt
        try:
            with self.store.admin() as connection:
                changed = write(connection, job)
        except LostError:
            assert not is_mine
            return None
        assert is_mine
        return known, changed

    @precondition(lambda self: self.held)
    @rule(which=WHICH, ends=st.sampled_from(["done", "failed"]))
    def end(self, which: int, ends: str) -> None:
        def write(connection: Connection, job: Job) -> Job:
            claims.fence(connection, job)
            return (claims.finish if ends == "done" else claims.fail)(connection, job, self.now, {"by": job.attempt})

        if (found := self._write(which, write)) is not None:
            found[0].effects += 1
            found[0].state = ends

    @precondition(lambda self: self.held)
    @rule(which=WHICH, pause_s=st.sampled_from([0.0, 5.0]))
    def retry(self, which: int, pause_s: float) -> None:
        found = self._write(which, lambda c, job: claims.retry(c, job, self.now, pause_s, "because"))
        if found is not None:
            found[0].state, found[0].not_before = "queued", self.now + timedelta(seconds=pause_s)

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def release(self, which: int) -> None:
        if (found := self._write(which, lambda c, job: claims.release(c, job, self.now))) is not None:
            found[0].state = "queued"

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def again(self, which: int) -> None:
        found = self._write(which, lambda c, job: claims.again(c, job, self.now, 0.1, "because"))
        if found is not None:
            known, job = found
            assert job is not None
            assert job.attempt not in known.attempts
            known.holder = job.attempt
            known.attempts.append(job.attempt)
            self.held.append(job)

    @precondition(lambda self: self.held)
    @rule(which=WHICH)
    def prolong(self, which: int) -> None:
        if (found := self._write(which, lambda c, job: claims.prolong(c, job, self.now, LEASE_S))) is not None:
            found[0].until = self.now + timedelta(seconds=LEASE_S)

    @precondition(lambda self: self.known)
    @rule(which=WHICH, tenant=TENANTS)
    def cancel(self, which: int, tenant: str) -> None:
        id_ = sorted(self.known)[which % len(self.known)]
        with self.store.write(tenant, "bob") as tx:
            tx.now = self.now
            mine = [job.id for job in jobs.find(tx)]
            if id_ not in mine:
                return
            job = jobs.cancel(tx, id_)
        known = self.known[id_]
        if known.state not in ENDED:
            known.state, known.effects = "cancelled", known.effects + 1
        assert job.state == known.state

    @invariant()
    def no_job_ends_twice(self) -> None:
        assert all(known.effects <= 1 for known in self.known.values())

    def teardown(self) -> None:
        """Left alone with one runner that works, every job ends, and its events tell so once."""
        for _ in range(2 * len(self.known)):
            self.wait(LEASE_S + 6)
            with self.store.admin() as connection:
                if (job := claims.claim(connection, "last", self.now, LEASE_S)) is not None:
                    claims.finish(connection, job, self.now, {})
        for tenant in ("north", "south"):
            with self.store.read(tenant) as tx:
                for job in jobs.find(tx):
                    found = events.after(tx.connection, {(tenant, job.id): 0})
                    assert job.has_ended
                    assert [each.number for each in found] == list(range(1, job.events + 1))
                    ends = [each.kind in {"done", "failed", "cancelled"} for each in found]
                    assert ends == [False] * (job.events - 1) + [True]
        self.store.close()
        self.folder.cleanup()


@pytest.fixture
def machine(new_database: Callable[[str, Path | None], str], monkeypatch: pytest.MonkeyPatch) -> type[Jobs]:
    monkeypatch.setattr(Jobs, "new_database", staticmethod(new_database), raising=False)
    return Jobs


def test_no_job_ends_twice_and_every_job_ends(machine: type[Jobs]) -> None:
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=12, stateful_step_count=25))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_job_ends_twice_in_many_orders(machine: type[Jobs]) -> None:
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=300, stateful_step_count=50))
