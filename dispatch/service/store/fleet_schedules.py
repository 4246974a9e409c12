"""Schedules of a fleet's sites, written as those of sites that are planned by themselves are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatch.service.store import files_many
from dispatch.service.store.arrow import ARROW_STREAM
from dispatch.service.store.ids import new_id
from dispatch.service.store.schedules import schedules
from dispatch.service.store.transaction import Tx


@dataclass(frozen=True)
class SiteSchedule:
    """What is written of a site.

    Attributes:
        row: how its summary reads: quality, money, co2_kg and so on.
        table, setpoints, earlier: Arrow streams.
    """

    site: str
    currency: str
    row: dict[str, Any]
    table: bytes
    setpoints: bytes
    earlier: bytes


TABLES = ("table", "setpoints", "earlier")


def keep(
    tx: Tx,
    wanted: Sequence[SiteSchedule],
    versions: Mapping[str, int],
    common: Mapping[str, Any],
    span: tuple[datetime, datetime],
) -> dict[str, str]:
    """Write schedules; says the id of each site's.

    Args:
        versions: of the sites.
        common: what is the same in all rows; ``of``: the result that they are part of; ``kept``: by site, awards that
            its plan takes as given.
        span: start and end of the steps.
    """
    contents = {f"{one.site}-{name}.arrow": getattr(one, name) for one in wanted for name in TABLES}
    held = files_many.put(tx, contents, ARROW_STREAM)
    digests = files_many.digests(tx, [held[f"{one.site}-setpoints.arrow"] for one in wanted])
    same = {**common}
    of, kept = same.pop("of"), same.pop("kept", {})
    rows = []
    for one in wanted:
        ids = {name: held[f"{one.site}-{name}.arrow"] for name in TABLES}
        rows.append({
            "id": new_id("sch"), "site": one.site, "site_version": versions[one.site], "created": tx.now,
            "made": tx.now, "published": tx.now, "ranked": same["issued"], "start": span[0], "end": span[1],
            "quality": one.row["quality"], "money": one.row["money"], "currency": one.currency,
            "co2_kg": one.row["co2_kg"], "result": _said(of, one.row, kept.get(one.site, ())),
            **{f"{name}_file": id_ for name, id_ in ids.items()},
            "setpoints_sha256": digests[ids["setpoints"]], **same,
        })  # fmt: skip
    if rows:
        tx.insert(schedules, rows)
    made = {row["site"]: row["id"] for row in rows}
    tx.audit("schedules.made", of, {"schedules": made, "setpoints_sha256": [row["setpoints_sha256"] for row in rows]})
    return made


def _said(of: str, row: Mapping[str, Any], kept: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """What a schedule says of itself: of a fleet's the summary's numbers; its audit was one with the fleet's others."""
    solution = {name: row[name] for name in ("objective", "bound", "gap")}
    relaxed = [row["reason"]] if row["quality"] == "relaxed" and row["reason"] else []
    return {
        "certificate": {
            "solution": {**solution, "quality": row["quality"], "reason": row["reason"], "relaxed": relaxed},
            "audit": {"numbers_checked": 0, "violations": [], "limits_passed_as_relaxed": relaxed},
            "network": None,
            "explanation": None,
            "fleet_result": of,
        },
        "notes": [f"Planned with its fleet: {of}, which was audited as one."],
        "start_state": [],
        "goes_on_from": None,
        "kept": [dict(each) for each in kept],
        "methods": [],
        "wishes": {},
        "data_age_h": None,
    }
