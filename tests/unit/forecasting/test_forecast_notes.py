"""What a forecast tells of the data it was made from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from forecasting.forecast import forecast
from tests.unit.forecasting.synthetic import BERLIN, LOAD, archive, day_edges, ends

EDGES = day_edges("2023-06-10")
ISSUE = pd.Timestamp("2023-06-09T10:00", tz=BERLIN.time_zone)
END = ends("2023-05-01", 43)


def test_weather_without_times_of_issue_is_no_forecast_and_it_is_said() -> None:
    measured = archive(END).with_measurements("sky", "temperature_2m", END, np.full(len(END), 15.0))
    found = forecast((LOAD,), measured, BERLIN, ISSUE, EDGES, weather_site="sky")
    assert "offices: of the weather under sky measurements are known, and no forecasts" in "; ".join(found.notes)
    plain = forecast((LOAD,), archive(END), BERLIN, ISSUE, EDGES, weather_site="sky")
    assert not any("of the weather under" in note for note in plain.notes)
