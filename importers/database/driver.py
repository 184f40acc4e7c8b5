"""Whether the library that talks to a server is there: it is no part of the smallest installation."""

from __future__ import annotations

from importlib.util import find_spec

from importers.addresses import without_secrets
from importers.errors import DatabaseError
from importers.texts import N_


def require_driver(address: str) -> None:
    """Raises DatabaseError where psycopg is not installed; it is not loaded."""
    if find_spec("psycopg") is None:
        raise DatabaseError(
            N_('{path}: PostgreSQL needs another library: pip install "obmen[postgres]"'),
            path=without_secrets(address),
        )
