"""Measurements and weather runs from tables of any layout into the archive, by a mapping; one series from a file."""
