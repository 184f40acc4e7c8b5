"""The settings file: where it is looked for, and what stands in it. The account's folders, by the XDG specification."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from importers.errors import SettingsError
from importers.texts import N_, Message


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where obmen keeps its databases when nothing else is said. Raises SettingsError."""
    return _home("XDG_DATA_HOME", "~/.local/share", environ)


def config_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Raises SettingsError."""
    return _home("XDG_CONFIG_HOME", "~/.config", environ)


def _home(variable: str, otherwise: str, environ: Mapping[str, str]) -> Path:
    named = Path(environ.get(variable) or "")
    try:
        # A relative one is to be ignored, says the XDG specification: a worker would look elsewhere.
        return (named if named.is_absolute() else Path(otherwise).expanduser().absolute()) / "obmen"
    except RuntimeError as error:
        raise SettingsError(
            N_(
                "this account has no home directory; set $HOME, or catalog.url, journal.url, images.path and log.path"
            )
        ) from error


def find(config: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The settings file in force, None when there is none. Raises SettingsError."""
    named = config or (Path(environ["OBMEN_CONFIG"]) if environ.get("OBMEN_CONFIG") else None)
    if named:
        if not _is_file(named):
            raise SettingsError(
                N_("{path}: no such settings file; give another with --config or $OBMEN_CONFIG"), path=named
            )
        return named.absolute()
    candidates = [Path("config.toml")]
    with suppress(SettingsError):  # without a home directory there is no file in it
        candidates.append(config_dir(environ) / "config.toml")
    return next((candidate.absolute() for candidate in candidates if _is_file(candidate)), None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise SettingsError(N_("{path}: cannot be read: {error}"), path=path, error=error.strerror) from error


def read(path: Path) -> dict[str, Any]:
    import tomllib  # a worker has its settings from the environment

    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(path, text, str(error)) from None
    except UnicodeDecodeError as error:
        raise SettingsError(N_("{path}: not in UTF-8; save it as UTF-8"), path=path) from error
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(N_("{path}: cannot be read: {error}"), path=path, error=why) from error


def _not_toml(path: Path, text: str, told: str) -> SettingsError:
    """In words of our own. Nothing is quoted: it may be a password that lost its own quotes."""
    place = _PLACE.search(told)
    line = place[1] if place and place[1] else len(text.splitlines())
    why = next((why for begin, why in WHY_NO_TOML.items() if told.startswith(begin)), NO_VALUE)
    return SettingsError(
        N_("{path}:{line}: not valid TOML: {error}"), path=path, line=line, error=Message(why)
    )


_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
NOT_CLOSED = N_("the text lacks its closing quote")
BACKSLASH = N_("a backslash in the text: double it, or put the text in single quotes")
TWICE = N_("the same stands above already")
NO_VALUE = N_("this is no value; put text in quotes")
WHY_NO_TOML = {
    "Cannot": TWICE,
    "Duplicate inline table key": TWICE,
    "Escaped character is not": BACKSLASH,
    "Expected '=' after a key": N_("there is no = behind the key"),
    "Expected ']' at the end": N_("the name of the table lacks its ]"),
    "Expected ']]' at the end": N_("the name of the table lacks its ]"),
    "Expected newline": N_("something stands behind the value; begin a new line"),
    "Expected": NOT_CLOSED,
    "Found invalid character '\\n'": NOT_CLOSED,
    "Found invalid character": N_("a character that TOML does not know; remove it"),
    "Illegal character '\\n'": NOT_CLOSED,
    "Illegal character": N_("a character that TOML does not know; remove it"),
    "Invalid date": N_("there is no such date"),
    "Invalid hex value": BACKSLASH,
    "Invalid initial character for a key part": N_("a key cannot begin like this"),
    "Invalid statement": N_("this is neither a setting nor a table"),
    "Invalid value": NO_VALUE,
    "Unclosed array": N_("the list lacks its ]"),
    "Unclosed inline table": N_("the table lacks its closing brace"),
    "Unescaped": BACKSLASH,
    "Unterminated string": NOT_CLOSED,
}
"""What tomllib says, by how it begins."""
