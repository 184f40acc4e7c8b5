"""Databases, the folder of images, the log: can they be used, is there room, are they where they should be?"""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from importers.addresses import CATALOG_SCHEMA, is_postgres, postgres_of, sqlite_path
from importers.doctor.finding import Check
from importers.errors import DatabaseError, ObmenError
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.sessions import Session
    from importers.settings import Settings


FREE_BYTES = 200 * 1024 * 1024
FSTAB = Path("/etc/fstab")


async def check_database(name: str, config: Settings, silent: Collection[str] = ()) -> Check:
    """Has our tables, or room for them, can be written now, has room on its disk. Nothing is made or changed. `silent`:
    addresses of those that are not to be asked."""
    url = config.journal.url if name == "journal" else config.catalog.url
    if is_postgres(url):
        from importers.doctor.servers import check_server, check_silent

        return check_silent(name, url) if url in silent else await check_server(name, config)
    from importers.catalog.opening import SCHEMA as CATALOG
    from importers.database.sqlite import examine
    from importers.sessions.opening import SCHEMA as JOURNAL

    cure = _("mend that, or set {name}.url to another file").format(name=name)
    schema = JOURNAL if name == "journal" else CATALOG
    try:
        path = Path(sqlite_path(url))
        await examine(path, schema)
    except ObmenError as error:
        if name == "catalog" and config.journal.url not in silent and (session := await _importing(config)):
            return Check(name, True, _("{path}: session {id} is writing it").format(path=path, id=session.id))
        return Check(name, False, str(error), cure)
    return await asyncio.to_thread(_place, name, path, cure)


def _place(name: str, path: Path, cure: str) -> Check:
    if trouble := _trouble(path):
        return Check(name, False, trouble, cure)
    free = shutil.disk_usage(_nearest(path)).free
    text = (
        _("{path}, {free} MB free")
        if path.exists()
        else _("{path}, to be made by the first import, {free} MB free")
    )
    detail = text.format(path=path, free=free // 2**20)
    if free < FREE_BYTES:
        return Check(
            name, False, detail, _("make room on the disk: an import needs about the size of its export")
        )
    return Check(name, True, detail)


async def _importing(config: Settings) -> Session | None:
    """The session whose worker keeps the catalog locked, as it should."""
    from importers.database.sqlite_errors import lock_holder
    from importers.sessions import open_journal

    if not (
        is_postgres(config.journal.url)
        or await asyncio.to_thread(Path(sqlite_path(config.journal.url)).exists)
    ):
        return None
    try:
        journal = await open_journal(config.journal.url)
        try:
            active = await journal.active_sessions()
        finally:
            await journal.close()
    except DatabaseError:
        return None
    holder = lock_holder(Path(sqlite_path(config.catalog.url)))
    for held in active:
        if held.owner and held.owner.pid == holder and not held.owner.is_dead():
            return held.session
    return None


def check_images(config: Settings, silent: Collection[str] = ()) -> Check:
    """`silent` as for `check_database`."""
    name, path = N_("images"), Path(config.images.path)
    cure = _("mend that, or set images.path to a folder that this account may write")
    urls = (config.journal.url, config.catalog.url)
    made = {Path(sqlite_path(url)).parent for url in urls if not is_postgres(url)}
    trouble = _trouble(path, folder=True) or _images_trouble(path, config, silent)
    if not (trouble or path.parent.exists() or path.parent in made):
        trouble = _("{path}: its folder is not there; make it, or mount the disk that it is on").format(
            path=path
        )
    return Check(name, not trouble, trouble or str(path), cure if trouble else "")


def _images_trouble(path: Path, config: Settings, silent: Collection[str]) -> str | None:
    """Why an import would refuse the folder: it is another catalog's, or has something else in place of our files."""
    from importers.kinds.image_folder import ImageFolder
    from importers.kinds.image_mark import Mark
    from importers.kinds.image_paths import MANIFEST, OURS

    if trouble := _trouble(path / OURS, folder=True):
        return trouble
    if (path / MANIFEST).is_dir():
        return f"{path / MANIFEST}: {_(os.strerror(errno.EISDIR))}"
    if config.catalog.url in silent:
        return None
    try:
        identity, place = _identity(config.catalog.url)
    except DatabaseError:  # the line of the catalog tells
        return None
    try:
        # Of a new identity no more is known than that the folder cannot have it yet.
        ImageFolder(path, write=False).prepare(Mark.of(identity or "new", place), ())
    except ObmenError as error:
        return str(error)
    return None


def _identity(url: str) -> tuple[str, str]:
    """As `CatalogTransaction.identity`, without a change; "" of a catalog that is not there yet. Raises
    DatabaseError."""
    from importers.catalog import sql
    from importers.database.looking import look

    rows = look(url, CATALOG_SCHEMA, "identity", sql.IDENTITY)
    if is_postgres(url):
        from importers.database.postgres import PostgresDatabase

        place = PostgresDatabase(*postgres_of(url, CATALOG_SCHEMA)).place
    else:
        place = str(Path(sqlite_path(url)).resolve())
    return rows[0][0] if rows else "", place


def check_log(path: Path) -> Check:
    trouble = _trouble(path)
    cure = _("mend that, or set log.path to a file that this account may write")
    return Check(N_("log"), not trouble, trouble or str(path), cure if trouble else "")


def _trouble(path: Path, *, folder: bool = False) -> str | None:
    """Why a file or folder at `path` cannot be written, or made."""
    from importers.mounts import KERNEL, file_system

    if mount := _unmounted(path):
        return _("{path}: {mount} is not mounted").format(path=path, mount=mount)
    if (kind := file_system(path)) in KERNEL:
        return _("{path}: on a file system of the kernel ({kind}), which takes no files").format(
            path=path, kind=kind
        )
    place = path if path.exists() else _nearest(path)
    number = 0
    if place.is_dir() != (folder or place != path):
        number = errno.EISDIR if place.is_dir() else errno.ENOTDIR
    # A file, too, needs its folder: SQLite writes others beside it, and a log is rotated.
    elif not (
        os.access(place, os.W_OK) and os.access(place if place.is_dir() else place.parent, os.W_OK | os.X_OK)
    ):
        number = errno.EROFS if _is_read_only(place) else errno.EACCES
    return f"{place}: {_(os.strerror(number))}" if number else None


def _nearest(path: Path) -> Path:
    """The nearest of the folders above `path` that is there."""
    return next(parent for parent in path.absolute().parents if parent.exists())


def _is_read_only(path: Path) -> bool:
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _unmounted(path: Path) -> Path | None:
    """Where /etc/fstab wants a disk that is not there, so that what is written lands beside it."""
    lines = FSTAB.read_text(encoding="utf-8", errors="replace").splitlines() if FSTAB.is_file() else []
    for line in lines:
        _device, where, *_rest = [*line.partition("#")[0].split(), "", ""]
        mount = Path(where.replace("\\040", " "))
        if where.startswith("/") and path.is_relative_to(mount) and not mount.is_mount():
            return mount
    return None
