"""AC network models: bus names and arrays in, arrays out.

``library`` loads a network, ``power_flow`` solves it (pandapower as the reference, power-grid-model for
batches), ``limits`` finds breaches of voltage and loading limits and turns them into linear rows a scheduler
can use, with the slopes of ``linear``. ``opf`` finds the cheapest dispatch under the limits and how far they must
be passed, ``socp`` the bound that proves it. Importing this package imports neither engine; pandapower and
simbench load inside ``library.load`` and ``power_flow.solve_reference`` only.
"""

from __future__ import annotations

import os

# pandapower brings pandera, which sets this where it is not set; then pyarrow drops the zone of every Python time that
# it makes an array of, in the whole process and without a word. An empty value is what pyarrow does by itself.
os.environ.setdefault("PYARROW_IGNORE_TIMEZONE", "")
