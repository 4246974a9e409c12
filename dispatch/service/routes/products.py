"""What can be sold where, until when: the markets' products that ship."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from dispatch.errors import DataError
from dispatch.markets.calendar import next_gate
from dispatch.markets.catalogue import shipped
from dispatch.markets.product import Product as MarketProduct
from dispatch.service.errors import NotFoundError
from dispatch.service.http.call import Call, allowed
from dispatch.service.http.cursor import Page, Paging, paging
from dispatch.service.http.problem import problems
from dispatch.service.schemas.bids import Gate, Product
from dispatch.service.schemas.values import Name
from dispatch.service.store import Tx

router = APIRouter(tags=["products"])
Reads = Annotated[Call, Depends(allowed("markets:read"))]


@router.get("/products", name="list", summary="Products that ship", response_model=Page[Product])
def list_all(call: Reads, pages: Annotated[Paging, Depends(paging)]) -> Response:
    """By name; of one name several where rules changed, each for its delivery days."""

    def work(tx: Tx) -> Page[Product]:
        every = [one for _, found in sorted(shipped().items()) for one in found]
        first = pages.after(call) or 0
        some = list(enumerate(every))[first : first + pages.limit + 1]
        return pages.page(call, some, lambda one: _document(one[1], tx.now), lambda one: one[0] + 1)

    return call.read(work)


@router.get(
    "/products/{product}", name="get", summary="A product", response_model=Page[Product],
    responses=problems(404),
)  # fmt: skip
def get(product: Name, call: Reads) -> Response:
    """All that is known of it, for each span of delivery days, with the gate that closes next."""

    def work(tx: Tx) -> Page[Product]:
        if product not in shipped():
            raise NotFoundError(f"there is no product '{product}'")
        return Page[Product](items=[_document(one, tx.now) for one in shipped()[product]])

    return call.read(work)


def _document(found: MarketProduct, now: datetime) -> Product:
    try:
        gate = next_gate(found, now)
    except DataError:
        shut = None
    else:
        shut = Gate(day=gate.day, opens=gate.opens, closes=gate.closes, open_now=gate.open_now)
    same = {"name": found.name, "product": found, "span": found.span, "price_unit": found.price_unit}
    return Product(**same, refused=found.not_planned or None, next_gate=shut)
