"""Writes :mod:`dispatch.client.generated` from the service's OpenAPI document.

``python -m dispatch.client.generator docs/openapi.json``. The models are datamodel-code-generator's; the methods
are made here. Nothing of this is imported by a program that uses the client.
"""

from __future__ import annotations
