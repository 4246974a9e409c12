"""What plant that is committed or generates shares: on and off, starts, ramps, yield curves, conversions, outages."""
