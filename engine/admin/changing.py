"""What each part of `Admin` stands on: the store, and the lock before whatever changes it."""

from __future__ import annotations

from engine.store import Store
from engine.write_lock import WriteLock


class Changing:
    """Actions on one store, as far as the write lock lets them through."""

    _store: Store
    write_lock: WriteLock

    @property
    def _changing(self) -> Store:
        """The store, for whoever changes something: the one place where the write lock is heeded.

        Each action asks for it before anything else. Raises WriteLockedError.
        """
        self.write_lock.check()
        return self._store
