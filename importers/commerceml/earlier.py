"""What the files of an export tell for those behind them, and what becomes of that where only these are read."""

from __future__ import annotations


class NeedsEarlier(Exception):
    """What is read depends on files in front of it that were not read here: it is to be read again behind them."""


class PriceTypes:
    """The ids of those that the files have defined so far: a price without a type is of the only one."""

    def __init__(self, *, from_start: bool = True) -> None:
        """`from_start`: of all files, so that it is known how many there are."""
        self._ids: set[str] = set()
        self._from_start = from_start

    def add(self, ident: str) -> None:
        self._ids.add(ident)

    def extend(self, other: PriceTypes) -> None:
        """Add those of the files behind these."""
        self._ids |= other._ids

    def only(self) -> str | None:
        """None where there are none or several. Raises NeedsEarlier."""
        if not self._from_start:
            raise NeedsEarlier
        return next(iter(self._ids)) if len(self._ids) == 1 else None
