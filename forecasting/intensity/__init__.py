"""Providers of carbon intensity: measured, forecast, or computed from a generation mix."""
