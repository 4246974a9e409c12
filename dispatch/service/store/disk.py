"""Where the store keeps what is no row: a folder for each tenant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dispatch.service.store.metadata import TENANT_PATTERN

_TENANT = re.compile(TENANT_PATTERN)


@dataclass(frozen=True)
class Disk:
    """The data folder of a store."""

    root: Path

    def files(self, tenant: str) -> Path:
        """Contents of files by their hash."""
        return self.root / "files" / _folder(tenant)

    def series(self, tenant: str) -> Path:
        """Parquet parts by day."""
        return self.root / "series" / _folder(tenant)


def _folder(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise ValueError(f"'{tenant}' is no name of a tenant")
    return tenant
