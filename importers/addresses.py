"""Addresses of databases and of Redis: which ones can be used, and how to show one without its password.

A mistyped address may hold its password anywhere. So what is shown of one is what was recognised, and errors say
nothing of it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from importers.errors import PLACE, SettingsError
from importers.texts import N_, Message, is_text

SQLITE = "sqlite:///"
POSTGRES = "postgresql://"
JOURNAL_SCHEMA, CATALOG_SCHEMA = "obmen", "public"
"""Where our tables are in a database of PostgreSQL whose address names no schema: a shop may have a table `session`."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,20})://", re.IGNORECASE | re.ASCII)
_USER = r"(?P<user>[^?#]*@)?"
_MORE = r"(?P<more>[/?#][^@]*)?"
_NUMBERED = r"(?P<place>(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d+)?(?:/\d{1,3}(?=[?#]|$))?)"
_SHOWN = "(?ai)" + _USER + _NUMBERED + _MORE
"""host:port/number. In `redis://:a?b@host` and `redis://host?password=a@b` nobody knows where the password ends."""
_SHOWN_POSTGRES = (
    r"(?ai)" + _USER + r"(?P<place>(?:(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d+)?)?(?:/[\w.-]+(?=[?#]|$))?)" + _MORE
)
_SHOWN_FILE = _USER + r"(?P<place>/[^@?#]*)" + _MORE

_REDIS = r"(?i)([^/?#]*@)?([\w.%-]+|\[[0-9a-f:.%]+\])?(:\d{1,5})?(/\d{0,5})?"
_REDIS_SOCKET = r"([^/?#]*@)?/[^?#]+"
_OPTIONS = {
    "db": r"\d{1,5}",
    "username": r".+",
    "password": r".+",
    "protocol": r"[23]",
    "client_name": r".+",
}
_TLS_OPTIONS = {
    "ssl_ca_certs": r".+",
    "ssl_ca_path": r".+",
    "ssl_cert_reqs": r"none|optional|required",
    "ssl_certfile": r".+",
    "ssl_check_hostname": r"(?i:true|false|yes|no|1|0)",
    "ssl_keyfile": r".+",
}

_PORT = r"(?!0+\b)(?:[0-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
_HOST = rf"(?:[\w.%-]+|\[[0-9a-f:.%]+\])(?::{_PORT})?"
_POSTGRES = rf"(?ai)([^/?#@]*@)?({_HOST}(,{_HOST})*)?(/[^/?#@]*)?"
_POSTGRES_OPTIONS = {
    "host": r".+",
    "port": rf"{_PORT}(,{_PORT})*",
    "dbname": r"[^=]+",
    "user": r".+",
    "password": r".+",
    "passfile": r".+",
    "service": r".+",
    "sslmode": r"disable|allow|prefer|require|verify-ca|verify-full",
    "sslrootcert": r".+",
    "sslcert": r".+",
    "sslkey": r".+",
    "sslcrl": r".+",
    "channel_binding": r"disable|prefer|require",
    "gssencmode": r"disable|prefer|require",
    "target_session_attrs": r"any|read-write|primary|prefer-standby|read-only|standby",
    "schema": r"(?!pg_)[a-z_][a-z0-9_$]{0,62}",
}
"""Those of libpq that tell where the database is and who asks, and our own: the schema that our tables are in."""
FILES = (
    "passfile", "sslrootcert", "sslcert", "sslkey", "sslcrl",
    "ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile",
)  # fmt: skip
"""Options of both that name a file."""
SYSTEM = "system"
"""What sslrootcert may be in place of a file: the certificates of the system."""


_UNPRINTABLE = N_("a space, a control character, or what is no UTF-8 stands in it; correct it")
_NOT_LIKE = N_("not like {form}; write % / @ # ? : in a password as %25 %2F %40 %23 %3F %3A")


def without_secrets(address: str) -> str:
    """An address as it may be shown: `redis://…@host:6379/0`; of one that is not understood only the beginning."""
    scheme = _SCHEME.match(address)
    if scheme is None:
        return "…"
    name = scheme[1].lower()
    if name in ("unix", "sqlite"):
        shown = _SHOWN_FILE
    else:
        shown = _SHOWN_POSTGRES if name in ("postgres", "postgresql") else _SHOWN
    known = re.fullmatch(shown, address[scheme.end() :])
    if known is None:
        return f"{name}://…"
    return f"{name}://{'…@' if known['user'] else ''}{known['place']}{'…' if known['more'] else ''}"


def is_postgres(address: str) -> bool:
    return address.lower().startswith((POSTGRES, "postgres://"))


def postgres_address(address: str) -> str:
    """`address` with the scheme that libpq knows. Raises SettingsError unless libpq reads out of it what its author
    meant: it takes the rest of a password with an @ for a host."""
    _scheme, _mark, rest = address.partition("://")
    place, _mark, query = rest.partition("?")
    options: list[tuple[str, str]] = []
    why: Message | None = None
    try:
        ok = re.fullmatch(_POSTGRES, place) and not re.search(r"#|%(?![0-9a-f]{2})|%00", rest, re.IGNORECASE)
        options = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        ok = None
    if any(sign.isspace() or not sign.isprintable() for sign in address):
        why = Message(_UNPRINTABLE)
    elif not ok:
        why = Message.of(_NOT_LIKE, form="postgresql://user:password@host:5432/shop?schema=public")
    told = _told_before_options(place)
    for option, value in () if why else options:
        if option not in _POSTGRES_OPTIONS:
            why = Message.of(N_("options after a ? can be: {known}"), known=", ".join(_POSTGRES_OPTIONS))
        elif option in told:
            why = Message.of(N_("{option} stands in it twice; leave one out"), option=option)
        elif not re.fullmatch(_POSTGRES_OPTIONS[option], value):
            why = Message.of(N_("options after a ?: {option} has a wrong value"), option=option)
        told.add(option)
    if why:
        raise SettingsError(PLACE, path=without_secrets(address), why=why)
    return f"{POSTGRES}{rest}"


def _told_before_options(place: str) -> set[str]:
    """Which options `user:password@host:port/dbname` tells already: libpq would take the later one."""
    account, _at, server = place.rpartition("@")
    user, _colon, password = account.partition(":")
    hosts, _slash, name = server.partition("/")
    ports = re.findall(r":(\d+)(?=,|$)", hosts)
    host = re.sub(r":\d+(?=,|$)", "", hosts)
    told = {"user": user, "password": password, "host": host, "port": ports, "dbname": name}
    return {option for option, value in told.items() if value}


def with_files(address: str, absolute: Callable[[str], str]) -> str:
    """`address` with the `absolute` path of each file that its options name."""
    place, mark, query = address.partition("?")
    pieces = query.split("&")
    for number, piece in enumerate(pieces):
        option, _equals, value = piece.partition("=")
        if option in FILES and value != SYSTEM:
            pieces[number] = f"{option}={quote(absolute(unquote(value)), safe='/')}"
    return f"{place}{mark}{'&'.join(pieces)}"


def postgres_of(address: str, schema: str) -> tuple[str, str]:
    """(what libpq is given, our schema) of `postgresql://user@host:5432/shop?schema=obmen`; `schema`: where none is
    named. Raises SettingsError as `postgres_address`."""
    place, _mark, query = postgres_address(address).partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    named = [value for option, value in options if option == "schema"]
    rest = urlencode([(option, value) for option, value in options if option != "schema"])
    return (f"{place}?{rest}" if rest else place), named[-1] if named else schema


def has_password(address: str) -> bool:
    parts = urlsplit(address)
    return parts.password is not None or any(
        option == "password" for option, _value in parse_qsl(parts.query)
    )


def with_schema(address: str, schema: str) -> str:
    """The address of PostgreSQL that names this schema."""
    return f"{address}{'&' if '?' in address else '?'}schema={schema}"


def sqlite_path(address: str) -> str:
    """The file that `sqlite:///path` names, as it stands there. Raises SettingsError for every other address."""
    path = address[len(SQLITE) :]
    if address[: len(SQLITE)].lower() != SQLITE:
        reason = N_(
            "not an address of a database; use sqlite:///path, from the root on sqlite:////path, "
            "or postgresql://user@host/name"
        )
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


def redis_address(address: str) -> str:
    """`address` with its scheme in small letters, as all clients know it. Raises SettingsError unless redis-py reads
    out of it what its author meant: it leaves out what it does not understand (a fragment, a database that is no
    number), and hands unknown options to its own functions."""
    if reason := _trouble(address):
        raise SettingsError(PLACE, path=without_secrets(address), why=reason)
    scheme, mark, rest = address.partition("://")
    return f"{scheme.lower()}{mark}{rest}"


def _trouble(address: str) -> Message | None:
    scheme = _SCHEME.match(address)
    name = scheme[1].lower() if scheme else ""
    if scheme is None or name not in ("redis", "rediss", "unix"):
        return Message(N_("not an address of Redis; begin it with redis://, rediss:// or unix://"))
    if any(sign.isspace() or not sign.isprintable() for sign in address):
        return Message(_UNPRINTABLE)
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
        return Message.of(_NOT_LIKE, form=form)
    known = _OPTIONS | (_TLS_OPTIONS if name == "rediss" else {})
    named = [option for option, _value in options]
    for option, value in options:
        if not value or option not in known:
            return Message.of(N_("options after a ? can be: {known}"), known=", ".join(known))
        if not re.fullmatch(known[option], value, re.ASCII):
            return Message.of(N_("options after a ?: {option} has a wrong value"), option=option)
        if named.count(option) > 1:
            return Message.of(N_("{option} stands in it twice; leave one out"), option=option)
    chosen = dict(options)
    if chosen.get("ssl_cert_reqs") == "none" and re.match(
        "(?i)true|yes|1", chosen.get("ssl_check_hostname", "")
    ):
        return Message(N_("ssl_check_hostname checks nothing with ssl_cert_reqs=none; leave one out"))
    return None
