"""Places of the settings that must not be one another's, whatever names lead to them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from itertools import combinations
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
    one is what SQLite keeps beside another's database, pictures would lie in the export or the other way round, or a
    file of ours (`file`: that of the settings, too) among the pictures, any of which may be named like it."""
    real_path = cache(os.path.realpath)  # each place is compared with many
    urls = {"catalog.url": settings.catalog.url, "journal.url": settings.journal.url}
    if all(map(is_postgres, urls.values())) and (
        postgres_of(settings.catalog.url, CATALOG_SCHEMA) == postgres_of(settings.journal.url, JOURNAL_SCHEMA)
    ):
        raise SettingsError(
            N_("{path}: {one} and {other} must be two schemas; end one of them with ?schema=name"),
            path=without_secrets(settings.catalog.url),
            one="catalog.url",
            other="journal.url",
        )
    databases = {name: Path(url.removeprefix(SQLITE)) for name, url in urls.items() if not is_postgres(url)}
    images, source = Path(settings.images.path), Path(settings.source.path)
    files = {**databases, "log.path": Path(settings.log.path)}
    places = {**files, "images.path": images, "source.path": source}
    for (one, place), (other, elsewhere) in combinations(places.items(), 2):
        if _same(place, elsewhere, real_path):
            raise SettingsError(
                N_("{path}: {one} and {other} must be two places"), path=place, one=one, other=other
            )
    for other, database in databases.items():
        for one, place in places.items():
            if any(_same(place, beside, real_path) for beside in _beside(database, real_path)):
                raise SettingsError(
                    N_("{path}: SQLite needs this name for a file beside {other}; set {one} to another"),
                    path=place,
                    one=one,
                    other=other,
                )
    ours: list[tuple[str | Message, Path]] = [*files.items()]
    if file:
        ours.append((Message(N_("the settings file")), file))
    for name, place in ours:
        if _lies_in(place, images, real_path):
            raise SettingsError(
                N_(
                    "{path}: {one} must not lie in images.path, where a picture could take its place; "
                    "choose another folder"
                ),
                path=place,
                one=name,
            )
    if _lies_in(images, source, real_path) or _lies_in(source, images, real_path):
        raise SettingsError(N_("{path}: images.path and source.path must not lie in each other"), path=images)


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
