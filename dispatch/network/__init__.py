"""A plan on its network: what is asked there, the proof by AC power flow, and limits that come back as data."""
