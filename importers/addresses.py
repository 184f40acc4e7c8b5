"""Addresses of databases and of Redis: which ones can be used, and how to show one without its password.

A mistyped address may hold its password anywhere. So what is shown of one is what was recognised, and errors say
nothing of it otherwise.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit

from importers.errors import PLACE, SettingsError
from importers.texts import N_, Message, is_text

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,20})://", re.IGNORECASE | re.ASCII)
_USER = r"(?P<user>[^?#]*@)?"
_MORE = r"(?P<more>[/?#][^@]*)?"
_NUMBERED = r"(?P<place>(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d+)?(?:/\d{1,3}(?=[?#]|$))?)"
_SHOWN = "(?ai)" + _USER + _NUMBERED + _MORE
"""host:port/number. In `redis://:a?b@host` and `redis://host?password=a@b` nobody knows where the password ends."""
_SHOWN_FILE = _USER + r"(?P<place>/[^@?#]*)" + _MORE

_REDIS = r"(?i)([^/?#]*@)?([\w.%-]+|\[[0-9a-f:.%]+\])?(:\d{1,5})?(/\d{0,5})?"
_REDIS_SOCKET = r"([^/?#]*@)?/[^?#]+"
_OPTIONS = ("db", "username", "password", "protocol", "client_name")
_TLS_OPTIONS = (
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_keyfile",
)


def without_secrets(address: str) -> str:
    """An address as it may be shown: `redis://…@host:6379/0`; of one that is not understood only the beginning."""
    scheme = _SCHEME.match(address)
    if scheme is None:
        return "…"
    name = scheme[1].lower()
    shown = _SHOWN_FILE if name in ("unix", "sqlite") else _SHOWN
    known = re.fullmatch(shown, address[scheme.end() :])
    if known is None:
        return f"{name}://…"
    return f"{name}://{'…@' if known['user'] else ''}{known['place']}{'…' if known['more'] else ''}"


def is_postgres(address: str) -> bool:
    return address.lower().startswith(POSTGRES)


def postgres_of(address: str, schema: str) -> tuple[str, str]:
    """(what libpq is given, our schema) of `postgresql://user@host:5432/shop?schema=obmen`; `schema`: where none is
    named."""
    place, _mark, query = address.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    named = [value for option, value in options if option == "schema"]
    rest = urlencode([(option, value) for option, value in options if option != "schema"])
    return (f"{place}?{rest}" if rest else place), named[-1] if named else schema


def sqlite_path(address: str) -> str:
    """The file that `sqlite:///path` names, as it stands there. Raises SettingsError for every other address."""
    path = address[len(SQLITE) :]
    if address.lower().startswith(("postgres", "pgsql")):
        reason = N_("PostgreSQL comes in a later version; use sqlite:///path")
    elif address[: len(SQLITE)].lower() != SQLITE:
        reason = N_("not an address of a database; use sqlite:///path, from the root on sqlite:////path")
    elif not is_text(path):
        reason = N_("not in UTF-8; correct it")
    elif "?" in path:
        reason = N_("options after a ? are not supported; use sqlite:///path alone")
    elif path.startswith((":", "file:")):
        reason = N_("a database in memory ends with each command; name a file: sqlite:///path")
    elif not path.strip() or path.endswith("/"):
        reason = N_("names no file; name one in that folder: sqlite:///path")
    else:
        return path
    raise SettingsError(PLACE, path=without_secrets(address), why=Message(reason))


def require_redis(address: str) -> None:
    """Raises SettingsError unless redis-py reads out of `address` what its author meant: it leaves out what it does
    not understand (a fragment, a database that is no number), and hands unknown options to its own functions."""
    if reason := _trouble(address):
        raise SettingsError(PLACE, path=without_secrets(address), why=reason)


def _trouble(address: str) -> Message | None:
    scheme = _SCHEME.match(address)
    name = scheme[1].lower() if scheme else ""
    if scheme is None or name not in ("redis", "rediss", "unix"):
        return Message(N_("not an address of Redis; begin it with redis://, rediss:// or unix://"))
    if any(sign.isspace() or not sign.isprintable() for sign in address):
        return Message(N_("a space, a control character, or what is no UTF-8 stands in it; correct it"))
    place, _mark, query = address[scheme.end() :].partition("?")
    ok = re.fullmatch(_REDIS_SOCKET if name == "unix" else _REDIS, place) and "#" not in query
    options: list[tuple[str, str]] = []
    try:
        ok = ok and urlsplit(address).port != 0
        options = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        ok = False
    if not ok:
        form = "unix:///run/redis.sock?db=0" if name == "unix" else f"{name}://:password@host:6379/0"
        return Message.of(
            N_("not like {form}; write % / @ # ? : in a password as %25 %2F %40 %23 %3F %3A"), form=form
        )
    known = (*_OPTIONS, *(_TLS_OPTIONS if name == "rediss" else ()))
    for option, value in options:
        if not value or option not in known:
            return Message.of(N_("options after a ? can be: {known}"), known=", ".join(known))
        if option in ("db", "protocol") and not re.fullmatch(
            r"\d{1,5}" if option == "db" else "[23]", value, re.ASCII
        ):
            return Message.of(N_("options after a ?: {option} has a wrong value"), option=option)
    return None
