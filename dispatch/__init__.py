"""parkwatt's scheduler: from a park's description and a forecast to a schedule proved on the grid.

The distribution is named ``parkwatt``; ``dispatch`` is the import name (two unrelated packages share it).
"""

from __future__ import annotations

__version__ = "0.1.0"
