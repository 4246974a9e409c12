"""``parkwatt store`` as a user types it: backup, check, restore, compaction."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dispatch.cli.commands import app
from dispatch.errors import ParkwattError
from dispatch.service.settings import Settings
from dispatch.service.store import Store, series
from tests.unit.dispatch.service.store.parks import put, rows


def typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["store", *words])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder of a store with some measurements."""
    assert CliRunner().invoke(app, ["tenants", "create", "north", "--data", str(tmp_path / "data")]).exit_code == 0
    store = Store.open(Settings(data=tmp_path / "data").url, tmp_path / "data")
    put(store, "a")
    with store.write("north", "test") as tx:
        series.append(tx, rows(range(10)))
    store.close()
    return tmp_path / "data"


def test_a_backup_and_the_way_back(data: Path, tmp_path: Path) -> None:
    compacted = typed("compact", "--data", str(data))
    assert "10 values moved" in compacted.output
    made = typed("backup", str(tmp_path / "copy"), "--data", str(data))
    assert made.exit_code == 0, made.output
    assert "1 series parts" in made.output
    assert "All of it is there" in typed("check", "--backup", str(tmp_path / "copy")).output
    restored = typed("restore", str(tmp_path / "copy"), "--data", str(tmp_path / "new"))
    assert "1 files" in restored.output
    assert "All of it is there" in typed("check", "--data", str(tmp_path / "new")).output
    assert "is at revision" in typed("upgrade", "--data", str(tmp_path / "new")).output


def test_what_is_lost_is_told_and_ends_with_an_error(data: Path) -> None:
    typed("compact", "--data", str(data))
    next(data.rglob("*.parquet")).unlink()
    found = typed("check", "--data", str(data))
    assert found.exit_code == 1
    assert "is missing" in found.output


def test_looking_makes_no_store(tmp_path: Path) -> None:
    found = typed("check", "--data", str(tmp_path / "none"))
    assert isinstance(found.exception, ParkwattError)
    assert "there is no store" in str(found.exception)
    assert not (tmp_path / "none").exists()
