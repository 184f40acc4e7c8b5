"""What is wrong with a setting: where it stands, which it is, and what it must be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from importers.errors import SettingsError
from importers.texts import N_, Message

MUST_BE: dict[Any, str] = {
    str: N_("must be text in quotes"),
    int: N_("must be a whole number"),
    float: N_("must be a number"),
    bool: N_("must be true or false"),
}


def wrong(origin: str | Message, key: str, error: str | Message | SettingsError) -> SettingsError:
    """`origin`: the settings file, or in words what says so in its place."""
    place = placed(origin, key) if isinstance(origin, str) else origin
    return SettingsError(N_("{origin}: setting {key}: {error}"), origin=place, key=key, error=error)


def key_of(error: msgspec.ValidationError, data: Mapping[str, Any]) -> str:
    """Which setting it is about. The rest of it is English, and may repeat the value."""
    _problem, _at, where = str(error).partition(" - at `$.")
    key = where.rstrip("`")
    table = key.removesuffix("[...]")
    if table != key:  # one of those that have the names of the operator's choice
        key = next(f"{table}.{name}" for name, value in data[table].items() if not isinstance(value, str))
    return key


def must_be(settings: type[msgspec.Struct], key: str) -> Message:
    """What a value of another type should be."""
    wanted: Any = settings
    for name in key.split("."):
        if get_origin(wanted) is dict:
            wanted = get_args(wanted)[1]
        else:
            wanted = next((f.type for f in msgspec.structs.fields(wanted) if f.name == name), None)
    if choices := get_args(wanted) if get_origin(wanted) is not dict else ():
        return Message.of(N_("must be one of: {known}"), known=", ".join(map(str, choices)))
    if wanted in MUST_BE:
        return Message(MUST_BE[wanted])
    return Message.of(N_("must be a table: [{key}]"), key=key)


def placed(path: str, key: str) -> str:
    """`path`, and the line of `key` where that can be found: what reads TOML does not tell."""
    line = _line_of(path, key)
    return f"{path}:{line}" if line else path


def _line_of(path: str, key: str) -> int | None:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return None
    found: dict[str, int] = {}
    table = ""
    for number, line in enumerate(lines, 1):
        if header := _TABLE.match(line):
            table = f"{_plain(header[1])}."
            found.setdefault(_plain(header[1]), number)
        elif pair := _PAIR.match(line):
            found.setdefault(table + _plain(pair[1]), number)
    while key not in found and "." in key:  # it may stand in braces on the line of its table
        key = key.rpartition(".")[0]
    return found.get(key)


def _plain(key: str) -> str:
    return re.sub(r"""["'\s]""", "", key)


_TABLE = re.compile(r"\s*\[([^\[\]]+)\]")
_PAIR = re.compile(r"\s*([\w.\"'\s-]+?)\s*=")
