"""Bodies that go in and out; a module for each resource."""

from __future__ import annotations
