"""Many sites at once: instantiated from templates, planned in batches, coordinated."""
