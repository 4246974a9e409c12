"""The best bounds and incumbents that are known of published instances, kept as a table."""
