"""What obmen stands on: Redis, the worker engine, the machine's logout, locale and terminal."""

from __future__ import annotations

import locale
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from importers.doctor.finding import Check
from importers.errors import ObmenError
from importers.processes import account
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.settings import Settings


async def check_redis(config: Settings) -> Check:
    name = N_("redis")
    if not config.redis.url:
        return Check(name, True, _("not used: one host, the lock is in the journal"))
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


async def check_worker(config: Settings) -> Check:
    from importers.worker.dispatch import dispatcher_for

    name = N_("worker")
    try:
        dispatcher_for(config).check()
    except ObmenError as error:
        return Check(name, False, config.worker.engine, str(error))
    if config.worker.engine == "celery":
        from importers.doctor.celery_workers import check_workers

        return await check_workers(config)
    return Check(
        name, True, _("a process of its own for each session: {python}").format(python=sys.executable)
    )


def check_logout(system: Path = Path("/")) -> Check:
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


def check_locale() -> Check:
    encoding = locale.getpreferredencoding(False)
    ok = encoding.lower().replace("-", "") == "utf8"
    return Check(N_("locale"), ok, encoding, "" if ok else _("set LANG to a UTF-8 locale, e.g. ru_RU.UTF-8"))


def check_terminal() -> Check:
    name = N_("terminal")
    if not sys.stdout.isatty():
        return Check(name, True, _("none: only the commands can be used here"))
    columns, lines = shutil.get_terminal_size()
    detail = f"{os.environ.get('TERM', '?')}, {columns}×{lines}"
    if os.environ.get("TERM", "dumb") == "dumb":
        return Check(name, False, detail, _("set TERM to what your terminal is, e.g. xterm-256color"))
    ok = columns >= 60 and lines >= 20
    return Check(name, ok, detail, "" if ok else _("make the window at least 60×20"))
