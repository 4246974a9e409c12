"""Is it alive, is it ready, and its numbers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

PREFIX = ""
router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The server answers."""

    status: str = "ok"


@router.get("/healthz", operation_id="alive", summary="Does the server answer?")
async def alive() -> Alive:
    """Always ok where there is an answer; says nothing of the database."""
    return Alive()
