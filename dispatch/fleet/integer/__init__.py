"""Plant that is on or off, in fleets: each site's commitment at a price, and a fleet's under what its sites share."""
