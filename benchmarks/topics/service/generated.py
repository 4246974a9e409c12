"""Requests that were made up from the OpenAPI document, over all its operations and chains of them."""

from __future__ import annotations

from functools import cache

from benchmarks.rows import row
from benchmarks.topics.service.generating.campaign import Campaign, campaign

INPUTS = ("dispatch/service", "benchmarks/topics/service")
REQUESTS = 100_000
_EXAMPLES = 300  # of an operation in a round
_NAME = "schemathesis over the documents of the API and both doors, chains of calls too"


@cache
def _found() -> Campaign:
    return campaign(REQUESTS, _EXAMPLES)


@row("service", name=f"{_NAME}: requests", unit="requests", bar=f">= {REQUESTS}", slow=True, inputs=INPUTS)
def generated_requests() -> int:
    return _found().requests


@row("service", name=f"{_NAME}: answers of 500", unit="answers", bar="== 0", slow=True, inputs=INPUTS)
def generated_failures() -> int:
    return _found().failed


@row("service", name=f"{_NAME}: answers that the document does not allow", unit="kinds", bar="== 0", slow=True,
     inputs=INPUTS)  # fmt: skip
def generated_violations() -> int:
    return len(_found().violations)
