"""PgBouncer in front of a server, where it is installed: each transaction has whichever connection is free."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

BINARY = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
CONFIG = """\
[databases]
* = host={server} user=obmen
[pgbouncer]
unix_socket_dir = {folder}
listen_port = 5432
auth_type = any
pool_mode = transaction
default_pool_size = 4
client_tls_sslmode = disable
"""


@contextmanager
def pooled(url: str) -> Iterator[str]:
    """The address of the pooler before the server at `url`. It refuses root, so it runs as nobody."""
    assert BINARY
    server = parse_qs(urlsplit(url).query)["host"][0]
    folder = Path(tempfile.mkdtemp(prefix="obmen-pool-"))
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(server=server, folder=folder), encoding="utf-8")
    somebody = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
    process = subprocess.Popen([*somebody, BINARY, str(config)], stderr=subprocess.PIPE, text=True)
    assert process.stderr
    try:
        said = next((line for line in process.stderr if "process up" in line), "")
        assert said, "PgBouncer does not start"
        yield url.replace(server, str(folder))
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        shutil.rmtree(folder)
