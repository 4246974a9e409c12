"""The page a park operator opens in the morning: one self-contained HTML file, made from plain values."""

from __future__ import annotations

from dispatch.report.data import (
    Balance,
    Fan,
    Finding,
    Limit,
    Line,
    Method,
    ReportData,
    Status,
    Store,
    VoltageBand,
)
from dispatch.report.page import render

__all__ = [
    "Balance",
    "Fan",
    "Finding",
    "Limit",
    "Line",
    "Method",
    "ReportData",
    "Status",
    "Store",
    "VoltageBand",
    "render",
]
