"""What a kept model learns while it is asked is kept with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dispatch.cli.kept_models import kept_model
from dispatch.cli.planning import Request, asked, gathered
from tests.unit.dispatch.small_park import measured, write


def test_a_rung_that_a_kept_model_learns_later_is_kept_too(tmp_path: Path) -> None:
    path = write(tmp_path)
    measured("2024-03-30", days=30).to_csv(tmp_path / "measured.csv", index=False)
    request = Request(str(path), "2024-03-29", None, None, 0, False, None, None)
    what = asked(request)
    sources = gathered(request, what, lambda _: None)
    edges_ns = what.horizon.edges.astype("datetime64[ns]").astype(np.int64)
    known, rungs = sources.archive.as_of(pd.Timestamp(what.issue)), []
    for ask in (False, True, False):
        with kept_model(tmp_path / "models", what.site, what.horizon, what.issue, sources, lambda _: None) as model:
            assert model is not None
            rungs.append(len(model.kept))
            if ask:
                model.quantiles(known, edges_ns)
    assert rungs[:2] == [0, 0], "never asked, it has learnt nothing"
    assert rungs[2] > 0
