"""The model of :mod:`benchmarks.cases.layer` as each peer's users would write it. Only where the peer is installed."""
