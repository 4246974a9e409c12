"""Frozen inputs of measurements."""
