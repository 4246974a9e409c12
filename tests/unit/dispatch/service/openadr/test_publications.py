from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from pydantic import ValidationError

from dispatch.service.openadr.publications import Publication, awarded
from dispatch.service.openadr.shapes import EventRequest

START = datetime(2026, 3, 1, 7, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def test_an_award_is_an_event_for_each_site() -> None:
    stamp = pa.timestamp("s", tz="UTC")
    starts = [START, START + QUARTER] * 2
    table = pa.table(
        {
            "site": ["works", "works", "depot", "depot"],
            "start": pa.array(starts, stamp),
            "end": pa.array([one + QUARTER for one in starts], stamp),
            "net_import_kw": [40.0, 30.0, -5.0, 10.0],
        }
    )
    works, depot = awarded("prg_1", "awd_1", table)
    assert (works["targets"], depot["targets"]) == (["works"], ["depot"])
    assert [one["payloads"] for one in works["intervals"]] == [
        [{"type": "DISPATCH_SETPOINT", "values": [40.0]}],
        [{"type": "DISPATCH_SETPOINT", "values": [30.0]}],
    ]
    assert [one["values"] for one in depot["intervals"][0]["payloads"]] == [[0.0], [5.0]]
    assert works["intervalPeriod"] == {"start": "2026-03-01T07:00:00.000Z", "duration": "PT15M"}
    for one in (works, depot):
        assert EventRequest.model_validate(one).plain() == one


def test_a_publication_is_of_one_thing() -> None:
    for more in ({}, {"schedule": "sch_1", "award": "awd_1"}):
        with pytest.raises(ValidationError, match="a schedule or an award"):
            Publication.model_validate({"programID": "prg_1", **more})
