"""Measurements over HTTP: three formats in, three out, and no row that is silently left out."""

from __future__ import annotations

import io
import json
import threading
from datetime import timedelta
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.ipc
import pytest

from tests.unit.dispatch.service.served import Api
from tests.unit.dispatch.service.store.parks import QUARTER, START, body, rows

MEASUREMENTS = "/api/v1/measurements"
ARROW = "application/vnd.apache.arrow.stream"
NDJSON = "application/x-ndjson"


@pytest.fixture(autouse=True)
def _site(api: Api) -> None:
    assert api.client.put("/api/v1/sites/a", json=body()).status_code == 201


def listed(*values: float | None, first: int = 0, **more: Any) -> list[dict[str, Any]]:
    moments = [START + (first + number + 1) * QUARTER for number in range(len(values))]
    return [
        {"site": "a", "series": "roof", "time": moment.isoformat(), "value": value, **more}
        for moment, value in zip(moments, values, strict=True)
    ]


def send(api: Api, found: list[dict[str, Any]], **params: str) -> httpx.Response:
    return api.client.post(MEASUREMENTS, json={"rows": found}, params=params)


def stream(table: pa.Table) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    return out.getvalue()


def values(api: Api, **params: Any) -> list[float | None]:
    found = api.client.get(MEASUREMENTS, params={"site": "a", **params}).json()["rows"]
    return [row["value"] for row in found]


def test_what_is_sent_is_what_is_read(api: Api) -> None:
    done = send(api, listed(1, None, 3.5))
    assert done.status_code == 200
    receipt = done.json()
    assert (receipt["taken"], receipt["accepted"], receipt["rejections"]) == (3, 3, [])
    assert receipt["verdicts"] == [{"index": 0, "count": 3, "verdict": "accepted"}]
    assert values(api) == [1, None, 3.5]
    (held,) = api.client.get("/api/v1/sites/a/series").json()["series"]
    assert (held["series"], held["times"], held["last"]) == ("roof", 3, "2026-03-01T00:45:00Z")


def test_three_formats_say_the_same(api: Api) -> None:
    found = listed(1, None, 3.5)
    assert send(api, found).json()["accepted"] == 3
    lines = "\n".join(json.dumps(row) for row in found) + "\n\n"
    for content, kind in ((lines.encode(), NDJSON), (stream(rows([1, None, 3.5])), ARROW)):
        done = api.client.post(MEASUREMENTS, content=content, headers={"Content-Type": kind})
        assert (done.status_code, done.json()["duplicate"]) == (200, 3)


def test_one_wrong_row_keeps_all_out_unless_it_is_skipped(api: Api) -> None:
    found = listed(*range(9))
    found[1]["series"] = "rouf"
    found[2]["time"] = "2026-03-01T00:45:00"
    found[3]["value"] = "3"
    found[4]["unit"] = "kW"
    del found[5]["site"]
    found[6] = []  # type: ignore[call-overload]
    found[7]["value"] = True
    refused = send(api, found)
    assert refused.status_code == 422
    fields = ["series", "time", "value", "unit", "site", "", "value"]
    expected = [f"/rows/{index}{'/' if name else ''}{name}" for index, name in enumerate(fields, start=1)]
    assert [each["pointer"] for each in refused.json()["errors"]] == expected
    assert values(api) == []
    skipped = send(api, found, on_reject="skip").json()
    assert [(each["index"], each["field"]) for each in skipped["rejections"]] == list(enumerate(fields, start=1))
    assert skipped["verdicts"] == [
        {"index": 0, "count": 1, "verdict": "accepted"},
        {"index": 1, "count": 7, "verdict": "rejected"},
        {"index": 8, "count": 1, "verdict": "accepted"},
    ]
    assert values(api) == [0, 8]


def test_lines_that_are_no_json(api: Api) -> None:
    lines = [json.dumps(listed(1)[0]), "{", '{"value": NaN}', "[" * 99, json.dumps(listed(2, first=1)[0])]
    done = api.client.post(
        MEASUREMENTS, content="\n".join(lines), headers={"Content-Type": NDJSON}, params={"on_reject": "skip"}
    )
    assert [each["index"] for each in done.json()["rejections"]] == [1, 2, 3]
    assert values(api) == [1, 2]


def test_a_correction_and_what_was_known_before(api: Api) -> None:
    first = send(api, listed(1, 2)).json()["received"]
    receipt = send(api, listed(1, 5, 9)).json()
    assert [run["verdict"] for run in receipt["verdicts"]] == ["duplicate", "restated", "accepted"]
    assert values(api) == [1, 5, 9]
    assert values(api, as_of=first) == [1, 2]


def test_a_request_that_is_sent_twice_is_taken_once(api: Api) -> None:
    headers = {"Idempotency-Key": "one"}
    first = api.client.post(MEASUREMENTS, json={"rows": listed(1)}, headers=headers)
    again = api.client.post(MEASUREMENTS, json={"rows": listed(1)}, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = api.client.post(MEASUREMENTS, json={"rows": listed(2)}, headers=headers)
    assert other.status_code == 422
    assert values(api) == [1]


def test_nobody_waits_while_rows_are_compared(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another client writes, and even restates the same rows, while a large request is judged."""
    from dispatch.service.store.series import reading

    send(api, listed(1, 2))
    lookup, compares, go_on = reading.lookup, threading.Event(), threading.Event()

    def slow(tx: Any, wanted: pa.Table) -> Any:
        if len(wanted) == 2 and not compares.is_set():
            compares.set()
            assert go_on.wait(10)
        return lookup(tx, wanted)

    monkeypatch.setattr(reading, "lookup", slow)
    found: list[httpx.Response] = []
    large = threading.Thread(target=lambda: found.append(send(api, listed(3, 4))))
    large.start()
    assert compares.wait(10)
    assert api.client.post(MEASUREMENTS, json={"rows": listed(3)}, timeout=5).json()["restated"] == 1
    go_on.set()
    large.join()
    assert (found[0].json()["duplicate"], found[0].json()["restated"]) == (1, 1)
    assert values(api) == [3, 4]


def test_reading_in_three_formats(api: Api) -> None:
    send(api, listed(1, None))
    params = {"site": "a", "series": "roof"}
    csv = api.client.get(MEASUREMENTS, params=params, headers={"Accept": "text/csv"})
    assert csv.text.splitlines()[0] == '"series","source","time","value","received"'
    assert csv.text.splitlines()[2].startswith('"roof","","2026-03-01T00:30:00Z",,')
    arrow = api.client.get(MEASUREMENTS, params=params, headers={"Accept": ARROW})
    table = pa.ipc.open_stream(arrow.content).read_all()
    assert table["value"].to_pylist() == [1, None]
    assert table["time"].to_pylist() == [START + QUARTER, START + 2 * QUARTER]
    assert api.client.get(MEASUREMENTS, params=params, headers={"Accept": "image/png"}).status_code == 406


def test_reading_a_part_and_means(api: Api) -> None:
    send(api, [*listed(*range(8)), *listed(7, source="meter_2"), *listed(1, series="offices")])
    hour = (START + timedelta(hours=1)).isoformat()
    assert values(api, series="roof", start=hour) == [4, 5, 6, 7]
    assert values(api, series=["offices", "roof"], end=hour) == [1, 0, 1, 2, 3, 7]
    means = api.client.get(MEASUREMENTS, params={"site": "a", "series": "offices", "resample": "PT1H"}).json()["rows"]
    assert means == [{"series": "offices", "source": "", "time": "2026-03-01T01:00:00Z", "value": 1, "count": 1}]
    assert values(api, series="roof", resample="PT1H") == [1.5, 5.5, 7]
    assert values(api, series="roof", resample="P1D") == [3.5, 7]


@pytest.mark.parametrize("resample", ["PT7M", "PT0M", "P2D", "PT25H", "900", "pt15m"])
def test_a_step_that_is_none(api: Api, resample: str) -> None:
    assert api.client.get(MEASUREMENTS, params={"site": "a", "resample": resample}).status_code == 422


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'{"rows": 3}', "application/json", 422),
        (b'{"rows": [], "more": 1}', "application/json", 422),
        (b'{"rows": []}', "application/json", 200),
        (b"", NDJSON, 200),
        (b"site,series", "text/csv", 415),
        (b"no arrow", ARROW, 422),
        (b"", ARROW, 422),
        (stream(pa.table({"site": ["a"]})), ARROW, 422),
        (stream(rows([1]))[:-40], ARROW, 422),
    ],
)
def test_bodies_of_other_forms(api: Api, content: bytes, kind: str, status: int) -> None:
    done = api.client.post(MEASUREMENTS, content=content, headers={"Content-Type": kind})
    assert done.status_code == status, done.text


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_a_compressed_stream_is_refused_with_what_to_do(api: Api, codec: str) -> None:
    out = io.BytesIO()
    table = rows([1.0] * 2000)
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write_table(table)
    done = api.client.post(MEASUREMENTS, content=out.getvalue(), headers={"Content-Type": ARROW})
    assert done.status_code == 422
    assert "Content-Encoding: gzip" in done.text


def test_another_tenants_measurements_are_none(api: Api) -> None:
    send(api, listed(1))
    assert api.other.get(MEASUREMENTS, params={"site": "a"}).status_code == 404
    refused = api.other.post(MEASUREMENTS, json={"rows": listed(1)})
    assert refused.json()["errors"][0]["message"] == "there is no site 'a'"
    api.other.put("/api/v1/sites/a", json=body())
    assert api.other.get(MEASUREMENTS, params={"site": "a"}).json()["rows"] == []


def test_scopes(api: Api) -> None:
    writer, reader = api.allowed("measurements:write"), api.allowed("measurements:read")
    assert writer.post(MEASUREMENTS, json={"rows": listed(1)}).status_code == 200
    assert writer.get(MEASUREMENTS, params={"site": "a"}).status_code == 403
    assert reader.get(MEASUREMENTS, params={"site": "a"}).status_code == 200
    assert reader.post(MEASUREMENTS, json={"rows": listed(1)}).status_code == 403


def test_more_values_than_fit_name_the_way_out(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from dispatch.service.routes import measurements

    monkeypatch.setattr(measurements, "JSON_VALUES_MAX", 3)
    send(api, listed(1, 2, 3, 4))
    refused = api.client.get(MEASUREMENTS, params={"site": "a"})
    assert refused.status_code == 422
    assert "more than 3 values" in refused.text
    assert ARROW in refused.json()["errors"][0]["accepted"]
    assert api.client.get(MEASUREMENTS, params={"site": "a"}, headers={"Accept": ARROW}).status_code == 200


def test_a_series_that_a_site_has_not_is_refused_and_one_without_values_is_empty(api: Api) -> None:
    refused = api.client.get(MEASUREMENTS, params={"site": "a", "series": ["rof", "roof"]})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["in"], error["pointer"], error["value"]) == ("query", "/series", "rof")
    assert error["accepted"].startswith("did you mean 'roof'? one of ")
    assert values(api, series="roof") == []


def test_a_time_that_ends_before_it_begins_is_refused(api: Api) -> None:
    times = {"start": "2026-03-02T00:00:00Z", "end": "2026-03-01T00:00:00Z"}
    refused = api.client.get(MEASUREMENTS, params={"site": "a", **times})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["value"], error["accepted"]) == ("/end", times["end"], f"{times['start']} or later")


def test_a_site_that_is_put_again_has_the_measurements_of_the_one_before(api: Api) -> None:
    send(api, listed(1, 2))
    assert api.client.delete("/api/v1/sites/a").status_code == 204
    assert api.client.get(MEASUREMENTS, params={"site": "a"}).status_code == 404
    assert api.client.put("/api/v1/sites/a", json=body()).status_code == 201
    assert values(api) == [1, 2]
