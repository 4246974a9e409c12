"""Wind power: what of the weather, the neighbours and the past bears on it, and which learners make it a forecast."""
