"""TLS in front of a server that speaks none, as of a host named localhost."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread


@contextmanager
def behind_tls(server: Path, folder: Path) -> Iterator[tuple[int, Path]]:
    """The port on this machine, and the certificate, which has signed itself. `server`: its socket."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", key, "-out", certificate,
        ],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(server)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                target.write(data)
            target.close()

        try:
            await asyncio.gather(pump(reader, outer), pump(inner, writer), return_exceptions=True)
        finally:
            outer.transport.abort()
            writer.transport.abort()

    with asyncio.Runner() as runner:  # it ends what still runs
        loop = runner.get_loop()
        listening = runner.run(asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context))
        thread = Thread(target=loop.run_forever)
        thread.start()
        try:
            yield listening.sockets[0].getsockname()[1], certificate
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            listening.close()
