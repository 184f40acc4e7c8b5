"""Which value each setting has, and who says so: the file, the environment, or nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from importers.addresses import without_secrets
from importers.overrides import PREFIX
from importers.settings import Settings, find
from importers.settings_file import read
from importers.texts import N_, Message


class Value(NamedTuple):
    key: str
    """With its tables: "limits.max_reject_share"."""
    shown: str
    """As people may see it."""
    origin: str | Message
    """The file, the variable, or that it is the default; the command line, of the language."""


def values(
    settings: Settings, file: Path | None = None, environ: Mapping[str, str] = os.environ
) -> list[Value]:
    """All settings in force, in their order. `file`: what --config named. Raises SettingsError as `load`."""
    path = find(file, environ)
    given = dict(_flat(read(path))) if path else {}
    variables = {name.upper(): value for name, value in environ.items()}
    found = []
    for key, value in _flat(msgspec.to_builtins(settings)):
        common = key.split(".", 2)[-1] if key.startswith("shops.") else key
        variable = next((name for name in map(_variable, (key, common)) if name in variables), None)
        origin: str | Message = Message(N_("default"))
        if variable:
            origin = f"${variable}"
        elif path and not given.keys().isdisjoint({key, common}):
            origin = str(path)
        if key == "language" and value != (
            variables[variable] if variable else given.get(key, Settings().language)
        ):
            origin = Message(N_("command line"))
        found.append(Value(key, _shown(key, value), origin))
    return found


def _flat(tables: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _variable(key: str) -> str:
    return (PREFIX + key.replace("-", "_").replace(".", "__")).upper()


def _shown(key: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return without_secrets(str(value)) if key.endswith(".url") and value else str(value)
