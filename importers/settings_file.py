"""The settings file: where it is looked for, and what stands in it. The account's folders, by the XDG specification."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from importers.errors import SettingsError
from importers.texts import N_


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

    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        # It repeats names of the file, and one may be a password that lost its quotes.
        text = _QUOTED.sub("…", str(error))
        raise SettingsError(N_("{path}: not valid TOML: {error}"), path=path, error=text) from None
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(N_("{path}: cannot be read: {error}"), path=path, error=error) from error


_QUOTED = re.compile(r"""(['"]).{2,}\1""")
