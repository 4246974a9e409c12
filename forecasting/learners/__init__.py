"""Conditional quantiles from rows of features; these modules know arrays and nothing of weather, plants or files."""
