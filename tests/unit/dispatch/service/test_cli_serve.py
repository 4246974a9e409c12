"""The commands: a server that starts, lets in, and ends in order; tenants and keys without one."""

from __future__ import annotations

import builtins
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from dispatch.cli import service_commands
from dispatch.cli.commands import app
from dispatch.cli.serving import _keys, extra
from dispatch.errors import ConfigError, ParkwattError
from dispatch.service.settings import Settings
from dispatch.service.store import Store, audit

PATIENCE_S = 60.0


def typed(*words: str, data: Path) -> tuple[str, str]:
    """Standard output and error of a command that ends well."""
    done = CliRunner().invoke(app, [*words, "--data", str(data)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def refused(*words: str, data: Path) -> ParkwattError:
    done = CliRunner().invoke(app, [*words, "--data", str(data)])
    assert isinstance(done.exception, ParkwattError), done.exception
    return done.exception


def test_a_closed_tenant_stays_with_its_data_and_gets_no_key(tmp_path: Path) -> None:
    typed("tenants", "create", "acme", data=tmp_path)
    assert "acme is closed" in typed("tenants", "close", "acme", data=tmp_path)[0]
    assert re.search(r"^acme  .*closed \d{4}-", typed("tenants", "list", data=tmp_path)[0])
    for again in (("tenants", "close", "acme"), ("keys", "create", "acme", "--all")):
        assert "there is no tenant 'acme'" in str(refused(*again, data=tmp_path))
    with closing(Store.open(Settings.load({}, data=tmp_path).url, tmp_path)) as store, store.read("acme") as tx:
        assert [row.action for row in audit.listed(tx)] == ["tenant.close"]


def test_tenants_and_keys_are_made_without_a_server(tmp_path: Path) -> None:
    assert "No tenants yet" in typed("tenants", "list", data=tmp_path)[1]
    assert "parkwatt keys create acme --all" in typed("tenants", "create", "acme", "--title", "Acme", data=tmp_path)[0]
    assert re.match(r"acme  Acme  since \d{4}-", typed("tenants", "list", data=tmp_path)[0])
    key, told = typed("keys", "create", "acme", "--scope", "sites:read", "--expires-days", "2", data=tmp_path)
    assert re.fullmatch(r"pw_key_[0-9a-z]{26}_[\w-]{43}\n", key)
    assert "sites:read" in told
    key_id = key[3:33]
    listed = typed("keys", "list", "acme", data=tmp_path)[0]
    assert listed.startswith(f"{key_id}  open  never used")
    assert key.strip()[34:] not in listed
    newer = typed("keys", "rotate", key_id, "--overlap-minutes", "0", data=tmp_path)[0][3:33]
    assert "closed already" in typed("keys", "revoke", key_id, data=tmp_path)[0]
    assert "opens nothing any more" in typed("keys", "revoke", newer, data=tmp_path)[0]
    assert [line.split()[1] for line in typed("keys", "list", "acme", data=tmp_path)[0].splitlines()] == ["closed"] * 2


def test_what_is_typed_wrong_is_named(tmp_path: Path) -> None:
    typed("tenants", "create", "acme", data=tmp_path)
    assert "already" in str(refused("tenants", "create", "acme", data=tmp_path))
    assert "small letters" in str(refused("tenants", "create", "Acme!", data=tmp_path))
    assert "Tenants: acme" in str(refused("keys", "create", "acne", "--all", data=tmp_path))
    scope = refused("keys", "create", "acme", "--scope", "sites:rede", data=tmp_path)
    assert isinstance(scope, ConfigError)
    assert "'sites:rede'" in str(scope)
    assert "sites:read" in str(scope)
    assert "allowed nothing" in str(refused("keys", "create", "acme", data=tmp_path))
    assert "parkwatt keys list" in str(refused("keys", "revoke", "key_x", data=tmp_path))


def test_a_taken_port_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        error = refused("serve", "--port", port, data=tmp_path / "new")
    assert f"port {port}" in str(error)
    assert "--port 0" in str(error)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("missing", "remedy"), [("fastapi", "parkwatt[service]"), ("psycopg", "parkwatt[service,postgres]")]
)
def test_what_is_not_installed_is_said_with_the_remedy(missing: str, remedy: str) -> None:
    with pytest.raises(ParkwattError, match=re.escape(f"pip install '{remedy}'")), extra():
        raise ModuleNotFoundError(f"No module named {missing!r}", name=f"{missing}.some")
    with pytest.raises(ModuleNotFoundError), extra():
        raise ModuleNotFoundError("No module named 'dispatch.nothing'", name="dispatch.nothing")


def test_the_commands_import_nothing_of_the_service_early(monkeypatch: pytest.MonkeyPatch) -> None:
    heavy = {"fastapi", "sqlalchemy", "uvicorn", "duckdb"}
    seen: set[str] = set()
    real = builtins.__import__

    def watched(name: str, *more: Any, **named: Any) -> Any:
        seen.add(name.partition(".")[0])
        return real(name, *more, **named)

    monkeypatch.setattr(builtins, "__import__", watched)
    assert CliRunner().invoke(app, ["serve", "--help"]).exit_code == 0
    assert service_commands.tenants.info.help
    assert heavy & seen == set()


def test_the_start_tells_how_to_get_in(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, database="")
    store = Store.open(settings.url, settings.data)
    first = "\n".join(_keys(settings, store, "http://there", demo=False))
    assert f"parkwatt keys create NAME --all --data {tmp_path}" in first
    assert re.search(r"pw_key_[0-9a-z]{26}_[\w-]{43}", "\n".join(_keys(settings, store, "http://there", demo=True)))
    assert "already" in "\n".join(_keys(settings, store, "http://there", demo=True))
    assert list(_keys(settings, store, "http://there", demo=False)) == []
    store.close()


@contextmanager
def started(data: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server as a process of its own, and what it said until it answered."""
    command = [sys.executable, "-m", "dispatch", "serve", "--data", str(data), "--port", "0", *words]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "COLUMNS": "200"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        errors: list[str] = []
        assert process.stderr is not None
        assert process.stdout is not None
        reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()), daemon=True)
        reader.start()
        said = ""
        try:
            while "database" not in said or ("--demo" in words and "curl" not in said):
                line = process.stdout.readline()
                assert line, "".join(errors)
                said += line
            until = time.monotonic() + PATIENCE_S
            while not any("startup complete" in line for line in errors):
                assert time.monotonic() < until
                time.sleep(0.02)
            yield process, said
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)
            reader.join(5)
            process.logged = errors  # type: ignore[attr-defined]


def address(said: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", said)
    assert found is not None
    return found[0]


def test_a_first_start_lets_somebody_in_and_ends_in_order(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with started(data, "--demo", "--workers", "0") as (process, said):
        key = re.search(r"pw_key_[0-9a-z]{26}_[\w-]{43}", said)
        assert key is not None
        headers = {"Authorization": f"Bearer {key[0]}"}
        assert httpx.get(f"{address(said)}/api/v1/sites", headers=headers).status_code == 200
        assert httpx.get(f"{address(said)}/readyz").json()["checks"]["workers"] == "ok"
    assert process.returncode == 0
    logged = [json.loads(line) for line in process.logged if line.startswith("{")]  # type: ignore[attr-defined]
    assert any(line["message"] == "request" and line["tenant"] == "demo" for line in logged)
    assert key[0] not in "".join(process.logged)  # type: ignore[attr-defined]
    store = Store.open(f"sqlite:///{data / 'parkwatt.sqlite'}", data)
    store.close()
