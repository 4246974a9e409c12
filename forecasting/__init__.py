"""Probabilistic forecasts of wind, photovoltaic power and loads, from data known at the time of issue only."""
