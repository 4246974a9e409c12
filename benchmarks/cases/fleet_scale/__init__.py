"""Fleets beyond the machine: what was measured of sites, messages and the master, and a run of events drawn from it."""
