"""A PgBouncer in front of a server of a test run, in the mode that takes most away: a transaction a connection."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.postgres import as_somebody

PGBOUNCER = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path="/usr/bin:/usr/sbin")


@contextmanager
def pgbouncer(server: str, connections: int = 2) -> Iterator[str]:
    """Its address. So many connections to the server serve all of its clients."""
    assert PGBOUNCER
    folder = Path(tempfile.mkdtemp(prefix="obmen-pb-"))
    command, options = as_somebody(folder)
    address, _option, place = server.partition("host=")
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"""\
[databases]
* = host={place} user=obmen
[pgbouncer]
listen_port = 5432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
server_round_robin = 1
max_client_conn = 200
""",
        encoding="ascii",
    )
    process = subprocess.Popen([*command, PGBOUNCER, "-q", config], start_new_session=True, **options)
    try:
        end = time.monotonic() + 10
        while not (folder / ".s.PGSQL.5432").exists():
            assert process.poll() is None, "PgBouncer does not start"
            assert time.monotonic() < end, "PgBouncer does not start"
            time.sleep(0.01)
        yield f"{address}host={folder}"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)
