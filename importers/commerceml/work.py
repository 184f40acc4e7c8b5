"""How much there is to read for an import type, and how much of it is done."""

from __future__ import annotations

from typing import NamedTuple, Self

CHEAPER_TO_SEEK = 50
"""So many times cheaper than to read a file is to see that it holds nothing wanted."""


class PartWork(NamedTuple):
    """Of one part: its size, and how much that is to do, both in bytes of XML."""

    size: int
    work: int

    @classmethod
    def of(cls, size: int, *, reads: bool, seeks: bool) -> Self:
        """`reads`: it holds what is wanted; else `seeks`: it may."""
        return cls(size, size if reads else size // CHEAPER_TO_SEEK if seeks else 0)


class Work(tuple[PartWork, ...]):
    """Of all parts, in the order of reading."""

    __slots__ = ()

    @property
    def total(self) -> int:
        return sum(part.work for part in self)

    def before(self, part: int, position: int) -> int:
        """What is done when all parts in front of this one are, and so many bytes of it."""
        done = sum(part.work for part in self[:part])
        if position:
            size, work = self[part]
            done += work * min(position, size) // max(size, 1)
        return done
