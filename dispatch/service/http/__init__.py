"""What all doors of the service share: problems, calls, limits, formats, tokens, streams of events, telemetry."""
