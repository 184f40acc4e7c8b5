"""What PostgreSQL says, in words for the operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
from psycopg.conninfo import conninfo_to_dict

from importers.addresses import without_secrets
from importers.errors import PLACE, ConnectionLost, DatabaseError
from importers.texts import N_, Message


@contextmanager
def plainly(url: str, connection: psycopg.AsyncConnection[Any] | None = None) -> Iterator[None]:
    """Turn what PostgreSQL says, and what keeps from reaching it, into a DatabaseError that names place and cure.

    Raises ConnectionLost where the `connection` is lost by it: nothing of what was not committed was done.
    """
    try:
        yield
    except psycopg.Error as error:
        place = without_secrets(url)
        state = error.sqlstate or ""
        if connection is not None and (connection.closed or state.startswith(_ENDED)):
            connection.pgconn.finish()  # the server has said so, whether or not its end of the line was seen
            raise ConnectionLost(PLACE, path=place, why=Message(LOST)) from error
        for prefix, cure in _CURES.items():
            if state.startswith(prefix):
                raise DatabaseError(PLACE, path=place, why=Message(cure)) from error
        if isinstance(error, psycopg.OperationalError) and not state:
            raise DatabaseError(
                N_("{path}: cannot be reached: {error}; start it, or correct the address"),
                path=place,
                error=_said(error, url),
            ) from error
        raise


def _said(error: psycopg.Error, url: str) -> str:
    """The last line of it without the password, however that is written."""
    text = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
    password = str(conninfo_to_dict(url).get("password") or "")
    for written in {password, quote(password, safe=""), quote_plus(password)} - {""}:
        text = text.replace(written, "…")
    return text


_ENDED = ("08", "25P03", "57P")
"""With these the server ends a connection."""
LOST = N_("the connection to the server is lost; try again")
_CURES = {
    "28": N_("the server refuses this account; correct user and password"),
    "3D": N_("there is no such database; create it, or correct the address"),
    "3F": N_("there is no such schema; create it, or correct the address"),
    "42501": N_("this account may not do that; grant it the right"),
    "53100": N_("the server's disk is full; free some space"),
    "53200": N_("the server is out of memory; free some, or lower its settings"),
    "53300": N_("the server has too many connections; allow it more"),
    "25006": N_("read-only: this is a standby, or the account may only read"),
    "40": N_("others wrote the same at once; try again"),
    "55P03": N_("somebody holds a lock on it for long; wait, or end what holds it"),
    "57014": N_("it took too long and was ended; try again"),
    "57P": N_("the server ends connections; try again when it is back"),
    "58": N_("the server's disk or system fails; see its log"),
    "08": LOST,
}
"""By SQLSTATE."""
