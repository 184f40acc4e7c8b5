"""The checklist of the founding report, by a real import on a scratch journal and catalog."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from importers import words
from importers.doctor.finding import Check
from importers.errors import ObmenError
from importers.processes import start_of
from importers.texts import N_, _, ngettext, render

if TYPE_CHECKING:
    from importers.sessions import Journal
    from importers.settings import Settings


RIVALS = 3
"""How many confirms race in the checklist, all with one idempotency key, as a double click would."""
WORKER_SECONDS = 30.0
REQUEST = re.compile(r"\[Request ([0-9a-f]{8})\]")
KIND = "catalog"
"""What the checklist imports."""
SCRATCH = "obmen-doctor"
"""What the names of its temporary folders begin with."""


async def checklist(config: Settings) -> AsyncIterator[Check]:
    """The founding report: one session per confirm, its type, one request id, one task received, the lock."""
    with _gently_ended(), scratch_folder() as folder:
        scratch = _scratch(config, folder)
        try:
            with _worker_of(scratch):
                async for result in _confirm(scratch):
                    yield result
        except ObmenError as error:
            yield Check(
                N_("launch"), False, str(error), _("see the log: {path}").format(path=config.log.path)
            )


def _worker_of(scratch: Settings) -> AbstractContextManager[None]:
    """Workers of Celery on other hosts see no scratch journal: it has one of its own."""
    if scratch.worker.engine != "celery" or not scratch.redis.url:
        return nullcontext()
    from importers.doctor.celery_workers import trial_worker

    return trial_worker(scratch)


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
def scratch_folder() -> Iterator[Path]:
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
        default_shop="",
        shops={},
        source=replace(config.source, path=str(EXPORT)),
        catalog=replace(config.catalog, url=f"sqlite:///{folder / 'catalog.sqlite3'}"),
        journal=replace(config.journal, url=f"sqlite:///{folder / 'journal.sqlite3'}"),
        images=replace(config.images, path=str(folder / "images")),
        log=replace(config.log, path=str(folder / "obmen.log")),
        worker=replace(config.worker, queue=folder.name.lower()[:40]),
    )


async def _confirm(scratch: Settings) -> AsyncIterator[Check]:
    from importers.control import Control
    from importers.events import Options
    from importers.launch import launch, new_request
    from importers.sessions import Outcome, open_journal

    journal = await open_journal(scratch.journal.url)
    try:
        request = new_request(scratch, (KIND,), options=Options(dry_run=True))
        async with asyncio.TaskGroup() as group:  # all have ended when it is left, also by a cancellation
            rivals = [group.create_task(launch(request, scratch, journal)) for _rival in range(RIVALS)]
        results = [rival.result() for rival in rivals]
        for result in results:
            if result.session is None:
                raise ObmenError(result.reason or "")
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
        session = await Control(scratch, journal).follow(sessions[-1].id, seconds=WORKER_SECONDS)
        yield Check(
            N_("session type"),
            session.type == KIND,
            _(session.type),
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
            _received(len(received), words.status(session.status)),
            _("see whether a worker can start: {command}").format(
                command=f"{sys.executable} -m importers.worker"
            ),
        )
        locks = [result.lock for result in created]
        yield Check(
            N_("launch lock"),
            set(locks) == {"acquired"},
            ", ".join(map(words.lock, locks)),
            _("see the redis line above; the journal alone still allows one session only"),
        )
    finally:
        try:
            await _end_workers(journal, scratch)
        finally:
            await journal.close()


async def _end_workers(journal: Journal, scratch: Settings) -> None:
    """Whoever is still at work would make the scratch folder again once it is removed."""
    from importers.worker.dispatch import dispatcher_for

    for active in await journal.active_sessions():
        if active.owner and active.owner.pid != os.getpid():
            await dispatcher_for(scratch).end(active)


def _received(times: int, status: str) -> str:
    if times == 1:
        return _("received once, the session is {status}").format(status=status)
    return _("received more than once ({n}), the session is {status}").format(n=times, status=status)
