"""Settings: one TOML file, every key of which the environment can override.

Looked for in this order: `--config`, `$OBMEN_CONFIG`, `./config.toml`, `<user config>/obmen/config.toml`, defaults.
`OBMEN_<SECTION>__<KEY>` overrides a key (`OBMEN_LANGUAGE` the one without a section).
Relative paths are relative to the file that names them (to the working directory when the environment does).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import msgspec

from importers.errors import SettingsError
from importers.texts import _, is_text

PREFIX = "OBMEN_"


def data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Where obmen keeps its databases when nothing else is said."""
    return Path(environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "obmen"


def config_dir(environ: Mapping[str, str] = os.environ) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser() / "obmen"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the settings file."""


class Source(Section, frozen=True):
    path: str = "export"
    """Where 1C puts its export: a folder or a .zip."""


class Catalog(Section, frozen=True):
    url: str = ""
    """The shop's database; "" = catalog.sqlite3 in the user's data directory."""


class Journal(Section, frozen=True):
    url: str = ""
    """The journal of sessions; "" = journal.sqlite3 in the user's data directory."""
    keep_events_days: int = 90
    """Log lines and rejects of older sessions are pruned; sessions and attempts stay. 0 = keep for ever."""


class Redis(Section, frozen=True):
    url: str = ""


class Worker(Section, frozen=True):
    engine: Literal["process", "celery"] = "process"
    lease_seconds: float = 30.0
    heartbeat_seconds: float = 10.0
    retries: int = 0
    """How often a session whose worker died is started again before it ends as failed."""


class Launch(Section, frozen=True):
    recency_seconds: float = 5.0


class Limits(Section, frozen=True):
    max_reject_share: float = 0.1
    max_removed_share: float = 0.3


class Prices(Section, frozen=True):
    keep_unlisted: str = ""
    """Price types, by id or name, separated by commas, or *: their prices stay where an offer's list leaves them out."""


class Images(Section, frozen=True):
    path: str = ""
    """The folder that `images` fills; "" = images in the user's data directory."""


class LogFile(Section, frozen=True):
    path: str = ""
    """The log of launches; "" = obmen.log in the user's data directory."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, with absolute paths. Made by `load`."""

    language: Literal["auto", "ru", "en"] = "auto"
    source: Source = Source()
    catalog: Catalog = Catalog()
    journal: Journal = Journal()
    redis: Redis = Redis()
    worker: Worker = Worker()
    launch: Launch = Launch()
    limits: Limits = Limits()
    prices: Prices = Prices()
    images: Images = Images()
    log: LogFile = LogFile()

    def to_env(self) -> dict[str, str]:
        """These settings as environment variables: how a detached worker is given them."""
        env: dict[str, str] = {}
        for key, value in msgspec.to_builtins(self).items():
            if isinstance(value, dict):
                env |= {f"{PREFIX}{key}__{name}".upper(): str(v) for name, v in value.items()}
            else:
                env[f"{PREFIX}{key}".upper()] = str(value)
        return env


def load(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises SettingsError that names file, key and cure."""
    path = find(config, environ)
    data = _read(path) if path else {}
    base = path.parent if path else Path.cwd()
    settings = _convert(data, str(path) if path else _("defaults"))
    settings = _absolute(settings, base, environ)
    overridden = _override(msgspec.to_builtins(settings), environ)
    return _absolute(_convert(overridden, _("environment")), Path.cwd(), environ)


def find(config: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The settings file in force, None when there is none."""
    named = config or (Path(environ["OBMEN_CONFIG"]) if environ.get("OBMEN_CONFIG") else None)
    if named:
        if not named.is_file():
            raise SettingsError(
                _("{path}: no such settings file; give another with --config or $OBMEN_CONFIG").format(
                    path=named
                )
            )
        return named.absolute()
    for candidate in (Path("config.toml"), config_dir(environ) / "config.toml"):
        if candidate.is_file():
            return candidate.absolute()
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_("{path}: not valid TOML: {error}").format(path=path, error=error)) from error
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(_("{path}: cannot be read: {error}").format(path=path, error=error)) from error


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """`data` with every OBMEN_<SECTION>__<KEY> of the environment laid over it."""
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == "OBMEN_CONFIG":
            continue
        section, _sep, key = name.removeprefix(PREFIX).lower().partition("__")
        target = data.get(section) if key else data
        key = key or section
        if not isinstance(target, dict) or key not in target or isinstance(target[key], dict):
            raise SettingsError(_("${name}: there is no such setting").format(name=name))
        target[key] = value
    return data


def _convert(data: dict[str, Any], origin: str) -> Settings:
    _check_keys(data, origin)
    try:
        # Environment values are text: strict=False reads "5" as a number, but a TOML string stays an error.
        settings = msgspec.convert(data, Settings, strict=origin != _("environment"))
    except msgspec.ValidationError as error:
        text, _at, where = str(error).partition(" - at `$.")
        raise SettingsError(
            _("{origin}: setting {key}: {error}").format(origin=origin, key=where.rstrip("`"), error=text)
        ) from error
    for key, value, low, high in (
        ("limits.max_reject_share", settings.limits.max_reject_share, 0, 1),
        ("limits.max_removed_share", settings.limits.max_removed_share, 0, 1),
        ("launch.recency_seconds", settings.launch.recency_seconds, 0, 3600),
        ("worker.lease_seconds", settings.worker.lease_seconds, 0.1, 3600),
        ("worker.heartbeat_seconds", settings.worker.heartbeat_seconds, 0.01, settings.worker.lease_seconds),
        ("worker.retries", settings.worker.retries, 0, 10),
        ("journal.keep_events_days", settings.journal.keep_events_days, 0, 36500),
    ):
        if not low <= value <= high:
            raise SettingsError(
                _("{origin}: setting {key}: {value} is not between {low} and {high}").format(
                    origin=origin, key=key, value=value, low=low, high=high
                )
            )
    return settings


def _check_keys(data: dict[str, Any], origin: str) -> None:
    """Unknown keys by name, with the nearest known one: msgspec names only the first, without a cure."""
    sections: dict[str, type] = {f.name: f.type for f in msgspec.structs.fields(Settings)}
    for key, value in data.items():
        known: list[str] = list(sections)
        unknown = None if key in known else key
        if unknown is None and isinstance(value, dict) and isinstance(sections[key], type):
            known = [f.name for f in msgspec.structs.fields(sections[key])]
            unknown = next((name for name in value if name not in known), None)
            known, unknown = [f"{key}.{n}" for n in known], unknown and f"{key}.{unknown}"
        if unknown is not None:
            near = get_close_matches(unknown, known, 1, 0.5)
            hint = (
                _("did you mean {near}?").format(near=near[0])
                if near
                else _("known: {known}").format(known=", ".join(known))
            )
            raise SettingsError(
                _("{origin}: unknown setting {key}; {hint}").format(origin=origin, key=unknown, hint=hint)
            )


def _absolute(settings: Settings, base: Path, environ: Mapping[str, str]) -> Settings:
    data = data_dir(environ)

    def path(value: str, default: Path) -> str:
        try:
            if is_text(value):
                return str((base / Path(value).expanduser()) if value else default)
        except RuntimeError:  # ~ of an account that is not there
            pass
        raise SettingsError(_("{value}: not a path; correct the setting").format(value=repr(value)))

    def url(value: str, default: Path) -> str:
        if not value:
            return f"sqlite:///{default}"
        if value.startswith("sqlite:///"):
            return "sqlite:///" + path(value.removeprefix("sqlite:///"), default)
        if value.startswith(("postgresql://", "postgres://")):
            return value
        raise SettingsError(
            _("database address {url}: start it with sqlite:/// or postgresql://").format(url=value)
        )

    replace = msgspec.structs.replace
    absolute = replace(
        settings,
        source=replace(settings.source, path=path(settings.source.path, base / "export")),
        catalog=replace(settings.catalog, url=url(settings.catalog.url, data / "catalog.sqlite3")),
        journal=replace(settings.journal, url=url(settings.journal.url, data / "journal.sqlite3")),
        images=replace(settings.images, path=path(settings.images.path, data / "images")),
        log=replace(settings.log, path=path(settings.log.path, data / "obmen.log")),
    )
    if absolute.catalog.url == absolute.journal.url:
        raise SettingsError(
            _("{url}: catalog.url and journal.url must be two databases").format(url=absolute.catalog.url)
        )
    return absolute
