"""Jobs that write the page of a schedule: the plan is made once more, on what it was made from, and shown.

A page takes as long as a plan and is mostly not asked for, so it is not made beside each. The same inputs give the same
plan; where a clock ended a search, or something it was made from is no longer there, the page says that it differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dispatch.service.errors import ConflictError
from dispatch.service.store import files, jobs, schedules
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import schedule
from dispatch.service.work.wanted import Wanted

if TYPE_CHECKING:
    from dispatch.plan import Plan

DEADLINE_S = 600.0
HTML = "text/html"
_DIFFERS = (
    "This was computed from the plan made once more, which is not the one that was published: a search was ended by a "
    "clock, or something that the plan was made from is no longer there."
)


@dataclass(frozen=True)
class Again:
    """A schedule that is made once more.

    Attributes:
        sha256: of its published series.
        reason: why it was made without a solver; None where one was asked.
    """

    wanted: Wanted
    sha256: str
    reason: str | None

    def made(self, progress: Callable[[str], None]) -> Plan:
        """The plan; where it is not the one that was published, it says so."""
        if self.reason is None:
            plan, _ = schedule.planned(self.wanted, progress)
        else:
            plan, _ = schedule.without_solver(self.wanted, self.reason)
        if plan.certificate["schedule_sha256"] == self.sha256:
            return plan
        return replace(plan, notes=(_DIFFERS, *plan.notes))


def asked(tx: Tx, id_: str) -> Job:
    """The job that makes the page of a schedule, which is one however often it is asked for."""
    row = schedules.get(tx, id_)
    job = None if row.report_job is None else jobs.seek(tx, row.report_job)
    if job is not None and job.state == "failed":
        raise ConflictError(f"The page could not be made: {(job.problem or {}).get('detail', 'its job failed')}.")
    if job is None or job.has_ended:
        job = jobs.submit(tx, "report", {"site": row.site}, subject=id_, priority=1)
        schedules.change(tx, id_, {"report_job": job.id})
    return job


def again(tx: Tx, row: Any, left_s: float) -> Again:
    """What a schedule was made from."""
    wanted = schedule.wanted(tx, row, left_s)
    return Again(wanted, row.result["certificate"]["schedule_sha256"], row.result["without_solver"])


def prepare(tx: Tx, job: Job) -> Again:
    """Read what the schedule was made from."""
    return again(tx, schedules.get(tx, job.subject), job.deadline_s or DEADLINE_S)


def run(asked: Again, progress: Callable[[str], None]) -> str:
    """The page."""
    from dispatch.presentation.carbon_accounts import accounts
    from dispatch.presentation.page import report_data
    from dispatch.report import render

    plan = asked.made(progress)
    progress("writing the page")
    return render(report_data(plan, accounts(plan)))


def floor(asked: Again, reason: str) -> None:
    """A page that was not made is none."""
    del asked, reason


def check(asked: Again, outcome: Any) -> str | None:
    """Why what came is no page; None where it is one."""
    del asked
    whole = isinstance(outcome, str) and outcome.lstrip().startswith("<!") and outcome.rstrip().endswith("</html>")
    return None if whole else "it is no whole page"


def commit(tx: Tx, job: Job, outcome: str) -> dict[str, Any]:
    """Keep it."""
    held = files.put(tx, outcome.encode(), HTML, f"{job.subject}.html")
    schedules.change(tx, job.subject, {"report_file": held.id})
    return {"href": f"/api/v1/schedules/{job.subject}/report", "files": {HTML: held.id}}
