"""AC network models: bus names and arrays in, arrays out.

``library`` loads a network, ``power_flow`` solves it (pandapower as the reference, power-grid-model for
batches), ``limits`` finds breaches of voltage and loading limits and turns them into linear rows a scheduler
can use, with the slopes of ``linear``. ``opf`` finds the cheapest dispatch under the limits and how far they must
be passed, ``socp`` the bound that proves it. Importing this package imports neither engine; pandapower and
simbench load inside ``library.load`` and ``power_flow.solve_reference`` only.
"""
