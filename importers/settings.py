"""Settings: one TOML file, every key of which the environment can override.

Looked for in this order: `--config`, `$OBMEN_CONFIG`, `./config.toml`, `<user config>/obmen/config.toml`, defaults.
`OBMEN_<SECTION>__<KEY>` overrides a key (`OBMEN_LANGUAGE` the one without a section).
Relative paths are relative to the file that names them (to the working directory when the environment does).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from importers.addresses import SQLITE, is_postgres, postgres_address, require_redis, sqlite_path
from importers.apart import require_apart
from importers.errors import SettingsError
from importers.texts import N_, Message, is_text

PREFIX = "OBMEN_"


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


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the settings file."""


class Source(Section, frozen=True):
    path: str = "export"
    """Where 1C puts its export: a folder or a .zip."""
    shared: bool = False
    """Whether workers on other hosts see the same files under this path."""


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
    queue: str = "obmen"
    """Of Celery: that of sessions whose source every host sees; queue@host is that of those of one host."""
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
    """Price types, by id or name, separated by commas, or *: their prices stay where a list leaves them out."""


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
        """These settings as environment variables: how a detached worker is given them (`from_env`)."""
        env: dict[str, str] = {}
        for key, value in msgspec.to_builtins(self).items():
            if isinstance(value, dict):
                env |= {f"{PREFIX}{key}__{name}".upper(): str(v) for name, v in value.items()}
            else:
                env[f"{PREFIX}{key}".upper()] = str(value)
        return env


def load(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises SettingsError that names file, key and cure, and shows no text that was set."""
    path = find(config, environ)
    base = path.parent if path else Path.cwd()
    origin = str(path) if path else Message(N_("defaults"))
    settings = _anchored(_convert(_read(path) if path else {}, origin), base, origin)
    overridden = _override(msgspec.to_builtins(settings), environ)
    environment = Message(N_("environment"))
    settings = _anchored(_convert(overridden, environment, strict=False), Path.cwd(), environment)
    settings = _filled(settings, environ)
    require_apart(settings, path)
    return settings


def from_env(environ: Mapping[str, str] = os.environ) -> Settings:
    """What `to_env` gave, word for word: no file is read, whatever else the environment says."""
    given = {name: environ[name] for name in Settings().to_env() if name in environ}
    return msgspec.convert(_override(msgspec.to_builtins(Settings()), given), Settings, strict=False)


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


def _read(path: Path) -> dict[str, Any]:
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
_NAME = re.compile(r"[\w.-]{1,60}")


def _override(data: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """`data` with every OBMEN_<SECTION>__<KEY> of the environment laid over it."""
    for name, value in environ.items():
        if not name.startswith(PREFIX) or name == "OBMEN_CONFIG":
            continue
        section, _sep, key = name.removeprefix(PREFIX).lower().partition("__")
        target = data.get(section) if key else data
        key = key or section
        if not isinstance(target, dict) or key not in target or isinstance(target[key], dict):
            near = get_close_matches(name.upper(), Settings().to_env(), 1, 0.5)
            if near:
                text = N_("${name}: there is no such setting; did you mean ${near}?")
                raise SettingsError(text, name=name, near=near[0])
            raise SettingsError(N_("${name}: there is no such setting"), name=name)
        if not is_text(value):
            raise SettingsError(N_("${name}: not in UTF-8; correct it"), name=name)
        target[key] = value
    return data


def _convert(data: dict[str, Any], origin: str | Message, *, strict: bool = True) -> Settings:
    """Not strict: values of the environment are text, so "5" is a number. In a file it is an error."""
    _check_keys(data, origin)
    try:
        settings = msgspec.convert(data, Settings, strict=strict)
    except msgspec.ValidationError as error:
        problem, _at, where = str(error).partition(" - at `$.")
        why: str | Message = problem
        key = where.rstrip("`")
        if known := _choices(key):  # msgspec would repeat the value
            why = Message.of(N_("must be one of: {known}"), known=", ".join(known))
        raise _wrong(origin, key, why) from None
    for key, value, low, high in (
        ("limits.max_reject_share", settings.limits.max_reject_share, 0, 1),
        ("limits.max_removed_share", settings.limits.max_removed_share, 0, 1),
        ("launch.recency_seconds", settings.launch.recency_seconds, 0, 3600),
        ("worker.lease_seconds", settings.worker.lease_seconds, 0.1, 3600),
        (
            "worker.heartbeat_seconds",
            settings.worker.heartbeat_seconds,
            0.01,
            settings.worker.lease_seconds / 2,
        ),
        ("worker.retries", settings.worker.retries, 0, 10),
        ("journal.keep_events_days", settings.journal.keep_events_days, 0, 36500),
    ):
        if not low <= value <= high:  # not a number is between nothing
            text = N_("{value} is not between {low} and {high}")
            raise _wrong(origin, key, Message.of(text, value=value, low=low, high=high))
    if settings.worker.engine == "celery" and not settings.redis.url:
        raise _wrong(origin, "worker.engine", Message(N_('"celery" needs redis.url, its broker')))
    if not re.fullmatch(r"[a-z0-9_.-]{1,40}", settings.worker.queue):
        raise _wrong(origin, "worker.queue", Message(N_("must have 1 to 40 of a-z, 0-9, _, . and -")))
    return settings


def _wrong(origin: str | Message, key: str, error: str | Message | SettingsError) -> SettingsError:
    return SettingsError(N_("{origin}: setting {key}: {error}"), origin=origin, key=key, error=error)


def _choices(key: str) -> tuple[str, ...]:
    """The values that a setting can have, () where any text or number will do."""
    section, _dot, name = f".{key}".rpartition(".")
    struct = type(getattr(Settings(), section.strip("."))) if section.strip(".") else Settings
    return next((get_args(f.type) for f in msgspec.structs.fields(struct) if f.name == name), ())


def _check_keys(data: dict[str, Any], origin: str | Message) -> None:
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
                Message.of(N_("did you mean {near}?"), near=near[0])
                if near
                else Message.of(N_("known: {known}"), known=", ".join(known))
            )
            if not _NAME.fullmatch(unknown):
                unknown = "…"
            raise SettingsError(
                N_("{origin}: unknown setting {key}; {hint}"), origin=origin, key=unknown, hint=hint
            )


def _anchored(settings: Settings, base: Path, origin: str | Message) -> Settings:
    """With absolute paths and one spelling of each address; what is "" stays for `_filled`."""

    def path(key: str, value: str) -> str:
        try:
            if is_text(value) and (value.strip() or not value):
                return value and str(base / Path(value).expanduser())
        except RuntimeError:  # ~ of an account that is not there
            pass
        raise _wrong(origin, key, Message(N_("not a path; correct the setting")))

    def url(key: str, value: str) -> str:
        if not value:
            return ""
        try:
            if is_postgres(value):
                return postgres_address(value)
            file = path(key, sqlite_path(value))
            return SQLITE + sqlite_path(f"{SQLITE}{file}{'/' if _is_folder(file) else ''}")
        except SettingsError as error:
            raise _wrong(origin, key, error) from None

    if not settings.source.path:
        raise _wrong(origin, "source.path", Message(N_("is empty; name the folder or .zip that 1C writes")))
    try:
        if settings.redis.url:
            require_redis(settings.redis.url)
    except SettingsError as error:
        raise _wrong(origin, "redis.url", error) from None
    replace = msgspec.structs.replace
    return replace(
        settings,
        source=replace(settings.source, path=path("source.path", settings.source.path)),
        catalog=replace(settings.catalog, url=url("catalog.url", settings.catalog.url)),
        journal=replace(settings.journal, url=url("journal.url", settings.journal.url)),
        images=replace(settings.images, path=path("images.path", settings.images.path)),
        log=replace(settings.log, path=path("log.path", settings.log.path)),
    )


def _is_folder(path: str) -> bool:
    with suppress(OSError):  # of a folder that this account may not look into, its owner is told later
        return Path(path).is_dir()
    return False


def _filled(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """With the user's data directory in place of what is ""."""
    if all((settings.catalog.url, settings.journal.url, settings.images.path, settings.log.path)):
        return settings
    data = data_dir(environ)
    replace = msgspec.structs.replace
    return replace(
        settings,
        catalog=replace(settings.catalog, url=settings.catalog.url or f"{SQLITE}{data / 'catalog.sqlite3'}"),
        journal=replace(settings.journal, url=settings.journal.url or f"{SQLITE}{data / 'journal.sqlite3'}"),
        images=replace(settings.images, path=settings.images.path or str(data / "images")),
        log=replace(settings.log, path=settings.log.path or str(data / "obmen.log")),
    )
