"""Each route of the API asked by one tenant for what another has: the answers are those for what nobody has."""
