"""What PostgreSQL says, in words for the operator."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote, unquote_plus, urlsplit

import psycopg

from importers.addresses import without_secrets
from importers.errors import PLACE, ConnectionLost, DatabaseError, Unreachable
from importers.system_texts import OF_CONNECTIONS, OF_NAMES, OF_SYSTEM
from importers.texts import N_, Message


@contextmanager
def plainly(url: str, connection: psycopg.AsyncConnection[Any] | None = None) -> Iterator[None]:
    """Turn what PostgreSQL says, and what keeps from reaching it, into a DatabaseError that names place and cure.

    Raises ConnectionLost where the `connection` is lost by it: nothing of what was not committed was done; Unreachable
    where none could be made, for now.
    """
    try:
        yield
    except psycopg.Error as error:
        place = without_secrets(url)
        state = _state(error)
        if connection is not None and (connection.closed or state.startswith(_ENDED)):
            if state in FOREIGN:
                connection.prepare_threshold = None
            connection.pgconn.finish()  # the server has said so, whether or not its end of the line was seen
            why = next((cure for prefix, cure in _CURES.items() if state.startswith(prefix)), LOST)
            raise ConnectionLost(PLACE, path=place, why=Message(why)) from error
        for prefix, cure in _CURES.items():
            if state.startswith(prefix):
                why_not = Message.of(cure, error=_said(error, url)) if "{error}" in cure else Message(cure)
                kind = Unreachable if connection is None and prefix in _FOR_NOW else DatabaseError
                raise kind(PLACE, path=place, why=why_not) from error
        if isinstance(error, psycopg.OperationalError) and not state:
            raise Unreachable(
                N_("{path}: cannot be reached: {error}; start it, or correct the address"),
                path=place,
                error=_known(str(error)) or _said(error, url),
            ) from error
        raise


def _state(error: psycopg.Error) -> str:
    """Its SQLSTATE. Of a connection that was not made there is none, only what the server says, in its language."""
    if error.sqlstate or not isinstance(error, psycopg.OperationalError):
        return error.sqlstate or ""
    return _refusal(error)[0]


def _refusal(error: psycopg.Error) -> tuple[str, str]:
    """What is refused, and the line that says so: who may do without TLS, or names several servers, is told of each
    try."""
    for state, said in _REFUSALS.items():
        for line in str(error).splitlines():
            if re.search(said, line):
                return state, line.strip()
    return "", ""


def _known(said: str) -> str:
    """The reason without what is told of the place around it, if it is one that we can tell in the reader's language;
    of several servers the last one's."""
    found = [(said.rfind(reason), reason) for reason in (*OF_SYSTEM, *OF_NAMES, *OF_CONNECTIONS)]
    at, reason = max(found)
    return reason if at >= 0 else ""


def _said(error: psycopg.Error, url: str) -> str:
    """One line of it without the password, however that is written."""
    told = (error.diag.message_primary or str(error)).strip().splitlines() or [type(error).__name__]
    lines = [line.strip() for line in told if not re.match(r"\s*Is the server running", line)]
    text = _refusal(error)[1] or (lines[-1] if lines else told[-1])
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
"""Prepared statements that are there, or not, against all that this connection did: a pooler stands in between."""
_ENDED = ("08", "25P03", "57P", *FOREIGN)
"""With these the server ends a connection, or we do."""
_FOR_NOW = ("08", "53300", "57P")
"""With these it makes none, until it is up or has room."""
_REFUSALS = {
    "28": r"authentication failed|no password supplied|role \".*\" (does not exist|is not)",
    "3D": r"database \".*\" does not exist",
    "53300": r"too many (clients|connections)|connection slots are reserved",
    "57P03": r"the database system is|not accepting connections",
    "TLS authority": r"certificate verify failed",
    "TLS file": r"root certificate file",
    "TLS own": r"(certificate|private key) file|valid client certificate",
    "TLS host": r"server certificate for .* does not match host name",
    "TLS none": r"server does not support SSL",
    "TLS wanted": r"no pg_hba\.conf entry for .*, no encryption",
    "no entry": r"no pg_hba\.conf entry|pg_hba\.conf rejects",
}
"""What is said to who wants a connection, in English; in other languages it is told as it is said. Of TLS it is libpq
that says it, which has no SQLSTATEs for that."""
LOST = N_("the connection to the server is lost; try again")
FOREIGN_TABLES = N_("its tables are not those that obmen made: {error}; restore them, or name another schema")
_CURES = {
    "28": N_("the server refuses this account: {error}; correct user and password"),
    "3D": N_("there is no such database; create it, or correct the address"),
    "3F": N_("there is no such schema; create it, or correct the address"),
    "42P01": FOREIGN_TABLES,
    "42703": FOREIGN_TABLES,
    "0A000": N_("the server cannot do that: {error}; use PostgreSQL 15 or later"),
    "P0001": N_("a trigger of the shop refused the change: {error}; change that trigger"),
    "42501": N_("this account may not do that; grant it the right"),
    "53400": N_("a limit of the server is reached: {error}; raise it there"),
    "53100": N_("the server's disk is full; free some space"),
    "53200": N_("the server is out of memory; free some, or lower its settings"),
    "53300": N_("the server has too many connections; allow it more"),
    "25P03": N_("the server ended a transaction that did nothing for long; try again"),
    "25006": N_("read-only: this is a standby, or the account may only read"),
    "40": N_("others wrote the same at once; try again"),
    "55P03": N_("somebody holds a lock on it for long; wait, or end what holds it"),
    "57014": N_("it took too long and was ended; try again"),
    "57P04": N_("the database was dropped; restore it, or correct the address"),
    "57P": N_("the server ends connections; try again when it is back"),
    "58": N_("the server's disk or system fails; see its log"),
    "XX001": N_("damaged; restore it from a copy"),
    "XX002": N_("damaged; restore it from a copy"),
    "08": LOST,
    "TLS authority": N_(
        "its certificate is not trusted, or out of date; name the file of who signed it in ?sslrootcert="
    ),
    "TLS file": N_("the file of who signs certificates is not there, or is none; name it in ?sslrootcert="),
    "TLS own": N_("a certificate of this account's own does not do: {error}; correct sslcert and sslkey"),
    "TLS host": N_("its certificate is for another host: {error}; correct the address"),
    "TLS none": N_("the server does not speak TLS; let it (ssl = on), or leave sslmode out"),
    "TLS wanted": N_("the server does not let this account in without TLS: {error}; write ?sslmode=require"),
    "no entry": N_("the server does not let this account in: {error}; add it to the server's pg_hba.conf"),
}
"""By SQLSTATE."""
