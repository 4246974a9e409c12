<<<<<<< HEAD
"""Many sites at once: instantiated from templates, planned in batches, coordinated."""
=======
"""Fleets: many sites planned at once, on their own or under what they share."""
>>>>>>> engine
