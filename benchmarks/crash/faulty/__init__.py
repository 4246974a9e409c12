"""A kind of job in the place of the service's own of the same name."""
