"""What several machines do, on one: PostgreSQL, a server like Redis and two Celery workers, all from wheels and in a
directory of their own, with the control room on two shops.

Everything ends when the control room is left, or when this process is killed in whatever way.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from importers.errors import UsageError
from importers.sample import EXPORT
from importers.sample.make import write_export
from importers.settings import PREFIX
from importers.texts import N_
from tests.support.celery_worker import celery_worker
from tests.support.engine_stage import redis_server
from tests.support.postgres import postgres_server

MARK = "DEMO_CLUSTER"
"""The variable in the environment of all that is started here."""
WORKERS = 2
CONFIG = """\
# Made by `make demo-cluster`.
default_shop = "outdoor"
[journal]
url = "{postgres}"
[redis]
url = "{redis}"
[worker]
engine = "celery"
[log]
path = "obmen.log"
[shops.outdoor]
source.path = "outdoor"
catalog.url = "{postgres}&schema=outdoor"
images.path = "outdoor-images"
[shops.camping]
source.path = "camping"
catalog.url = "{postgres}&schema=camping"
images.path = "camping-images"
"""


def main() -> int:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(
            N_("the control room needs a terminal; without one use the commands, see obmen --help")
        )
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    for name in [name for name in os.environ if name.startswith(PREFIX) and name != f"{PREFIX}LANGUAGE"]:
        del os.environ[name]
    with ExitStack() as stack:
        folder = stack.enter_context(ending_with_us())
        print("PostgreSQL…", end=" ", flush=True)
        postgres = stack.enter_context(postgres_server())
        print("Valkey…", end=" ", flush=True)
        redis = stack.enter_context(redis_server()).url
        config = folder / "config.toml"
        config.write_text(CONFIG.format(postgres=postgres, redis=redis), encoding="utf-8")
        shutil.copytree(EXPORT, folder / "outdoor")
        write_export(folder / "camping", products=120, seed=7)
        print("Celery…", flush=True)
        for _worker in range(WORKERS):
            stack.enter_context(celery_worker(config))
        return subprocess.run([sys.executable, "-m", "tui", "--config", str(config)], check=False).returncode


@contextmanager
def ending_with_us() -> Iterator[Path]:
    """A directory for all that is made; it goes, and all that runs, with the end of this process, even by SIGKILL: then
    another one sees to it, which waits for just that."""
    folder = Path(tempfile.mkdtemp(prefix="obmen-cluster-"))
    os.environ[MARK] = secrets.token_hex(8)
    end, ours = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(ours)
        os.read(end, 1)  # nobody writes
        end_all(os.environ[MARK], folder)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
    os.close(end)
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def end_all(mark: str, folder: Path) -> None:
    """Kill whatever has this mark, until nothing has. Valkey writes its title over its environment, and names there the
    socket in the folder."""
    wanted = f"{MARK}={mark}".encode()
    found = True
    while found:
        found = False
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                is_ours = (
                    wanted in (process / "environ").read_bytes().split(b"\0")
                    or f"{folder}/".encode() in (process / "cmdline").read_bytes()
                )
                if is_ours and int(process.name) != os.getpid():
                    os.kill(int(process.name), signal.SIGKILL)
                    found = True


if __name__ == "__main__":
    try:
        sys.exit(main())
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
