"""Providers of electricity prices: each fetches a market's prices with the time they were published."""
