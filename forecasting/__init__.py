"""Probabilistic forecasts of wind, photovoltaic power and loads, from what was known at the time of issue."""
