"""Writes whose connection was lost on the way: they are begun anew, once.

The database waits for its server. So what is lost again then is told to who asked.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from importers.errors import DatabaseError, Undone, Unsure

P = ParamSpec("P")
T = TypeVar("T")
Write = Callable[P, Coroutine[Any, Any, T]]


def once(write: Write[P, T]) -> Write[P, T]:
    """For what must not be done twice: it is begun anew where it is known that nothing was done."""
    return _again_after(write, Undone)


def twice_is_once(write: Write[P, T]) -> Write[P, T]:
    """For what changes nothing the second time: it is begun anew also where nobody knows whether it was done."""
    return _again_after(write, Undone, Unsure)


def _again_after(write: Write[P, T], *errors: type[DatabaseError]) -> Write[P, T]:
    @wraps(write)
    async def perhaps_again(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await write(*args, **kwargs)
        except errors:
            return await write(*args, **kwargs)

    return perhaps_again
