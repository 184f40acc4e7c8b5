"""What the environment says in place of the settings file, variable by variable."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from importers.errors import SettingsError
from importers.texts import N_, is_text

PREFIX = "OBMEN_"


def variables(data: Mapping[str, Any], prefix: str = PREFIX) -> dict[str, tuple[str, ...]]:
    """The variable of each value in nested tables, with its path: PREFIX_SECTION__KEY. No variable can hold a -."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in data.items():
        name = prefix + key.replace("-", "_").upper()
        if isinstance(value, dict):
            below = variables(value, f"{name}__")
            found |= {variable: (key, *path) for variable, path in below.items()}
        else:
            found[name] = (key,)
    return found


def told_by(environ: Mapping[str, str], known: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Nested tables of what our variables say. Raises SettingsError for one that is not `known`."""
    told: dict[str, Any] = {}
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == "OBMEN_CONFIG":
            continue
        path = known.get(name.upper())
        if path is None:
            without = [
                each.removeprefix(PREFIX) for each in known
            ]  # what all have makes none of them like another
            if near := get_close_matches(name.upper().removeprefix(PREFIX), without, 1, 0.5):
                text = N_("${name}: there is no such setting; did you mean ${near}?")
                raise SettingsError(text, name=name, near=PREFIX + near[0])
            raise SettingsError(N_("${name}: there is no such setting"), name=name)
        if not is_text(value):
            raise SettingsError(N_("${name}: not in UTF-8; correct it"), name=name)
        *tables, key = path
        table = told
        for part in tables:
            table = table.setdefault(part, {})
        table[key] = value
    return told
