"""Doing again what a lost connection kept from being done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from importers.errors import ConnectionLost, DatabaseError, Unsure

TRIES = 5
P = ParamSpec("P")
T = TypeVar("T")
Write = Callable[P, Coroutine[Any, Any, T]]


def repeated(write: Write[P, T]) -> Write[P, T]:
    """Of a method that is one transaction, or whose parts may be done twice: it is called again while its connection is
    lost before the commit. Raises ConnectionLost after some tries; each waits for the server."""
    return _again_after(write, ConnectionLost)


def twice_is_once(write: Write[P, T]) -> Write[P, T]:
    """Of a method that changes nothing the second time: called again also where nobody knows whether it was done."""
    return _again_after(write, ConnectionLost, Unsure)


def _again_after(write: Write[P, T], *errors: type[DatabaseError]) -> Write[P, T]:
    @wraps(write)
    async def until_done(*args: P.args, **named: P.kwargs) -> T:
        for _try in range(TRIES - 1):
            with suppress(*errors):
                return await write(*args, **named)
        return await write(*args, **named)

    return until_done
