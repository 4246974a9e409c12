"""Loads and net loads.

`rhythm.Rhythm` answers for hours and days, from the recent past and forecasts of weather;
`by_temperature.ByTemperature` for weeks and months, from scenarios of the temperature. `model.LoadModel` is both, each
for the leads at which it knows more.
"""
