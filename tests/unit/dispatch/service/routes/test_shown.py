"""Tables of results in the forms that are asked for."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest

from dispatch.service.http.call import Call
from dispatch.service.routes import shown


@pytest.mark.parametrize("kind", ["text/csv", "application/json"])
def test_amounts_are_told_to_the_cent(kind: str) -> None:
    call: Any = SimpleNamespace(request=SimpleNamespace(headers={"accept": kind}))
    cents = [8096, -101, 0, 123456789012, 57, None]
    amounts = pa.array([None if c is None else Decimal(c) / 100 for c in cents], pa.decimal128(18, 2))
    found = shown._numbers(cast(Call, call), pa.table({"revenue": amounts, "site": ["a"] * 6}))
    assert found["revenue"].to_pylist() == [80.96, -1.01, 0.0, 1234567890.12, 0.57, None]
