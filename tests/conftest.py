"""What all tests share: an environment without the developer's settings, and obmen as a command."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from shutil import copytree
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from uuid import uuid4

import pytest

from importers import settings, texts

if TYPE_CHECKING:
    from support.engine_stage import MovedClock, RedisServer
    from support.engines import Hand, PostgresHand, Schemas

pytest.register_assert_rewrite("support")  # its helpers should tell what differs

EXPORTS = Path(os.environ.get("REAL_EXPORTS", "no-real-exports"))
"""A folder of real exports, each in a folder of its own; tests that read them are skipped where there is none."""

# Whoever starts tests in the background has these ignored, and so would have all that tests start.
for _number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(_number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
for _name in [name for name in os.environ if name.startswith("OBMEN_")]:
    del os.environ[_name]
for _name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "NO_COLOR", "COLORTERM", "SSH_CONNECTION"):
    os.environ.pop(_name, None)
os.environ["LANG"] = "C.UTF-8"
# The many processes of the tests compile the program once, not each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# What tests write lies in memory where that is large: they wait for a disk half of their time, and nobody keeps it.
MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and MEMORY.is_dir():
    _found = os.statvfs(MEMORY)
    if _found.f_bavail * _found.f_frsize > 8 << 30 and not _found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # else it is where pytest found it before


def pytest_collection_finish() -> None:
    """What is there by now stays. To look through it for garbage every few moments costs a tenth of all the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 10)


@pytest.fixture(scope="module", autouse=True)
def nothing_left_open() -> Iterator[None]:
    """What a test forgot to close warns when it is found, and fails here: not in the tests of another file."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def english() -> None:
    texts.use("en")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server, which a test shares with others: each has a schema of its own."""
    from support.postgres import postgres_server

    with postgres_server() as url:
        yield url


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """The address of an empty one."""
    import psycopg

    name = f"d{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
        yield postgres.replace("/postgres?", f"/{name}?")
        db.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_schema(postgres: str) -> Iterator[Callable[[], PostgresHand]]:
    """Makes one of that server, for a journal or a catalog of this test."""
    from support.engines import PostgresHand

    with ExitStack() as stack:

        def make() -> PostgresHand:
            made = PostgresHand(postgres)
            stack.callback(made.drop)
            return made

        yield make


@pytest.fixture(scope="session")
def schemas(postgres: str) -> Schemas:
    """Of that server, for catalogs of tests that do not look at how its tables are made."""
    from support.engines import Schemas

    return Schemas(postgres)


@pytest.fixture
def hand(new_schema: Callable[[], PostgresHand]) -> PostgresHand:
    return new_schema()


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def make_hand(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], Hand]:
    """A database of that engine, by its name."""
    from support.engines import SqliteHand

    def make(name: str) -> Hand:
        if engine == "sqlite":
            return SqliteHand(tmp_path / f"{name}.sqlite3")
        made: Hand = request.getfixturevalue("new_schema")()
        return made

    return make


@pytest.fixture
def clock() -> MovedClock:
    """That of the journal's database."""
    from support.engine_stage import MovedClock

    return MovedClock()


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    from support.engine_stage import redis_server

    with redis_server() as server:
        yield server


@dataclass
class Obmen:
    """obmen in a folder of its own, as a command."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.folder / "config.toml", self.env)

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog.sqlite3"

    def run(self, *args: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
        """In another process."""
        return subprocess.run(
            [sys.executable, "-m", "tui", *args],
            cwd=self.folder,
            env={**os.environ, **self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def call(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """As `run`, but within this process: for what is told and done, where the process itself is not looked at."""
        from tui.commands import main

        out, err = StringIO(), StringIO()
        environ = patch.dict(os.environ, {**self.env, **env})
        with environ, chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
            code = main(args)
        return subprocess.CompletedProcess(args, code, out.getvalue(), err.getvalue())

    def json(self, *args: str, code: int | None = 0, process: bool = False, **env: str) -> Any:
        """What the command prints with --json; its exit code must be `code`. `process`: in one of its own, as beside
        other threads or in a test that is async."""
        done = (self.run if process else self.call)(*args, "--json", **env)
        assert code is None or done.returncode == code, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def obmen(tmp_path: Path) -> Obmen:
    """obmen on the sample export, with all its files below tmp_path."""
    return make_obmen(tmp_path)


@pytest.fixture(scope="session")
def used_once(tmp_path_factory: pytest.TempPathFactory) -> Obmen:
    obmen = make_obmen(tmp_path_factory.mktemp("used"))
    obmen.json("import", "customers")
    return obmen


@pytest.fixture
def used(used_once: Obmen, tmp_path: Path) -> Obmen:
    """As `obmen`, after an import of customers: a copy of what was made once."""
    return Obmen(Path(copytree(used_once.folder, tmp_path, dirs_exist_ok=True)))


def make_obmen(folder: Path) -> Obmen:
    from importers.sample import EXPORT

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text(
        f"""\
[source]
path = "{EXPORT}"
[catalog]
url = "sqlite:///catalog.sqlite3"
[journal]
url = "sqlite:///journal.sqlite3"
[images]
path = "images"
[log]
path = "obmen.log"
""",
        encoding="utf-8",
    )
    return Obmen(folder)


@pytest.fixture
def rows() -> Callable[..., list[tuple[Any, ...]]]:
    """Read a SQLite file by SQL."""
    import sqlite3
    from contextlib import closing

    def read(path: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as db:
            return db.execute(sql, parameters).fetchall()

    return read
