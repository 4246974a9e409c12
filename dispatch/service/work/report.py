"""Jobs that write the page of a schedule: the plan is made once more, on what it was made from, and shown.

A page takes as long as a plan and is mostly not asked for, so it is not made beside each. The same inputs give the same
plan; where a clock ended a search, or something it was made from is no longer there, the page says that it differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dispatch.service.store import files, schedules
from dispatch.service.store.jobs import Job
from dispatch.service.store.transaction import Tx
from dispatch.service.work import schedule
from dispatch.service.work.schedule import Wanted

DEADLINE_S = 600.0
HTML = "text/html"


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


def prepare(tx: Tx, job: Job) -> Again:
    """Read what the schedule was made from."""
    row = schedules.get(tx, job.subject)
    wanted = schedule.wanted(tx, row, job.deadline_s or DEADLINE_S)
    return Again(wanted, row.result["certificate"]["schedule_sha256"], row.result["without_solver"])


def run(asked: Again, progress: Callable[[str], None]) -> str:
    """The page."""
    from dispatch.carbon_accounts import accounts
    from dispatch.presentation import report_data
    from dispatch.report import render

    if asked.reason is None:
        plan, _ = schedule.planned(asked.wanted, progress)
    else:
        plan, _ = schedule.without_solver(asked.wanted, asked.reason)
    if plan.certificate["schedule_sha256"] != asked.sha256:
        differs = "This page was made later, and its plan is not the one that was published: a search ended by a clock."
        plan = replace(plan, notes=(differs, *plan.notes))
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
