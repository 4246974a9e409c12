"""Measurements of what parkwatt states about itself. From a checkout: ``python -m benchmarks show``."""
