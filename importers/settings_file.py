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
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(N_("{path}: cannot be read: {error}"), path=path, error=error) from error


def _not_toml(path: Path, text: str, told: str) -> SettingsError:
    """In the reader's words, as far as they are known. What is quoted is left out: it may be a password that lost its
    own quotes."""
    place = _PLACE.search(told)
    line = place[1] if place and place[1] else len(text.splitlines())
    why = Message(_QUOTED.sub("…", _PLACE.sub("", told)))
    return SettingsError(N_("{path}:{line}: not valid TOML: {error}"), path=path, line=line, error=why)


_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_QUOTED = re.compile(r"""(['"]).{2,}\1""")
WHY_NO_TOML = (
    N_("Cannot overwrite a value"),
    N_('Expected "\'"'),
    N_("Expected '=' after a key in a key/value pair"),
    N_("Expected ']' at the end of a table declaration"),
    N_("Expected newline or end of document after a statement"),
    N_("Invalid initial character for a key part"),
    N_("Invalid statement"),
    N_("Invalid value"),
    N_("Unclosed array"),
    N_("Unclosed inline table"),
    N_("Unescaped '\\' in a string"),
    N_("Unterminated string"),
)
"""What tomllib says most often."""
