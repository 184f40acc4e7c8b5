"""Places of the settings that must not be one another's, whatever names lead to them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import (
    CATALOG_SCHEMA,
    JOURNAL_SCHEMA,
    SQLITE,
    is_postgres,
    postgres_of,
    without_secrets,
)
from importers.errors import SettingsError
from importers.texts import N_, Message

if TYPE_CHECKING:
    from importers.settings import Settings

RealPath = Callable[[Path], str]


def require_apart(settings: Settings, file: Path | None = None) -> None:
    """Raises SettingsError when two places would write over each other, by whatever spelling: two settings mean one,
    one is what SQLite keeps beside another's database, pictures would lie in an export or among another shop's or the
    other way round, or a file of ours (`file`: that of the settings, too) among pictures, any of which may be named
    like it."""
    real_path = cache(os.path.realpath)  # each place is compared with many
    shops = {
        f"shops.{name}." if settings.shops else "": settings.for_shop(name) for name in settings.shop_names
    }
    catalogs = {f"{of}catalog.url": shop.catalog.url for of, shop in shops.items()}
    images = {f"{of}images.path": Path(shop.images.path) for of, shop in shops.items()}
    sources = {f"{of}source.path": Path(shop.source.path) for of, shop in shops.items()}
    urls = {**catalogs, "journal.url": settings.journal.url}
    databases = {name: Path(url.removeprefix(SQLITE)) for name, url in urls.items() if not is_postgres(url)}
    files = {**databases, "log.path": Path(settings.log.path)}
    _require_own(shops, real_path)
    _require_two_schemas(catalogs, settings.journal.url)
    places = {**files, **images, **sources}
    for (one, place), (other, elsewhere) in combinations(places.items(), 2):
        if {one, other} <= sources.keys():  # two shops may be made of one export
            continue
        if _same(place, elsewhere, real_path):
            raise SettingsError(
                N_("{path}: {one} and {other} must be two places"), path=place, one=one, other=other
            )
    for other, database in databases.items():
        beside = _beside(database, real_path)
        for one, place in places.items():
            if any(_same(place, path, real_path) for path in beside):
                raise SettingsError(
                    N_("{path}: SQLite needs this name for a file beside {other}; set {one} to another"),
                    path=place,
                    one=one,
                    other=other,
                )
    ours: list[tuple[str | Message, Path]] = [*files.items()]
    if file:
        ours.append((Message(N_("the settings file")), file))
    for (name, place), (other, folder) in product(ours, images.items()):
        if _lies_in(place, folder, real_path):
            raise SettingsError(
                N_(
                    "{path}: {one} must not lie in {other}, where an image could take its place; "
                    "choose another folder"
                ),
                path=place,
                one=name,
                other=other,
            )
    for (one, place), (other, elsewhere) in product(images.items(), [*images.items(), *sources.items()]):
        if one != other and (_lies_in(place, elsewhere, real_path) or _lies_in(elsewhere, place, real_path)):
            raise SettingsError(
                N_("{path}: {one} and {other} must not lie in each other"), path=place, one=one, other=other
            )


def _require_own(shops: Mapping[str, Settings], real_path: RealPath) -> None:
    """Two shops have two catalogs and two folders of pictures: who names one at the top names it for all of them."""
    for (a, one), (b, other) in combinations(shops.items(), 2):
        if _same_catalog(one.catalog.url, other.catalog.url, real_path):
            text, path = (
                N_("{path}: {one} and {other} import into one catalog; give each its own catalog.url"),
                (without_secrets(one.catalog.url)),
            )
        elif _same(Path(one.images.path), Path(other.images.path), real_path):
            text, path = (
                N_("{path}: {one} and {other} have one folder of images; give each its own images.path"),
                (one.images.path),
            )
        else:
            continue
        raise SettingsError(text, path=path, one=a.rstrip("."), other=b.rstrip("."))


def _same_catalog(one: str, other: str, real_path: RealPath) -> bool:
    if is_postgres(one) or is_postgres(other):
        return (
            is_postgres(one)
            and is_postgres(other)
            and (postgres_of(one, CATALOG_SCHEMA) == postgres_of(other, CATALOG_SCHEMA))
        )
    return _same(Path(one.removeprefix(SQLITE)), Path(other.removeprefix(SQLITE)), real_path)


def _require_two_schemas(catalogs: Mapping[str, str], journal: str) -> None:
    for name, url in catalogs.items():
        if (
            is_postgres(url)
            and is_postgres(journal)
            and postgres_of(url, CATALOG_SCHEMA) == postgres_of(journal, JOURNAL_SCHEMA)
        ):
            raise SettingsError(
                N_("{path}: {one} and {other} must be two schemas; end one of them with ?schema=name"),
                path=without_secrets(url),
                one=name,
                other="journal.url",
            )


def _beside(database: Path, real_path: RealPath) -> list[Path]:
    """What SQLite makes beside a database while it is written; beside the file itself, not beside a link to it."""
    real = real_path(database)
    return [Path(f"{real}{suffix}") for suffix in ("-wal", "-shm", "-journal")]


def _lies_in(path: Path, folder: Path, real_path: RealPath) -> bool:
    """Whether `path`, or what it is a link to, lies below `folder`: also through another name of that, a mount."""
    above = {*Path(real_path(path)).parents, *Path(real_path(path.parent), path.name).parents}
    return any(_same(parent, folder, real_path) for parent in above)


def _same(one: Path, other: Path, real_path: RealPath) -> bool:
    if real_path(one) == real_path(other):
        return True
    try:
        return one.samefile(other)  # hard links
    except OSError:
        return False
