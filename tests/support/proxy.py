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
    SILENT = "before the server has it, and it does not see that the client is gone"


class Line:
    """To the server at `url`. `cut`: how the next COMMIT is cut, once, behind `spared` others. `is_down`: nobody gets
    through."""

    def __init__(self, url: str) -> None:
        self._server = str(Path(parse_qs(urlsplit(url).query)["host"][0]) / SOCKET)
        self._folder = Path(tempfile.mkdtemp(prefix="obmen-line-"))
        self.url = url.replace(str(Path(self._server).parent), str(self._folder))
        self.cut: Cut | None = None
        self.spared = 0
        self.cuts = 0
        self.is_down = False
        self._open: set[socket.socket] = set()
        self._unanswered: set[socket.socket] = set()
        """Clients that are hung up on once the server's answer is here."""
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
            while (data := one.recv(65536)) and other not in self._unanswered:
                if is_from_client and COMMIT in data and self.cut:
                    if not self.spared:
                        self._cut(one, other, data)
                        return
                    self.spared -= 1
                other.sendall(data)
        self._hang_up(one, other)

    def _cut(self, client: socket.socket, server: socket.socket, data: bytes) -> None:
        cut, self.cut = self.cut, None
        self.cuts += 1
        if cut is Cut.BEFORE:
            self._hang_up(client, server)
        elif cut is Cut.SILENT:
            self._hang_up(client)
        else:
            self._unanswered.add(client)
            server.sendall(data)

    def _hang_up(self, *sockets: socket.socket) -> None:
        for each in sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._open.discard(each)
            self._unanswered.discard(each)


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    line = Line(url)
    try:
        yield line
    finally:
        line.close()
