"""Requests that schemathesis makes up from the OpenAPI document, and what came of them."""
