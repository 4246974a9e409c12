"""``parkwatt archive`` as a person meets it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from forecasting.archive.store import Store
from forecasting.importing.mapping import checked
from tests.unit.dispatch.typed import Run, refused, run

__all__ = ["run"]  # a fixture

MAPPING = """
time_zone: Europe/Berlin
files:
  - files: "*.csv"
    site: park
    series:
      - {column: load_kw, variable: load, unit: kW}
"""


def files(folder: Path, last: str = "3") -> None:
    (folder / "map.yaml").write_text(MAPPING)
    rows = ["2023-01-01 00:00,1,x", "2023-01-01 00:15,2,x", "2023-01-01 01:00,,x", f"2023-01-01 01:15,{last},x"]
    (folder / "scada.csv").write_text("\n".join(["time,load_kw,remark", *rows]) + "\n")


def test_files_come_in_once_and_are_shown(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    files(tmp_path)
    first = run("archive", "import", "map.yaml", "--into", "held")
    assert first.status == 0, first.err
    words = " ".join(first.out.split())
    assert "park load measured 2022-12-31T23:15Z 2023-01-01T00:30Z 15 min 4 2 1 4 0 0" in words
    assert "Not in the mapping, so not imported: remark (scada.csv)" in words
    assert "1 files, 4 rows; archive: held" in words
    again = run("archive", "import", "map.yaml", "--into", "held")
    assert "15 min 4 2 1 0 4 0" in " ".join(again.out.split())
    shown = run("archive", "show", "held", "--json", "held.json")
    assert "park load measured 2022-12-31T23:15Z 2023-01-01T00:30Z 15 min 4 2 1" in " ".join(shown.out.split())
    assert json.loads((tmp_path / "held.json").read_text())[0]["step_min"] == 15
    early = run("archive", "show", "held", "--as-of", "2022-12-31T23:30Z", "--site", "park")
    assert "2022-12-31T23:15Z 2022-12-31T23:15Z 1" in " ".join(early.out.split())
    assert (
        "held: nothing known at 2020-01-01T00:00Z" in run("archive", "show", "held", "--as-of", "2020-01-01T00:00Z").out
    )


def test_a_corrected_file_restates_and_the_past_keeps_what_it_knew(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    files(tmp_path)
    run("archive", "import", "map.yaml", "--into", "held")
    files(tmp_path, last="7")
    ended = run("archive", "import", "map.yaml", "--into", "held")
    assert " ".join(ended.out.split()).split(" Not ")[0].endswith("1 3 1")  # one new, three already, one restated
    shown = run("archive", "show", "held", "--json", "held.json")
    assert shown.status == 0
    assert json.loads((tmp_path / "held.json").read_text())[0]["restated"] == 1
    store = Store(tmp_path / "held")
    assert store.as_of("2023-01-02T00:00Z").measurements("park", "load").value[-1] == 3
    assert store.as_of("2200-01-01T00:00Z").measurements("park", "load").value[-1] == 7


def test_checking_stores_nothing(run: Run, tmp_path: Path) -> None:
    files(tmp_path)
    ended = run("archive", "import", "map.yaml", "--into", "held", "--check")
    assert ended.status == 0
    assert "nothing stored" in ended.out
    assert not (tmp_path / "held").exists()


def test_mistakes_are_listed_and_nothing_is_stored(run: Run, tmp_path: Path) -> None:
    files(tmp_path, last="lots")
    (tmp_path / "other.csv").write_text("time,kw\n2023-01-01 00:00,1\n")
    ended = run("archive", "import", "map.yaml", "--into", "held")
    refused(ended, "nothing was imported: 2 mistakes", "no column 'load_kw'", "row 5, column 'load_kw': 'lots'")
    assert not (tmp_path / "held").exists()


def test_what_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    files(tmp_path)
    refused(run("archive", "import", "map.yaml"), "give the archive's folder with --into")
    refused(run("archive", "import", "none.yaml", "--check"), "none.yaml", "cannot be read")
    refused(run("archive", "show", "nowhere"), "there is no archive here")
    run("archive", "import", "map.yaml", "--into", "held")
    refused(run("archive", "show", "held", "--site", "moon"), "no site 'moon'; it has park")
    refused(run("archive", "show", "held", "--as-of", "2023-01-01"), "--as-of", "has no time zone")
    refused(run("archive", "show", "held", "--as-of", "soon"), "'soon' is not a time")


def test_the_schema_takes_the_mapping_and_not_another(run: Run) -> None:
    schema = json.loads(run("archive", "schema").out)
    jsonschema.validate(yaml.safe_load(MAPPING), schema)
    example = yaml.safe_load(run("archive", "example").out)
    jsonschema.validate(example, schema)
    assert len(checked(example).files) == 3
    assert not jsonschema.Draft202012Validator(schema).is_valid({"files": [{"files": "a.csv"}]})
