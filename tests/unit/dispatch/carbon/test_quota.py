from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from dispatch.carbon import quota
from dispatch.errors import AlignmentError, DataError

_PRICE = st.floats(0, 100)


@settings(max_examples=60)
@given(
    st.floats(0, 1000), st.floats(0, 1000), _PRICE, st.floats(0, 1), st.none() | st.floats(0, 120), st.floats(0, 0.2)
)
def test_it_is_the_cheapest_way_to_comply(
    emitted: float, free: float, price: float, sells: float, offset: float | None, most: float
) -> None:
    found = quota(emitted, free, price, sell_price=sells * price, offset_price=offset, offsets_most=most)
    cap = most * emitted if offset is not None else 0.0
    best = linprog(
        [price, -sells * price, offset or 0.0], [[-1, 1, -1]], [free - emitted], bounds=[(0, None), (0, 1e5), (0, cap)]
    )
    # The program may miss its rows by 1e-7 t, each worth its price.
    assert float(found.cost) == pytest.approx(best.fun, abs=1e-6 * (1 + price))
    assert float(free + found.bought - found.sold + found.offset) == pytest.approx(max(emitted, emitted))
    assert float(found.offset) <= cap + 1e-9


def test_arrays_go_through() -> None:
    found = quota([1000.0, 400.0], 600.0, 80.0, sell_price=75.0, offset_price=70.0)
    np.testing.assert_allclose(found.bought, [350.0, 0.0])
    np.testing.assert_allclose(found.sold, [0.0, 220.0])
    np.testing.assert_allclose(found.cost, [350 * 80 + 50 * 70, -220 * 75 + 20 * 70])
    assert quota(100.0, 90.0, 80.0).offset == 0


def test_what_is_no_market_is_refused() -> None:
    with pytest.raises(DataError, match="sold at 90"):
        quota(1.0, 0.0, 80.0, sell_price=90.0)
    with pytest.raises(DataError, match="0 or more"):
        quota(-1.0, 0.0, 80.0)
    with pytest.raises(DataError, match="0 or more"):
        quota(float("nan"), 0.0, 80.0)


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(AlignmentError, match=r"emitted is \(3,\) and free \(2,\)"):
        quota([1, 2, 3], [1, 2], 80.0)
    with pytest.raises(DataError, match="0 or more"):
        quota(np.inf, 3.0, 80.0)
