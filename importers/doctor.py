"""Health checks, each with a cure: what is set up wrong, and the checklist of the founding report on a scratch journal.

The checklist launches a real import of the sample export with the operator's own lock and worker engine, but on a
journal and a catalog in a temporary folder: the operator's data are only looked at.
"""

from __future__ import annotations

import asyncio
import errno
import locale
import os
import re
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers import settings
from importers.addresses import sqlite_path
from importers.errors import DatabaseError, ObmenError
from importers.processes import account, start_of
from importers.texts import N_, Message, _, ngettext, render

if TYPE_CHECKING:
    from importers.commerceml.source import Export
    from importers.sessions import Journal, Session
    from importers.settings import Settings

STALE = timedelta(days=2)
READ_BYTES = 512 * 1024 * 1024
"""So much of an export is read through; a larger one would keep the operator waiting."""
FREE_BYTES = 200 * 1024 * 1024
RIVALS = 3
"""How many confirms race in the checklist, all with one idempotency key, as a double click would."""
WORKER_SECONDS = 30.0
POLL_SECONDS = 0.05
REQUEST = re.compile(r"\[Request ([0-9a-f]{8})\]")
KIND = "catalog"
"""What the checklist imports."""
SCRATCH = "obmen-doctor"
"""What the names of its temporary folders begin with."""
FSTAB = Path("/etc/fstab")


class Check(msgspec.Struct, frozen=True):
    """One finding. `name` is an English msgid; `detail` and `cure` are in the operator's language."""

    name: str
    ok: bool
    detail: str
    cure: str = ""


async def check(config: Settings, file: Path | None = None) -> AsyncIterator[Check]:
    """All checks, in the order in which a person would look. `file`: what --config named."""
    yield _settings(file)
    yield await asyncio.to_thread(_source, Path(config.source.path))
    yield await _database(N_("journal"), config)
    yield await _database(N_("catalog"), config)
    yield await asyncio.to_thread(_images, config)
    yield await asyncio.to_thread(_log, Path(config.log.path))
    yield await _redis(config)
    yield _worker(config)
    yield await asyncio.to_thread(_logout)
    yield _locale()
    yield _terminal()
    async for result in _checklist(config):
        yield result


def _settings(file: Path | None) -> Check:
    path = settings.find(file)
    return Check(N_("settings"), True, str(path) if path else _("no settings file, defaults are in force"))


def _source(path: Path) -> Check:
    """Is there an export, is it whole, is it fresh?"""
    from importers.commerceml import open_export

    name = N_("source")
    try:
        export = open_export(path)
    except ObmenError as error:
        return Check(name, False, str(error), _("set source.path to the folder or .zip that 1C writes"))
    parts = export.parts or export.holding_pictures()  # pictures may come alone
    newest = max(datetime.fromisoformat(part.modified) for part in parts)
    files = ngettext("{n} file", "{n} files", len(parts)).format(n=len(parts))
    detail = f"{path}: {files}, {newest:%Y-%m-%d %H:%M} UTC"
    if export.gaps:
        return Check(
            name,
            False,
            f"{detail}; {'; '.join(map(str, export.gaps))}",
            _("let 1C write the whole export again"),
        )
    try:
        _read_through(export)
    except ObmenError as error:
        return Check(name, False, f"{path}: {error}", _("let 1C write the whole export again"))
    if datetime.now(UTC) - newest > STALE:
        return Check(name, False, detail, _("the export is old: check the exchange schedule in 1C"))
    return Check(name, True, detail)


def _read_through(export: Export) -> None:
    """Raises BadFile: cut, not well-formed, another root or encoding than it should have."""
    from importers.commerceml.reader import read_part
    from importers.commerceml.records import Section

    done = 0
    for part in export.parts:
        for _batch in read_part(part, frozenset((Section,))):
            pass
        done += part.size
        if done > READ_BYTES:
            return


async def _database(name: str, config: Settings) -> Check:
    """Has our tables, or room for them, can be written now, has room on its disk. Nothing is made or changed."""
    from importers.catalog.sqlite import SCHEMA as CATALOG
    from importers.database.sqlite import examine
    from importers.sessions.store import SCHEMA as JOURNAL

    cure = _("mend that, or set {name}.url to another file").format(name=name)
    url, schema = (config.journal.url, JOURNAL) if name == "journal" else (config.catalog.url, CATALOG)
    try:
        path = Path(sqlite_path(url))
        await examine(path, schema)
    except ObmenError as error:
        if name == "catalog" and (session := await _importing(config)):
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
    from importers.database.sqlite import lock_holder
    from importers.launch import target_of
    from importers.sessions import open_journal

    if not await asyncio.to_thread(Path(sqlite_path(config.journal.url)).exists):
        return None
    try:
        journal = await open_journal(config.journal.url)
        try:
            active = await journal.active_sessions(target_of(config))
        finally:
            await journal.close()
    except DatabaseError:
        return None
    holder = lock_holder(Path(sqlite_path(config.catalog.url)))
    for held in active:
        if held.owner and held.owner.pid == holder and not held.owner.is_dead():
            return held.session
    return None


def _images(config: Settings) -> Check:
    name, path = N_("images"), Path(config.images.path)
    cure = _("mend that, or set images.path to a folder that this account may write")
    made = {Path(sqlite_path(url)).parent for url in (config.journal.url, config.catalog.url)}
    trouble = _trouble(path, folder=True) or _images_trouble(path, config)
    if not (trouble or path.parent.exists() or path.parent in made):
        trouble = _("{path}: its folder is not there; make it, or mount the disk that it is on").format(
            path=path
        )
    return Check(name, not trouble, trouble or str(path), cure if trouble else "")


def _images_trouble(path: Path, config: Settings) -> str | None:
    """Why an import would refuse the folder: it is another catalog's, or has something else in place of our files."""
    from importers.catalog.sqlite import identity_of
    from importers.kinds.image_folder import MANIFEST, OURS, ImageFolder
    from importers.kinds.image_mark import Mark

    if trouble := _trouble(path / OURS, folder=True):
        return trouble
    if (path / MANIFEST).is_dir():
        return f"{path / MANIFEST}: {os.strerror(errno.EISDIR)}"
    try:
        identity, place = identity_of(config.catalog.url)
    except DatabaseError:  # the line of the catalog tells
        return None
    try:
        # Of a new identity no more is known than that the folder cannot have it yet.
        ImageFolder(path, write=False).prepare(Mark.of(identity or "new", place), ())
    except ObmenError as error:
        return str(error)
    return None


def _log(path: Path) -> Check:
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
    return f"{place}: {os.strerror(number)}" if number else None


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


async def _redis(config: Settings) -> Check:
    name = N_("redis")
    if not config.redis.url:
        return Check(name, True, _("not used: one machine, the lock is in the journal"))
    from importers.launch.redis_lock import server_version

    try:
        version, seconds = await server_version(config.redis.url)
    except ObmenError as error:
        return Check(
            name, False, str(error), _("start the server or correct redis.url; launches go on without it")
        )
    detail = _("{version}, answers in {milliseconds} ms").format(
        version=".".join(map(str, version)) or _("version unknown"), milliseconds=f"{seconds * 1000:.1f}"
    )
    if version and version < (7, 0):
        return Check(name, False, detail, _("the lock needs Redis 7.0 or newer, or Valkey"))
    if not await _can_lock(config.redis.url):
        return Check(
            name,
            False,
            _("{redis}; the lock cannot be taken and given back").format(redis=detail),
            _("let the account of redis.url use SET, GET, DEL and EVAL on the keys obmen:*"),
        )
    return Check(name, True, detail)


async def _can_lock(url: str) -> bool:
    """By a key of its own, which frees itself should the release fail."""
    from importers.launch.lock import Locked
    from importers.launch.redis_lock import RedisLock

    lock, key = RedisLock(url), f"doctor:{secrets.token_hex(8)}"
    try:
        return await lock.acquire(key, "doctor", 1.0) is Locked.ACQUIRED and await lock.release(key, "doctor")
    finally:
        await lock.close()


def _worker(config: Settings) -> Check:
    from importers.worker.dispatch import dispatcher_for

    name = N_("worker")
    try:
        dispatcher_for(config).check()
    except ObmenError as error:
        return Check(name, False, config.worker.engine, str(error))
    return Check(
        name, True, _("a process of its own for each session: {python}").format(python=sys.executable)
    )


def _logout(system: Path = Path("/")) -> Check:
    """Whether systemd-logind kills this account's workers at logout (KillUserProcesses, loginctl enable-linger)."""
    name, user = N_("logout"), account()
    if not (system / "run/systemd/seats").is_dir():
        return Check(name, True, _("no logind here: imports outlive a logout"))
    if (
        user == "root"
        or (system / "var/lib/systemd/linger" / user).exists()
        or not _kills_user_processes(system)
    ):
        return Check(name, True, _("imports outlive a logout"))
    return Check(
        name,
        False,
        _("logind kills imports at logout"),
        _("run: loginctl enable-linger {account}").format(account=user),
    )


def _kills_user_processes(system: Path) -> bool:
    """KillUserProcesses of logind.conf and its drop-ins: the last one wins. systemd's own default is yes, but
    distributions build it with another, which their logind.conf tells in a comment."""
    answer = True
    folders = [system / folder / "systemd" for folder in ("usr/lib", "etc")]
    files = [folder / "logind.conf" for folder in folders]
    for folder in folders:
        files += sorted((folder / "logind.conf.d").glob("*.conf"))
    for comment in ("#", ""):
        for path in files:
            for line in (
                path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ()
            ):
                key, _equals, value = line.partition("=")
                if key.strip() == comment + "KillUserProcesses":
                    answer = value.strip().lower() in ("yes", "true", "on", "1")
    return answer


def _locale() -> Check:
    encoding = locale.getpreferredencoding(False)
    ok = encoding.lower().replace("-", "") == "utf8"
    return Check(N_("locale"), ok, encoding, "" if ok else _("set LANG to a UTF-8 locale, e.g. ru_RU.UTF-8"))


def _terminal() -> Check:
    name = N_("terminal")
    if not sys.stdout.isatty():
        return Check(name, True, _("none: only the commands can be used here"))
    columns, lines = shutil.get_terminal_size()
    detail = f"{os.environ.get('TERM', '?')}, {columns}×{lines}"
    if os.environ.get("TERM", "dumb") == "dumb":
        return Check(name, False, detail, _("set TERM to what your terminal is, e.g. xterm-256color"))
    ok = columns >= 80 and lines >= 24
    return Check(name, ok, detail, "" if ok else _("make the window at least 80×24"))


async def _checklist(config: Settings) -> AsyncIterator[Check]:
    """The founding report: one session per confirm, its type, one request id, one task received, the lock."""
    with _gently_ended(), _scratch_folder() as folder:
        scratch = _scratch(config, folder)
        try:
            async for result in _confirm(scratch):
                yield result
        except ObmenError as error:
            yield Check(
                N_("launch"), False, str(error), _("see the log: {path}").format(path=config.log.path)
            )


@contextmanager
def _gently_ended() -> Iterator[None]:
    """A signal that would end this process on the spot first ends what runs in here, which thus clears up."""
    loop, task, came = asyncio.get_running_loop(), asyncio.current_task(), []

    def end(number: int) -> None:
        came.append(number)
        if task:
            task.cancel()

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
        if came:
            os.kill(os.getpid(), came[0])


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    """A temporary folder named after this process; those of processes that were killed are removed."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}-*-*-*"):
        pid, start = left.name.removeprefix(f"{SCRATCH}-").split("-")[:2]
        with suppress(OSError):
            ours = left.lstat().st_uid == os.geteuid() and not left.is_symlink()
            if ours and pid.isdecimal() and start_of(int(pid)) != start:
                shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}-{os.getpid()}-{start_of(os.getpid())}-") as folder:
        yield Path(folder)


def _scratch(config: Settings, folder: Path) -> Settings:
    from importers.sample import EXPORT

    replace = msgspec.structs.replace
    return replace(
        config,
        source=replace(config.source, path=str(EXPORT)),
        catalog=replace(config.catalog, url=f"sqlite:///{folder / 'catalog.sqlite3'}"),
        journal=replace(config.journal, url=f"sqlite:///{folder / 'journal.sqlite3'}"),
        images=replace(config.images, path=str(folder / "images")),
        log=replace(config.log, path=str(folder / "obmen.log")),
    )


async def _confirm(scratch: Settings) -> AsyncIterator[Check]:
    from importers.events import Options
    from importers.launch import LaunchRequest, launch, new_key
    from importers.sessions import Outcome, open_journal

    journal = await open_journal(scratch.journal.url)
    try:
        request = LaunchRequest((KIND,), scratch.source.path, new_key(), Options(dry_run=True))
        async with asyncio.TaskGroup() as group:  # all have ended when it is left, also by a cancellation
            rivals = [group.create_task(launch(request, scratch, journal)) for _rival in range(RIVALS)]
        results = [rival.result() for rival in rivals]
        for result in results:
            if result.session is None:
                raise ObmenError(Message(result.reason or "", result.reason_args))
        sessions = await journal.sessions()
        created = [result for result in results if result.outcome is Outcome.CREATED]
        yield Check(
            N_("one session per confirm"),
            len(sessions) == len(created) == 1,
            ngettext(
                "{n} session from {rivals} presses", "{n} sessions from {rivals} presses", len(sessions)
            ).format(n=len(sessions), rivals=RIVALS),
            _("report this as a bug, with the log"),
        )
        session = await _ended(journal, sessions[-1].id, scratch)
        yield Check(
            N_("session type"),
            session.type == KIND,
            session.type,
            _("report this as a bug, with the log"),
        )
        lines = await journal.events(session.id)
        in_session = REQUEST.findall("\n".join(render(line.message, line.args) for line in lines))
        file = await asyncio.to_thread(Path(scratch.log.path).read_text, encoding="utf-8")
        pressed = sorted(result.request_id for result in results)
        yield Check(
            N_("one request id per confirm"),
            set(in_session) == {session.request_id} and sorted(set(REQUEST.findall(file))) == pressed,
            ", ".join(dict.fromkeys(in_session)),
            _("check that log.path can be written"),
        )
        received = [line for line in lines if line.type == "received"]
        yield Check(
            N_("one task received"),
            len(received) == 1,
            _("received {n} times, the session is {status}").format(n=len(received), status=session.status),
            _("see whether a worker can start: {command}").format(
                command=f"{sys.executable} -m importers.worker"
            ),
        )
        locks = [result.lock for result in created]
        yield Check(
            N_("launch lock"),
            set(locks) == {"acquired"},
            ", ".join(locks),
            _("see the redis line above; the database alone still allows one session only"),
        )
    finally:
        try:
            await _end_workers(journal, scratch)
        finally:
            await journal.close()


async def _end_workers(journal: Journal, scratch: Settings) -> None:
    """Whoever is still at work would make the scratch folder again once it is removed."""
    from importers.launch import target_of
    from importers.worker.dispatch import dispatcher_for

    for active in await journal.active_sessions(target_of(scratch)):
        if active.owner and active.owner.pid != os.getpid():
            await dispatcher_for(scratch).end(active)


async def _ended(journal: Journal, session_id: int, scratch: Settings) -> Session:
    """The session after its end, or as it is when no worker ends it in time."""
    from importers.worker.reaper import reap

    loop = asyncio.get_running_loop()
    end = loop.time() + WORKER_SECONDS
    watch = journal.watch()
    while not (session := await journal.session(session_id)).status.final and loop.time() < end:
        await reap(journal, scratch)
        while not await watch.changed() and loop.time() < end:  # noqa: ASYNC110 (another process ends it)
            await asyncio.sleep(POLL_SECONDS)
    return session
