"""What PostgreSQL says, and what keeps from reaching it, as errors that name place and cure, and nothing secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote, unquote_plus, urlsplit

import psycopg

from importers.addresses import without_secrets
from importers.errors import PLACE, DatabaseError, Undone
from importers.texts import N_, Message


@contextmanager
def plainly(url: str) -> Iterator[None]:
    """Turn errors of PostgreSQL and of the way to it into a DatabaseError: Undone where beginning anew may help."""
    try:
        yield
    except psycopg.Error as error:
        kind = Undone if is_lost(error) or _state(error).startswith("40") else DatabaseError
        if why := _why(error, url):
            raise kind(PLACE, path=without_secrets(url), why=why) from error
        raise


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, or could not be made, for a reason that may pass."""
    state = _state(error)
    return state.startswith(_PASSING) or (not state and isinstance(error, psycopg.OperationalError))


def _state(error: psycopg.Error) -> str:
    """Its SQLSTATE. Of a connection that was not made there is none, only what the server says, in its language."""
    if error.sqlstate:
        return error.sqlstate
    return next((state for state, said in _REFUSALS.items() if re.search(said, str(error))), "")


def _why(error: psycopg.Error, url: str) -> Message | None:
    """None: no trouble of an operator."""
    state = _state(error)
    for prefix, text in _WHY.items():
        if state.startswith(prefix):
            return Message.of(text, error=_said(error, url)) if "{error}" in text else Message(text)
    if state or not isinstance(error, psycopg.OperationalError):
        return None
    if str(error).startswith(_CONNECTING):
        return Message.of(
            N_("cannot be reached: {error}; start it, or correct the address"), error=_said(error, url)
        )
    return Message(_LOST)


def _said(error: psycopg.Error, url: str) -> str:
    """The one line of it that tells most, without the password."""
    lines = (error.diag.message_primary or str(error)).strip().splitlines() or [type(error).__name__]
    text = lines[-1]
    for secret in _secrets(url):
        text = text.replace(secret, "…")
    return text


def _secrets(url: str) -> list[str]:
    """The password in all ways in which it may stand somewhere; the longest first."""
    parts = urlsplit(url)
    written = [parts.password or "", *re.findall(r"(?:^|&)password=([^&]*)", parts.query)]
    read = [unquote(each) for each in written]
    again = [quote(each, safe="") for each in read]
    return sorted({*written, *read, *map(unquote_plus, written), *again} - {""}, key=len, reverse=True)


FOREIGN = ("42P05", "26000")
"""Prepared statements that are there, or not, against all that this connection did."""
_PASSING = (*FOREIGN, "08", "57P01", "57P02", "57P03", "57P05", "25P03", "53300")
_REFUSALS = {
    "28": r"authentication failed|no password supplied|no pg_hba\.conf entry|role \".*\" (does not exist|is not)",
    "3D": r"database \".*\" does not exist",
    "53300": r"too many (clients|connections)|connection slots are reserved",
    "57P03": r"the database system is|not accepting connections",
}
"""What servers say to who wants a connection, in English; in other languages it is told as it is said."""
_CONNECTING = ("connection failed", "connection timeout", "connection is bad", "failed to resolve", "[Errno")
_LOST = N_("the connection to the server is lost; try again")
_WHY = {
    "28": N_("the server refuses this account: {error}; correct user and password"),
    "3D": N_("there is no such database; create it, or correct the address"),
    "3F": N_("its schema is gone; restore it, or correct the address"),
    "42P01": N_("its tables are not those that obmen made: {error}; restore them, or name another schema"),
    "42703": N_("its tables are not those that obmen made: {error}; restore them, or name another schema"),
    "42501": N_("this account may not do that; grant it the right"),
    "0A000": N_("the server cannot do that: {error}; use PostgreSQL 15 or later"),
    "P0001": N_("a trigger of the shop refused the change: {error}; change that trigger"),
    "53100": N_("the server's disk is full; free some space"),
    "53200": N_("the server is out of memory; free some, or allow it more"),
    "53300": N_("the server has too many connections; allow it more"),
    "53": N_("the server is out of something: {error}; allow it more"),
    "25006": N_("read-only: this is a standby, or the account may only read"),
    "25P03": N_("the server ended a transaction that did nothing for long; try again"),
    "55P03": N_("somebody holds a lock on it for long; wait, or end what holds it"),
    "57014": N_("it took too long and was ended; try again"),
    "57P04": N_("the database was dropped; restore it, or correct the address"),
    "57P": N_("the server ends connections; try again when it is back"),
    "58": N_("the server's disk cannot be read or written: {error}; check it"),
    "XX001": N_("damaged; restore it from a copy"),
    "XX002": N_("damaged: {error}; rebuild the index"),
    "40": N_("it met with somebody else's change and was undone; try again"),
    "08": _LOST,
    "42P05": _LOST,
    "26000": _LOST,
}
"""By SQLSTATE."""
