"""Doing again what a lost connection kept from being done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from importers.errors import ConnectionLost

TRIES = 5
P = ParamSpec("P")
T = TypeVar("T")


def repeated(write: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Of a method that is one transaction, or whose parts may be done twice: it is called again while its connection is
    lost before the commit. Raises ConnectionLost after some tries; each waits for the server."""

    @wraps(write)
    async def until_done(*args: P.args, **named: P.kwargs) -> T:
        for _try in range(TRIES - 1):
            try:
                return await write(*args, **named)
            except ConnectionLost:
                pass
        return await write(*args, **named)

    return until_done
