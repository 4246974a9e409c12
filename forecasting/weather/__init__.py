"""Weather providers: each fetches one run of a forecast and hands it over as plain arrays."""
