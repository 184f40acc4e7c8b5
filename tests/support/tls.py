"""TLS in front of a server that has none, and certificates of authorities that are made for one test."""

from __future__ import annotations

import select
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OPENSSL = shutil.which("openssl")
NAME = "localhost"
"""Whom certificates are for. 127.0.0.1 leads to the same server and stands in none of them."""
POSTGRES_ASKS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
"""What a client of PostgreSQL sends first, in clear: does the server speak TLS?"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


class Authority:
    """Its certificate is `file`. Needs OPENSSL."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file, self._key, self._folder = folder / f"{name}.pem", folder / f"{name}.key", folder
        _openssl("req", "-x509", *_KEY, "-subj", f"/CN={name}", "-keyout", self._key, "-out", self.file)

    def for_server(self) -> ssl.SSLContext:
        """What a server called NAME shows to who connects."""
        certificate, key = self._folder / "server.pem", self._folder / "server.key"
        signed = ("-CA", self.file, "-CAkey", self._key, "-addext", f"subjectAltName=DNS:{NAME}")
        _openssl("req", "-x509", *_KEY, "-subj", "/CN=server", *signed, "-keyout", key, "-out", certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


class Tunnel:
    """Where clients speak TLS to the server that listens at `server`, in clear. `wire`: every byte that they sent."""

    def __init__(self, server: Path, context: ssl.SSLContext, first: bytes) -> None:
        self._server, self._context, self._first = str(server), context, first
        self.wire = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):  # an SSLError is one
            if self._first:
                asked = client.recv(len(self._first))
                if asked != self._first:
                    self.wire += asked + client.recv(65536)
                    return
                client.sendall(b"S")
            server.connect(self._server)
            self._pass_on(client, server)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self._context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            readable, _, _ = select.select([client, server], [], [])
            for one in readable:
                data = one.recv(65536)
                if not data:
                    return
                if one is server:
                    tls.write(data)
                    continue
                self.wire += data
                incoming.write(data)
                with suppress(ssl.SSLWantReadError):
                    while clear := tls.read(65536):
                        server.sendall(clear)
                    return  # it takes its leave
            client.sendall(outgoing.read())


@contextmanager
def tunnel(server: Path, context: ssl.SSLContext, first: bytes = b"") -> Iterator[Tunnel]:
    """`first`: what clients send, and is answered, before they speak TLS."""
    made = Tunnel(server, context, first)
    try:
        yield made
    finally:
        made.close()


def _openssl(*args: str | Path) -> None:
    assert OPENSSL
    subprocess.run([OPENSSL, *args], check=True, capture_output=True, timeout=20)


@contextmanager
def behind_tls(server: Path, folder: Path) -> Iterator[tuple[int, Path]]:
    """The port on this machine, and the certificate of who signed the server's. `server`: its socket."""
    authority = Authority(folder, "authority")
    front = Tunnel(server, authority.for_server(), b"")
    try:
        yield front.port, authority.file
    finally:
        front.close()
