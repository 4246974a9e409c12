"""What the store raises.

::

    StoreError
    ├── BusyError        another writer held the database for too long: the same call may succeed later
    ├── UnreachableError the database does not answer, or not any more: a commit in progress may have come through
    │   └── FullError    there is no room left on its disk; nothing was changed
    ├── NewerError       the database was written by a newer version of this program
    ├── DamagedError     something that was acknowledged is not there, or is not what was written
    └── ReadOnlyError    a write was tried in a transaction that was opened to read
"""

from __future__ import annotations

from dispatch.errors import ParkwattError


class StoreError(ParkwattError):
    """Root of what the store raises."""


class BusyError(StoreError):
    """Another writer held the database for too long; nothing was changed."""


class UnreachableError(StoreError):
    """The database does not answer; whether a commit in progress came through is not known."""


class FullError(UnreachableError):
    """There is no room left on a disk of the store; nothing was changed, and the same call succeeds when there is."""


class NewerError(StoreError):
    """The database is of a newer version than this program."""


class DamagedError(StoreError):
    """Something that was acknowledged is not there, or is not what was written."""


class ReadOnlyError(StoreError):
    """A transaction that only reads was asked to write."""
