"""How often keys were changed in this process, for those who remember that one opened."""

from __future__ import annotations


class Changes:
    """Counts."""

    number = 0

    def note(self) -> None:
        """One more."""
        self.number += 1


CHANGES = Changes()
