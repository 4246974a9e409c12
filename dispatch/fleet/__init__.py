"""Fleets: many sites planned at once, on their own or under what they share."""
