"""Rows of schedules as the answers that clients get."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from dispatch.service.errors import NotFoundError
from dispatch.service.schemas.plan_parts import Failed
from dispatch.service.schemas.schedules import AuditShown, Held, Money, ScheduleListed, ScheduleShown
from dispatch.service.store import schedules

if TYPE_CHECKING:
    import pyarrow as pa

BASE = "/api/v1/schedules"


def href(id_: str) -> str:
    """Where a schedule is."""
    return f"{BASE}/{id_}"


def state_of(row: Any) -> str:
    """That of its job; where that is forgotten, whether it gave something."""
    return "done" if row.made is not None else row.job_state or "failed"


def is_dry_run(row: Any) -> bool:
    """Was it asked for only to look at?"""
    return bool(row.request.get("dry_run", False))


def require_own(row: Any) -> None:
    """Refuse what only a plan of the site by itself has: a fleet's is made, and shown, as one.

    Raises:
        NotFoundError: the schedule is part of a fleet's plan.
    """
    if (of := row.result["certificate"].get("fleet_result")) is not None:
        raise NotFoundError(
            f"Schedule '{row.id}' is part of a fleet's plan, {of}; it has no page or account of its own."
        )


def listed(row: Any) -> ScheduleListed:
    """A schedule in a list."""
    return ScheduleListed(
        id=row.id, site=row.site, mode=row.mode, state=state_of(row), created_at=row.created, issue_time=row.issued,
        dry_run=is_dry_run(row), published_at=row.published, start=row.start, end=row.end, quality=row.quality,
        money=_money(row), co2_kg=row.co2_kg, href=href(row.id),
    )  # fmt: skip


def _money(row: Any) -> Money | None:
    return None if row.quality is None else Money(expected=row.money, currency=row.currency)


def shown(row: Any) -> ScheduleShown:
    """A schedule with all that is said of it."""
    own: dict[str, Any] = {
        "id": row.id, "site": row.site, "site_version": row.site_version, "mode": row.mode, "state": state_of(row),
        "job": row.job, "created_at": row.created, "issue_time": row.issued, "dry_run": is_dry_run(row),
        "published_at": row.published, "start": row.start, "end": row.end,
        "steps": row.steps, "problem": None if row.job_problem is None else Failed(**row.job_problem),
    }  # fmt: skip
    if row.result is None:
        return ScheduleShown(**own)
    said, proved = row.result, row.result["certificate"]
    solution, audit = proved["solution"], proved["audit"]
    return ScheduleShown(
        **own,
        quality=row.quality,
        gap=_number(solution["gap"]),
        bound=_number(solution["bound"]),
        objective=_number(solution["objective"]),
        money=_money(row),
        co2_kg=row.co2_kg,
        audit=AuditShown(passed=not audit["violations"], **audit),
        network=proved["network"],
        relaxed=solution["relaxed"],
        reason=solution["reason"],
        explanation=proved["explanation"],
        methods=said["methods"],
        wishes_missed=said["wishes"],
        start_state=[Held(**each) for each in said["start_state"]],
        goes_on_from=said["goes_on_from"],
        kept=said.get("kept", ()),
        data_age_h=said["data_age_h"],
        notes=said["notes"],
        certificate=proved,
        setpoints_sha256=row.setpoints_sha256,
        table_href=f"{href(row.id)}/table",
        setpoints_href=f"{href(row.id)}/setpoints",
        report_href=f"{href(row.id)}/report",
    )


def _number(value: Any) -> float | None:
    """What a certificate says of a number; infinity stands there as text."""
    return float(value) if isinstance(value, int | float) else None


def steps(table: pa.Table, row: Any, age_hours: float) -> Iterator[dict[str, Any]]:
    """A schedule's set-points one by one, with the time until which each holds."""
    starts, ends = (table[name].to_pylist() for name in ("start", "end"))
    oldest = schedules.good_until(row, timedelta(hours=age_hours))
    for one in table.schema:
        if not one.metadata:
            continue
        said = {"asset": one.metadata[b"asset"].decode(), "quantity": one.metadata[b"quantity"].decode()}
        for start, end, value in zip(starts, ends, table[one.name].to_pylist(), strict=True):
            yield {**said, "start": start, "end": end, "value": value, "valid_until": min(end, oldest)}
