"""What the operator's files and page name is there: settings, commands, files, numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dispatch.service.settings import Settings
from dispatch.service.store.idempotency import KEPT_H

FILES = ("configs/service/parkwatt.env", "configs/service/compose.yaml", "configs/service/Dockerfile",
         "docs/operations.md", "docs/service.md")  # fmt: skip
_CLIENTS = {"PARKWATT_URL", "PARKWATT_KEY"}


@pytest.mark.parametrize("name", FILES)
def test_every_setting_that_is_named_is_one(repository: Path, name: str) -> None:
    text = (repository / name).read_text("utf-8")
    known = {f"PARKWATT_{field.upper()}" for field in Settings.model_fields} | _CLIENTS
    assert set(re.findall(r"PARKWATT_[A-Z_]*[A-Z]", text)) - known == set()


def test_the_services_of_the_compose_file_hold_together(repository: Path) -> None:
    compose = yaml.safe_load((repository / "configs/service/compose.yaml").read_text("utf-8"))
    services = compose["services"]
    assert set(services) == {"database", "server", "worker"}
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)
        assert {volume.partition(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
        assert set(service["secrets"]) <= set(compose["secrets"])
    assert services["server"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "readyz" in str(services["server"]["healthcheck"])


@pytest.mark.parametrize(
    ("unit", "command"), [("parkwatt.service", "serve --workers 0"), ("parkwatt-worker@.service", "worker")]
)
def test_units_start_commands_that_there_are(repository: Path, unit: str, command: str) -> None:
    text = (repository / "configs/service" / unit).read_text("utf-8")
    assert f"bin/parkwatt {command}\n" in text
    for wanted in ("NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=\n", "User=parkwatt"):
        assert wanted in text


def test_limits_on_the_page_are_those_of_the_settings(repository: Path) -> None:
    text = (repository / "docs/operations.md").read_text("utf-8")
    settings = Settings()
    assert settings.max_body_bytes == 32 * 2**20
    wanted = (
        f"{settings.requests_per_minute:,} a minute", f"{settings.plan_deadline_s:g} s, then",
        f"| {settings.plan_age_hours:g} h, then", f"({settings.job_lease_s:g} s)",
        f"{settings.job_queue_limit:,}, then 429",
    )  # fmt: skip
    for said in wanted:
        assert said.replace(",", " ", said.count(",0")) in text, said


def test_answers_are_kept_for_as_long_as_the_page_says(repository: Path) -> None:
    text = (repository / "docs/operations.md").read_text("utf-8")
    assert f"| Answers kept under an Idempotency-Key | {KEPT_H} h | |" in text
