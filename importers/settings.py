"""Settings: one TOML file, every key of which the environment can override.

Looked for in this order: `--config`, `$OBMEN_CONFIG`, `./config.toml`, `<user config>/obmen/config.toml`, defaults.
`OBMEN_<SECTION>__<KEY>` overrides a key (`OBMEN_LANGUAGE` one without a section), and
`OBMEN_SHOPS__<NAME>__<SECTION>__<KEY>` that of a shop, with _ for each - in its name.
Relative paths are relative to the file that names them (to the working directory when the environment does).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from importers.addresses import (
    SQLITE,
    is_postgres,
    postgres_address,
    redis_address,
    sqlite_path,
    with_files,
)
from importers.apart import require_apart
from importers.errors import SettingsError
from importers.overrides import PREFIX as PREFIX
from importers.overrides import told_by, variables
from importers.settings_errors import key_of, must_be, placed, wrong
from importers.settings_file import config_dir as config_dir
from importers.settings_file import data_dir as data_dir
from importers.settings_file import find as find
from importers.settings_file import read
from importers.texts import N_, Message, is_text

MAIN = "main"
"""The shop of settings that name none."""


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


class Screen(Section, frozen=True):
    mouse: bool = True
    """Whether the control room takes the mouse; without it the terminal selects text as it always does."""
    bell: bool = False
    """Ring when a session ends that was launched or is watched here."""
    notify: Literal["off", "osc9", "osc777"] = "off"
    """Let the terminal notify of the same, in one of the two ways that terminals know."""
    colours: str = "auto"
    """By name, checked where they are known; auto: those that suit the terminal."""


class Shop(Section, frozen=True):
    """What a shop may have of its own; the sections of the top are what it has otherwise."""

    source: Source = Source()
    catalog: Catalog = Catalog()
    limits: Limits = Limits()
    prices: Prices = Prices()
    images: Images = Images()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, with absolute paths. Made by `load`."""

    language: Literal["auto", "ru", "en"] = "auto"
    read_only: bool = False
    """Watch, and change nothing: the account of the journal need not be allowed more than to read it."""
    default_shop: str = ""
    """Which of several shops an import is for that names none; "" = each has to name one."""
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
    screen: Screen = Screen()
    keys: dict[str, str] = {}
    """Other keys of the control room, by the name of what they do; checked where the keys are known."""
    shops: dict[str, Shop] = {}
    """By name, each with all that it has; none: there is one, `MAIN`, which is what the sections above say."""

    @property
    def shop_names(self) -> tuple[str, ...]:
        return tuple(self.shops) or (MAIN,)

    def for_shop(self, name: str) -> Settings:
        """The settings of an installation that has this shop alone. Raises KeyError."""
        if not self.shops and name == MAIN:
            return self
        own = {section: getattr(self.shops[name], section) for section in SECTIONS}
        return msgspec.structs.replace(self, default_shop="", shops={}, **own)

    def to_env(self) -> dict[str, str]:
        """These settings as environment variables: how a detached worker is given them (`from_env`)."""
        env = {SHOPS: msgspec.json.encode(self.shops).decode()} if self.shops else {}
        flat = msgspec.structs.replace(self, shops={}, keys={})
        for key, value in msgspec.to_builtins(flat).items():
            if isinstance(value, dict):
                env |= {f"{PREFIX}{key}__{name}".upper(): str(v) for name, v in value.items()}
            else:
                env[f"{PREFIX}{key}".upper()] = str(value)
        return env


SECTIONS = Shop.__struct_fields__
"""Those that a shop may have of its own."""
SHOPS = f"{PREFIX}SHOPS"
"""Carries the shops to a worker; nobody else sets it."""


def load(config: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in force. Raises SettingsError that names file, key and cure, and shows no text that was set."""
    path = find(config, environ)
    base, origin = path.parent if path else Path.cwd(), str(path) if path else Message(N_("defaults"))
    given = read(path) if path else {}
    shops = _shops_of(given, origin)
    _check_keys(given, origin)
    environment = Message(N_("environment"))
    told = told_by(environ, _variables(shops or (MAIN,)))
    told_shops = told.pop("shops", {})
    settings = _with(Settings(), given, base, origin)
    settings = _with(settings, told, Path.cwd(), environment, strict=False)
    each = {}
    for name in shops or told_shops:
        within = f"shops.{name}."
        shop = _with(settings, shops.get(name, {}), base, origin, within=within)
        shop = _with(shop, told_shops.get(name, {}), Path.cwd(), environment, strict=False, within=within)
        each[name] = _filled(shop, environ, name)
    settings = _of_shops(settings, each) if each else _filled(settings, environ)
    _check_default(settings, environment if "default_shop" in told else origin)
    require_apart(settings, path)
    return settings


def _of_shops(settings: Settings, each: Mapping[str, Settings]) -> Settings:
    """`settings` with all shops in one: `each` with its own sections, and what is common to all."""
    first = next(iter(each.values()))
    shops = {name: Shop(*(getattr(flat, section) for section in SECTIONS)) for name, flat in each.items()}
    return msgspec.structs.replace(settings, journal=first.journal, log=first.log, shops=shops)


def from_env(environ: Mapping[str, str] = os.environ) -> Settings:
    """What `to_env` gave, word for word: no file is read, whatever else the environment says."""
    data = msgspec.to_builtins(Settings())
    for name in Settings().to_env():
        section, _sep, key = name.removeprefix(PREFIX).lower().partition("__")
        if name in environ:
            (data[section] if key else data)[key or section] = environ[name]
    shops = msgspec.json.decode(environ.get(SHOPS, "{}"), type=dict[str, Shop])
    return msgspec.structs.replace(msgspec.convert(data, Settings, strict=False), shops=shops)


def _shops_of(given: dict[str, Any], origin: str | Message) -> dict[str, dict[str, Any]]:
    """What a file tells of each shop, taken out of `given`."""
    shops = given.pop("shops", {})
    if not isinstance(shops, dict):
        raise wrong(origin, "shops", Message(N_("must be tables, one for each shop: [shops.name]")))
    for name, told in shops.items():
        if not SHOP_NAME.fullmatch(name):
            why = Message(N_("the name of a shop is made of a-z, 0-9 and -, 32 of them at most"))
            raise wrong(origin, f"shops.{name}" if _NAME.fullmatch(name) else "shops", why)
        if not isinstance(told, dict):
            raise wrong(origin, f"shops.{name}", Message(N_("must be a table: [shops.name]")))
        _check_keys(told, origin, Shop, f"shops.{name}.")
    return shops


SHOP_NAME = re.compile("[a-z0-9-]{1,32}")
_NAME = re.compile(r"[\w.-]{1,60}")


def _variables(shops: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The place of each setting, by the variable that overrides it."""
    data = msgspec.to_builtins(Settings())
    data["shops"] = {name: msgspec.to_builtins(Shop()) for name in shops}
    return variables(data)


def _check_default(settings: Settings, origin: str | Message) -> None:
    default = settings.default_shop
    if default and default not in settings.shop_names:
        why = Message.of(N_("there is no such shop; {hint}"), hint=nearest(default, settings.shop_names))
        raise wrong(origin, "default_shop", why)


def _with(
    settings: Settings,
    data: Mapping[str, Any],
    base: Path,
    origin: str | Message,
    *,
    strict: bool = True,
    within: str = "",
) -> Settings:
    """`settings` with the keys of `data` in place of theirs. `within`: what stands before these keys in the file."""
    merged = msgspec.to_builtins(settings)
    for key, value in data.items():
        both_tables = isinstance(value, dict) and isinstance(merged[key], dict)
        merged[key] = merged[key] | value if both_tables else value
    return _anchored(_convert(merged, origin, strict=strict, within=within), base, origin, within)


def _convert(
    data: dict[str, Any], origin: str | Message, *, strict: bool = True, within: str = ""
) -> Settings:
    """Not strict: values of the environment are text, so "5" is a number. In a file it is an error."""
    try:
        settings = msgspec.convert(data, Settings, strict=strict)
    except msgspec.ValidationError as error:
        key = key_of(error, data)
        raise wrong(origin, within + key, must_be(Settings, key)) from None
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
            raise wrong(origin, within + key, Message.of(text, value=value, low=low, high=high))
    if settings.worker.engine == "celery" and not settings.redis.url:
        raise wrong(origin, "worker.engine", Message(N_('"celery" needs redis.url, its broker')))
    if not re.fullmatch(r"[a-z0-9_.-]{1,40}", settings.worker.queue):
        raise wrong(origin, "worker.queue", Message(N_("must have 1 to 40 of a-z, 0-9, _, . and -")))
    return settings


def _check_keys(
    data: Mapping[str, Any], origin: str | Message, of: type[msgspec.Struct] = Settings, within: str = ""
) -> None:
    """Unknown keys by name, with the nearest known one: msgspec names only the first, without a cure."""
    sections: dict[str, Any] = {f.name: f.type for f in msgspec.structs.fields(of)}
    for key, value in data.items():
        if key not in sections:
            raise SettingsError(
                N_("{origin}: unknown setting {key}; {hint}"),
                origin=placed(origin, within + key) if isinstance(origin, str) else origin,
                key=within + key if _NAME.fullmatch(key) else "…",
                hint=nearest(key, sections, within),
            )
        if isinstance(value, dict) and _is_section(sections[key]):
            _check_keys(value, origin, sections[key], f"{within}{key}.")


def _is_section(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, Section)


def nearest(name: str, known: Iterable[str], within: str = "") -> Message:
    """What may have been meant by a name that nobody knows. `within`: what is said before each of the known ones."""
    known = tuple(known)
    if near := get_close_matches(name, known, 1, 0.5):
        return Message.of(N_("did you mean {near}?"), near=within + near[0])
    return Message.of(N_("known: {known}"), known=", ".join(within + each for each in known))


def _anchored(settings: Settings, base: Path, origin: str | Message, within: str = "") -> Settings:
    """With absolute paths and one spelling of each address; what is "" stays for `_filled`."""

    def path(key: str, value: str) -> str:
        try:
            if is_text(value) and (value.strip() or not value):
                return value and str(base / Path(value).expanduser())
        except RuntimeError:  # ~ of an account that is not there
            pass
        raise wrong(origin, within + key, Message(N_("not a path; correct the setting")))

    def url(key: str, value: str) -> str:
        if not value:
            return ""
        try:
            if is_postgres(value):
                return with_files(postgres_address(value), partial(path, key))
            file = path(key, sqlite_path(value))
            return SQLITE + sqlite_path(f"{SQLITE}{file}{'/' if _is_folder(file) else ''}")
        except SettingsError as error:
            raise wrong(origin, within + key, error) from None

    if not settings.source.path:
        raise wrong(
            origin, within + "source.path", Message(N_("is empty; name the folder or .zip that 1C writes"))
        )
    try:
        redis = settings.redis.url and with_files(
            redis_address(settings.redis.url), partial(path, "redis.url")
        )
    except SettingsError as error:
        raise wrong(origin, "redis.url", error) from None
    replace = msgspec.structs.replace
    return replace(
        settings,
        source=replace(settings.source, path=path("source.path", settings.source.path)),
        catalog=replace(settings.catalog, url=url("catalog.url", settings.catalog.url)),
        journal=replace(settings.journal, url=url("journal.url", settings.journal.url)),
        redis=replace(settings.redis, url=redis),
        images=replace(settings.images, path=path("images.path", settings.images.path)),
        log=replace(settings.log, path=path("log.path", settings.log.path)),
    )


def _is_folder(path: str) -> bool:
    with suppress(OSError):  # of a folder that this account may not look into, its owner is told later
        return Path(path).is_dir()
    return False


def _filled(settings: Settings, environ: Mapping[str, str], shop: str = MAIN) -> Settings:
    """With the user's data directory in place of what is "": each shop has a folder in it, but for the one that has
    none where it is the only one."""
    if all((settings.catalog.url, settings.journal.url, settings.images.path, settings.log.path)):
        return settings
    data = data_dir(environ)
    own = data if shop == MAIN else data / shop
    replace = msgspec.structs.replace
    return replace(
        settings,
        catalog=replace(settings.catalog, url=settings.catalog.url or f"{SQLITE}{own / 'catalog.sqlite3'}"),
        journal=replace(settings.journal, url=settings.journal.url or f"{SQLITE}{data / 'journal.sqlite3'}"),
        images=replace(settings.images, path=settings.images.path or str(own / "images")),
        log=replace(settings.log, path=settings.log.path or str(data / "obmen.log")),
    )
