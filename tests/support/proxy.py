"""A server behind a line that can be cut: at a COMMIT, before the server has it or before its answer is back."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT\x00"


class Cut(Enum):
    BEFORE = "before the server has it"
    AFTER = "before its answer is back"


class Line:
    """To the server at `url`. `cut`: how the next COMMIT is cut, once. `is_down`: nobody gets through."""

    def __init__(self, url: str) -> None:
        self._server = str(Path(parse_qs(urlsplit(url).query)["host"][0]) / SOCKET)
        self._folder = Path(tempfile.mkdtemp(prefix="obmen-line-"))
        self.url = url.replace(str(Path(self._server).parent), str(self._folder))
        self.cut: Cut | None = None
        self.cuts = 0
        self.is_down = False
        self._open: set[socket.socket] = set()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self._folder / SOCKET))
        self._listening.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def go_down(self) -> None:
        self.is_down = True
        self._hang_up(*self._open)

    def close(self) -> None:
        self.is_down = True
        self._hang_up(self._listening, *self._open)
        shutil.rmtree(self._folder)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listening.accept()
                if self.is_down:
                    client.close()
                    continue
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._open |= {client, server}
                for one, other in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._pass_on, args=(one, other, one is client), daemon=True
                    ).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, is_from_client: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if is_from_client and COMMIT in data and self.cut:
                    self._cut(one, other, data)
                    return
                other.sendall(data)
        self._hang_up(one, other)

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        cut, self.cut = self.cut, None
        self.cuts += 1
        if cut is Cut.BEFORE:
            self._hang_up(client, server)
        else:
            client.shutdown(socket.SHUT_RDWR)
            server.sendall(data)  # the other thread hangs up: it has the answer, and nobody to pass it on to

    def _hang_up(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._open.discard(each)


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    line = Line(url)
    try:
        yield line
    finally:
        line.close()
